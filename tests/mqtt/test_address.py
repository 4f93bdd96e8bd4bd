import pytest

from devices.errors import UsageError
from devices.mqtt.address import BrokerAddress


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mqtt://mqtt.lan", BrokerAddress("mqtt.lan")),
        ("mqtt://mqtt.lan/", BrokerAddress("mqtt.lan")),
        ("MQTT://MQTT.lan:1884", BrokerAddress("mqtt.lan", 1884)),
        ("mqtts://mqtt.lan", BrokerAddress("mqtt.lan", 8883, tls=True)),
        ("mqtts://mqtt.lan:1883", BrokerAddress("mqtt.lan", 1883, tls=True)),
        ("mqtt://[::1]:1885", BrokerAddress("::1", 1885)),
        ("mqtt://[fe80::1]", BrokerAddress("fe80::1")),
        ("mqtt://anna@host", BrokerAddress("host", user="anna")),
        ("mqtt://anna:secret@host", BrokerAddress("host", user="anna", password="secret")),
        ("mqtt://anna:@host", BrokerAddress("host", user="anna", password="")),
        ("mqtt://a%40b:p%2Fq%3Ar%23%20%C3%BC@host", BrokerAddress("host", user="a@b", password="p/q:r# ü")),
    ],
)
def test_an_address_is_read_as_people_write_it(text, address):
    assert BrokerAddress.parse(text) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no mqtt://"),
        ("mqtt.lan", "no mqtt://"),
        ("mqtt.lan:1883", "no mqtt://"),
        ("http://mqtt.lan", "http://"),
        ("mqtt://", "no host"),
        ("mqtt://:1883", "no host"),
        ("mqtt://anna:secret@", "no host"),
        ("mqtt://host:0", "port 0"),
        ("mqtt://host:65536", "65535"),
        ("mqtt://host:secret", "broker address"),
        ("mqtt://host/topic", "follows host"),
        ("mqtt://host?x=1", "follows host"),
        ("mqtt://:secret@host", "without a user"),
        ("mqtt://[::1", "broker address"),
        ("mqtt://anna:sec/ret@host", "broker address"),
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text, reason):
    with pytest.raises(UsageError, match=reason) as refusal:
        BrokerAddress.parse(text)
    assert "mqtt://" in refusal.value.remedy
    assert "sec" not in refusal.value.message


def test_no_text_of_an_address_shows_the_password_but_its_url_does():
    address = BrokerAddress.parse("mqtts://an%20na:se%3Acret@[::1]:1")
    assert "cret" not in f"{address} {address!r} {address.place}"
    assert str(address) == "mqtts://an%20na@[::1]:1"
    assert address.url == "mqtts://an%20na:se%3Acret@[::1]:1"
    assert BrokerAddress.parse(address.url) == address


def test_a_login_from_elsewhere_replaces_the_one_in_the_address():
    assert BrokerAddress.parse("mqtt://a:b@host").with_login("c", "d").url == "mqtt://c:d@host:1883"

"""Each way in which a broker does not let us in, or does not take what we say, has one clear error with a remedy."""

import asyncio
import datetime as dt
import socket
import sys
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from devices.errors import RefusedError, UnreachableError, UsageError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.broker import Broker, Mosquitto
from devices.mqtt.kind import BrokerKind, probe
from devices.mqtt.session import Session
from devices.testing.broker import DEADLINE


async def refusal(address, client_id="test"):
    with pytest.raises(UnreachableError) as caught:
        async with Session(address, client_id, clean_start=True, session_expiry=0):
            pytest.fail("it was let in")
    assert caught.value.remedy
    assert "secret" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def test_nobody_listens(free_port):
    text = await refusal(BrokerAddress("127.0.0.1", free_port))
    assert f"nobody listens at 127.0.0.1:{free_port}" in text


async def test_a_host_that_does_not_exist():
    assert "no host named nowhere.invalid" in await refusal(BrokerAddress("nowhere.invalid"))


async def test_a_wrong_password(guarded):
    address = guarded.address.with_login("anna", "secret2")
    assert "does not let user anna in" in await refusal(address)


async def test_no_password_where_one_is_wanted(guarded):
    assert "does not let somebody without a user name in" in await refusal(guarded.address)


async def test_a_wrong_password_for_the_embedded_broker_which_only_closes(tmp_path, free_port):
    with guarded_embedded(tmp_path, free_port):
        address = BrokerAddress("127.0.0.1", free_port, user="anna", password="secret")
        text = await refusal(address.with_login("anna", "secret2"))
        assert "closes the connection instead of answering" in text
        assert "user and password are wrong" in text
        async with Session(address, "test") as session:
            await session.publish("x", b"")


def guarded_embedded(folder, port):
    """The wheel's broker as a user could have set it up, with a password."""
    config = (folder / "embedded.toml").absolute()

    class Guarded(Broker):
        kind = BrokerKind.EMBEDDED
        version = "0"

        def _command(self):
            config.write_text(
                f"id = 0\n[router]\nid = 0\nmax_connections = 10\nmax_outgoing_packet_count = 200\n"
                f'max_segment_size = 1048576\nmax_segment_count = 2\n[v5.1]\nname = "v5"\nlisten = "127.0.0.1:{port}"\n'
                "next_connection_delay_ms = 1\n[v5.1.connections]\nconnection_timeout_ms = 60000\n"
                'max_payload_size = 1000000\nmax_inflight_count = 100\ndynamic_filters = true\nauth = { anna = "secret" }\n'
            )
            return [sys.executable, "-P", "-m", "iotcore", "--config", str(config), "--log-level", "CRITICAL"]

        def _wait_until_it_answers(self):
            wait_for_port(self)

    return Guarded(folder, port)


@pytest.fixture
def old_broker(tmp_path, free_port):
    """Speaks MQTT 3.1.1 and nothing else."""

    class Old(Broker):
        kind = BrokerKind.EMBEDDED
        version = "0"

        def _command(self):
            return [sys.executable, "-P", "-m", "iotcore", "--port", str(free_port), "--listen", "127.0.0.1"]

        def _wait_until_it_answers(self):
            wait_for_port(self)

    with Old(tmp_path, free_port) as broker:
        yield broker


def wait_for_port(broker):
    """Returns when it listens; no CONNECT of ours would be answered."""
    pause = threading.Event()
    while True:
        try:
            socket.create_connection((broker.address.host, broker.address.port)).close()
        except ConnectionRefusedError:
            assert broker.running
            pause.wait(0.01)
        else:
            return


async def test_a_broker_of_mqtt_3_only(old_broker):
    assert "speaks no MQTT 5" in await refusal(old_broker.address)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"\x20\x02\x00\x01", "speaks no MQTT 5"),  # how an MQTT 3.1.1 server refuses a protocol level it does not know
        (b"\x20\x03\x00\x84\x00", "speaks no MQTT 5"),
        (b"\x20\x03\x00\x85\x00", "does not accept the client id 'test'"),
        (b"\x20\x03\x00\x86\x00", "wrong user or password"),
        (b"\x20\x03\x00\x89\x00", "takes no more clients now"),
        (b"\x20\x0b\x00\x8a\x08\x1f\x00\x05go\x1b[2", "it says: go\N{REPLACEMENT CHARACTER}[2"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "instead of answering"),
        (b"\x20\xff\xff\xff\xff\xff", "instead of answering"),
        (b"\x20\x04\x00\x00\x05\x11", "instead of answering"),  # the properties are cut short
        (b"", "closes the connection instead of answering"),
    ],
)
async def test_every_answer_to_connect_but_a_good_one(answer, text):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            assert text in await refusal(BrokerAddress("127.0.0.1", server.getsockname()[1]))
        finally:
            thread.join(DEADLINE)


async def test_a_client_id_that_the_embedded_broker_does_not_take(embedded):
    assert "instead of answering" in await refusal(embedded.address, "a/b")


async def test_tls_where_there_is_none(plain):
    address = BrokerAddress(plain.address.host, plain.address.port, tls=True)
    assert "no TLS" in await refusal(address)


@pytest.fixture
def secured(tmp_path):
    """A Mosquitto with TLS, and a certificate for localhost that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )

    class Secured(Mosquitto):
        def _wait_until_it_answers(self):
            wait_for_port(self)

    settings = {"certfile": str(tmp_path / "cert.pem"), "keyfile": str(tmp_path / "key.pem")}
    with Secured(tmp_path, settings=settings) as broker:
        yield BrokerAddress("localhost", broker.address.port, tls=True)


async def test_a_certificate_that_nobody_vouches_for(secured):
    text = await refusal(secured)
    assert "is not trusted" in text
    assert "SSL_CERT_FILE" in text


async def test_a_certificate_that_is_trusted_carries_a_session_with_large_messages(secured, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    async with Session(secured, "test") as session:
        await session.subscribe({"x/#": 1})
        payload = bytes(range(256)) * 4096 * 4
        await session.publish("x/y", payload)
        delivery = await asyncio.wait_for(session.next_delivery(), DEADLINE)
        assert delivery.payload == payload


async def test_mqtt_without_tls_on_a_tls_port(secured):
    text = await refusal(BrokerAddress("localhost", secured.port))
    assert "instead of answering" in text


async def test_a_publish_that_the_access_list_denies_names_the_topic(guarded):
    async with Session(guarded.address.with_login("anna", "secret"), "test") as session:
        await session.publish("open/x", b"")
        with pytest.raises(RefusedError, match="closed/x: Not authorized") as caught:
            await session.publish("closed/x", b"")
        assert caught.value.place == "closed/x"
        await session.publish("open/x", b"")
        assert not session.lost.is_set()


async def test_a_broker_that_hides_its_own_topics_is_still_a_standard_one(guarded):
    async with Session(guarded.address.with_login("anna", "secret"), "test") as session:
        assert await probe(session) is BrokerKind.MOSQUITTO


async def test_a_message_larger_than_the_broker_takes_is_refused_here(guarded):
    async with Session(guarded.address.with_login("anna", "secret"), "test") as session:
        with pytest.raises(RefusedError, match="more than the broker takes"):
            await session.publish("open/x", bytes(1_000_000))
        await session.publish("open/x", bytes(999_900))


@pytest.mark.parametrize("topic", ["", "a/+", "a/#", "a\0b", "x" * 65536])
async def test_a_text_that_is_no_topic_is_refused_here(plain, topic):
    async with Session(plain.address, "test") as session:
        with pytest.raises(UsageError, match="no topic to publish to"):
            await session.publish(topic, b"")
        await session.publish("x", b"")

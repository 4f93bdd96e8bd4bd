"""The short way of reading a PUBLISH says what paho's own long way says, or leaves it to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt.client import MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.mqtt.plain import plain_publish


def properties(identifiers: list[int], expiry: int | None) -> Properties:
    made = Properties(PacketTypes.PUBLISH)
    for identifier in identifiers:
        made.SubscriptionIdentifier = identifier
    if expiry is not None:
        made.MessageExpiryInterval = expiry
    return made


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    st.binary(max_size=40),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(1, 268_435_455), max_size=2),
    st.none() | st.integers(1, 2**32 - 1),
)
def test_it_reads_what_paho_reads(topic, payload, qos, retain, dup, identifiers, expiry):
    command = 0x30 | dup << 3 | qos << 1 | retain
    name = topic.encode()
    packet = len(name).to_bytes(2, "big") + name + (b"\x12\x34" if qos else b"")
    packet += properties(identifiers, expiry).pack() + payload
    message = plain_publish(command, packet)
    is_plain = qos < 2 and expiry is None and len(identifiers) < 2
    assert (message is not None) == is_plain
    if message is None:
        return
    theirs = _packet.decode_publish(command, packet, MQTTv5)
    assert (message.topic, message.payload) == (topic, payload)
    assert message.topic.encode() == theirs.topic
    assert (message.qos, message.retain, message.dup) == (theirs.qos, theirs.retain, theirs.dup)
    assert message.mid == (theirs.mid or 0)
    assert vars(message.properties).get("SubscriptionIdentifier") == vars(theirs.properties).get(
        "SubscriptionIdentifier"
    )
    assert message.properties.packetType == PacketTypes.PUBLISH


@given(st.integers(0x30, 0x3F), st.binary(max_size=30))
def test_any_bytes_are_read_or_left_without_an_error(command, packet):
    message = plain_publish(command, packet)
    assert message is None or len(message.payload) <= len(packet)


def test_properties_that_go_beyond_the_packet_are_left_to_paho():
    assert plain_publish(0x30, b"\x00\x01t\x03") is None
    assert plain_publish(0x30, b"\x00\x01t") is None
    assert plain_publish(0x30, b"\x00\x01t\x02\x0b\x80payload") is None

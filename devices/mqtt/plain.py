"""PUBLISH packets without paho's property machinery.

paho makes a `Properties` object for each packet, with tables for all that a packet could have: measured, 35 of the 50 us
that a telemetry message costs from the socket to the rules. Devices' messages have no properties at all, or none but
the identifier of the subscription that they come by. Those are read here; anything else is left to paho.
"""

from __future__ import annotations

from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_SUBSCRIPTION_IDENTIFIER = 0x0B
_LARGEST = 5  # bytes of the one property: its own identifier, and at most four of a variable byte integer


def plain_publish(command: int, packet: bytes | bytearray) -> MQTTMessage | None:
    """Returns the message in a PUBLISH of QoS 0 or 1 (MQTT 5.0, 3.3), ``None`` if it is not so plain.

    Args:
        command: the first byte of the fixed header.
        packet: what follows the fixed header.
    """
    qos = (command & 0x06) >> 1
    after_topic = 2 + int.from_bytes(packet[:2], "big")
    at = after_topic + (2 if qos else 0)
    if qos > 1 or at >= len(packet):
        return None
    length = packet[at]
    payload_at = at + 1 + length
    if payload_at > len(packet):
        return None
    properties = Properties.__new__(Properties)  # its __init__ and __setattr__ are the machinery
    fields = vars(properties)
    fields["packetType"] = PacketTypes.PUBLISH
    if length:
        identifier = _identifier(packet[at + 1 : payload_at]) if length <= _LARGEST else None
        if identifier is None:
            return None
        fields["SubscriptionIdentifier"] = [identifier]
    packet_id = int.from_bytes(packet[after_topic:at], "big")
    message = MQTTMessage(mid=packet_id, topic=bytes(packet[2:after_topic]))
    message.dup, message.qos, message.retain = bool(command & 0x08), qos, bool(command & 0x01)
    message.properties, message.payload = properties, bytes(packet[payload_at:])
    return message


def _identifier(field: bytes | bytearray) -> int | None:
    """Reads a subscription identifier that is the whole field (MQTT 5.0, 1.5.5 and 3.3.2.3.8)."""
    if field[0] != _SUBSCRIPTION_IDENTIFIER:
        return None
    value = 0
    for position, byte in enumerate(field[1:]):
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return value if position == len(field) - 2 else None
    return None

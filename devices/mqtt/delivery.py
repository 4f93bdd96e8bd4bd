"""What comes from a broker and what is told to it, as values."""

from __future__ import annotations

from dataclasses import dataclass

from paho.mqtt.client import MQTTMessage
from paho.mqtt.properties import Properties

from devices.mqtt.properties import properties_in


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us when our connection ends without a DISCONNECT (MQTT 5.0, 3.1.2.5)."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """A PUBLISH from the broker (MQTT 5.0, 3.3).

    Args:
        topic: where it was published.
        payload: its bytes.
        qos: 0 or 1: the lower of the publisher's and the subscription's, or what the broker made of it.
        retain: it was kept by the broker and comes because of a new subscription; never set on a live message.
        duplicate: the DUP flag. On its own it proves nothing (`docs/protocol.md`, rule 11).
        packet_id: 1 to 65535 at QoS 1, used anew once acknowledged; 0 at QoS 0.
        response_topic: where the sender waits for an answer.
        correlation: what tells the sender which question an answer belongs to.
        user_properties: names and values, in order.
        content_type: as the sender put it.
        expiry: seconds that were left when the broker passed it on.
        subscription_ids: identifiers of the subscriptions that it matched, where they were given.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    duplicate: bool
    packet_id: int
    response_topic: str | None = None
    correlation: bytes | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None
    expiry: int | None = None
    subscription_ids: tuple[int, ...] = ()


def delivery_from(message: MQTTMessage) -> Delivery:
    """Returns paho's message as ours.

    Raises:
        UnicodeDecodeError: the topic is not UTF-8, which no broker may pass on ([MQTT-3.3.2-1]).
    """
    given = properties_in(message.properties)
    return Delivery(
        topic=message.topic,
        payload=bytes(message.payload),
        qos=message.qos,
        retain=bool(message.retain),
        duplicate=bool(message.dup),
        packet_id=message.mid,
        response_topic=given.get("ResponseTopic"),
        correlation=given.get("CorrelationData"),
        user_properties=tuple(given.get("UserProperty", ())),
        content_type=given.get("ContentType"),
        expiry=given.get("MessageExpiryInterval"),
        subscription_ids=tuple(given.get("SubscriptionIdentifier", ())),
    )


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the broker said in its CONNACK (MQTT 5.0, 3.2.2.3); defaults are the standard's for what it left out.

    Args:
        receive_maximum: QoS 1 messages that it takes from us unacknowledged. Mosquitto's is its
            `max_inflight_messages` (20 unless configured), which also bounds what it sends **to** us unacknowledged,
            whatever Receive Maximum we ask for.
        maximum_packet: bytes of the largest packet it takes; ``None`` for no limit of its own.
        topic_alias_maximum: highest topic alias it takes.
        maximum_qos: highest QoS.
        retain_available: whether it keeps retained messages.
        session_expiry: seconds for which it keeps the session if it does not grant what was asked.
        keep_alive: seconds, if it demands other ones than were asked.
        subscription_ids: whether it marks messages with the subscriptions that they match.
    """

    receive_maximum: int = 65535
    maximum_packet: int | None = None
    topic_alias_maximum: int = 0
    maximum_qos: int = 2
    retain_available: bool = True
    session_expiry: int | None = None
    keep_alive: int | None = None
    subscription_ids: bool = True


def limits_from(properties: Properties | None) -> ServerLimits:
    """Returns the limits that a CONNACK's properties set."""
    given = properties_in(properties)
    return ServerLimits(
        receive_maximum=given.get("ReceiveMaximum", 65535),
        maximum_packet=given.get("MaximumPacketSize"),
        topic_alias_maximum=given.get("TopicAliasMaximum", 0),
        maximum_qos=given.get("MaximumQoS", 2),
        retain_available=bool(given.get("RetainAvailable", 1)),
        session_expiry=given.get("SessionExpiryInterval"),
        keep_alive=given.get("ServerKeepAlive"),
        subscription_ids=bool(given.get("SubscriptionIdentifierAvailable", 1)),
    )

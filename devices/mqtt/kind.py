"""Which of two hand-overs a broker wants (`docs/protocol.md`, rule 20), found out in one place.

The embedded broker is recognised by what it does, never a standard broker by what it shows: `$SYS/broker/version` may
be hidden by an access list, and a broker that hides it must still be taken for a standard one. Two signs, both needed:

1. its CONNACK names a topic alias maximum of 4096 and nothing else (Mosquitto 2.0: 10 and a receive maximum);
2. it never answers an UNSUBSCRIBE for a filter that it does not know, against [MQTT-3.10.4-5]; a PINGREQ sent after it
   is answered, so no time-out is needed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from devices.mqtt.delivery import ServerLimits
from devices.mqtt.session import Session

_LIMITS_OF_THE_EMBEDDED: Final = ServerLimits(topic_alias_maximum=4096)


class BrokerKind(StrEnum):
    """How a broker behaves; the values are the names in options, benchmarks and JSON."""

    MOSQUITTO = "mosquitto"
    """Keeps the standard, as Mosquitto does: at a takeover it sends again what was not acknowledged, marked so."""
    EMBEDDED = "embedded"
    """rumqttd: at a takeover it sends acknowledged messages again, unmarked; so acknowledge, leave, then connect."""


async def probe(session: Session) -> BrokerKind:
    """Tells what kind of broker a session is connected to, in one way there and back at most.

    Raises:
        ConnectionLostError: the connection ended before the answer.
    """
    if session.limits != _LIMITS_OF_THE_EMBEDDED:
        return BrokerKind.MOSQUITTO
    answered = await session.unsubscribe_answered(f"{session.client_id}/never/subscribed")
    return BrokerKind.MOSQUITTO if answered else BrokerKind.EMBEDDED

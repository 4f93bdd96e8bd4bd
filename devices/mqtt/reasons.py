"""What a broker's refusal or silence means, and what to do about it: reason codes of MQTT 5.0, section 2.4, in words."""

from __future__ import annotations

from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

from devices.errors import RefusedError, UnreachableError, printable
from devices.mqtt.address import BrokerAddress

TAKEN_OVER: Final = 0x8E

_LOGIN: Final = "give the right user and password: mqtt://user:password@host"


class ConnectionLostError(UnreachableError):
    """The connection to the broker ended and nobody here wanted it.

    Args:
        code: the reason code of the broker's DISCONNECT, as `TAKEN_OVER`; ``None`` if it sent none. Mosquitto 2.0.11
            and the embedded broker send none at a takeover: a missing code is no proof of a network failure.
    """

    slug = "connection-lost"

    def __init__(
        self, message: str, *, place: str | None = None, remedy: str | None = None, code: int | None = None
    ) -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.code = code


class NoConnackError(UnreachableError):
    """The broker did not answer CONNECT: it closed the connection, or stayed silent."""

    slug = "no-connack"


def refused_connect(address: BrokerAddress, client_id: str, reason: ReasonCode, said: str | None) -> UnreachableError:
    """Returns the error for a CONNACK with a reason code of 0x80 or above (MQTT 5.0, 3.2.2.2).

    Args:
        address: the broker that was asked.
        client_id: who asked.
        reason: the code.
        said: the broker's own words, if it sent a reason string.
    """
    who = f"user {address.user}" if address.user else "somebody without a user name"
    match reason.value:
        case 0x84:
            message, remedy = (
                "speaks no MQTT 5",
                "use a broker with MQTT 5: Mosquitto 1.6 or later, or `midstream demo`",
            )
        case 0x85:
            message, remedy = f"does not accept the client id {client_id!r}", "use another name"
        case 0x86 | 0x87:
            message, remedy = f"does not let {who} in: wrong user or password, or not allowed", _LOGIN
        case 0x88 | 0x89 | 0x97 | 0x9F:
            message, remedy = f"takes no more clients now ({reason.getName()})", "try again later, or raise its limits"
        case _:
            message, remedy = f"refuses the connection: {reason.getName()}", "its log says more"
    words = f" (it says: {printable(said, 200)})" if said else ""
    return UnreachableError(f"the broker at {address.place} {message}{words}", remedy=remedy)


def no_connack(address: BrokerAddress, why: str) -> NoConnackError:
    """Returns the error for a connection that ended, or stayed silent, before the CONNACK.

    A broker may refuse in this way (MQTT 5.0, 3.1.4); the embedded one always does.
    """
    return NoConnackError(
        f"the broker at {address.place} {why} instead of answering CONNECT",
        remedy="either user and password are wrong, or it speaks no MQTT 5 on that port, or no MQTT at all; " + _LOGIN,
    )


def refused_publish(topic: str, reason: ReasonCode) -> RefusedError:
    """Returns the error for a PUBACK with a reason code of 0x80 or above (MQTT 5.0, 3.4.2.1)."""
    denied = "let this user write there in the broker's access list"
    return RefusedError(
        f"the broker does not take the message for {topic}: {reason.getName()}",
        place=topic,
        remedy=denied if reason.value == 0x87 else "the broker's log says more",
    )


def refused_subscribe(topic_filter: str, reason: ReasonCode) -> RefusedError:
    """Returns the error for a SUBACK or UNSUBACK with a reason code of 0x80 or above (MQTT 5.0, 3.9.3 and 3.11.3)."""
    denied = "let this user read there in the broker's access list"
    return RefusedError(
        f"the broker refuses the subscription to {topic_filter}: {reason.getName()}",
        place=topic_filter,
        remedy=denied if reason.value == 0x87 else "the broker's log says more",
    )

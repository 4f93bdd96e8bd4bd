"""By what a delivery is known when it comes again: packet id and digest (`docs/protocol.md`, rule 11)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from devices.mqtt.delivery import Delivery
from devices.protocol.checkpoint import Repeat

_WINDOWS: Final = 4
"""Windows of acknowledged arrivals that are remembered: a broker that was killed forgets its last acknowledgements."""


def digest_of(delivery: Delivery) -> bytes:
    """Returns 8 bytes over topic, payload and the properties that its publisher gave.

    Not over what the broker changes on the way: the time that is left to a message, and subscription identifiers.
    """
    properties = (delivery.response_topic, delivery.correlation, delivery.user_properties, delivery.content_type)
    text = "" if properties == (None, None, (), None) else repr(properties)
    digest = hashlib.sha256(f"{len(delivery.topic)}:{delivery.topic}{len(text)}:{text}".encode())
    digest.update(delivery.payload)
    return digest.digest()[:8]


class Repeats:
    """The QoS 1 arrivals that may come again, with their numbers.

    Args:
        records: from the checkpoint; all of them are covered by it, so their number is 0.
        window: QoS 1 messages that the broker sends unacknowledged, at most.
    """

    def __init__(self, records: Iterable[Repeat], window: int) -> None:
        self.window = window
        self._known: dict[tuple[int, bytes], int] = {(it.packet, it.digest): 0 for it in records}

    def number_of(self, delivery: Delivery, digest: bytes) -> int | None:
        """Returns the number of the arrival that a delivery repeats; ``None`` if it is new.

        A message without DUP is never taken for a repeat: packet ids are used anew.
        """
        return self._known.get((delivery.packet_id, digest)) if delivery.duplicate else None

    def remember(self, delivery: Delivery, digest: bytes, number: int, unacknowledged: int) -> None:
        """Remembers an arrival, and forgets the oldest beyond four windows and what is unacknowledged."""
        self.know(delivery.packet_id, digest, number, unacknowledged)

    def know(self, packet: int, digest: bytes, number: int, unacknowledged: int = 0) -> None:
        """The same, of an arrival that was kept in a file."""
        key = packet, digest
        self._known.pop(key, None)  # so that the order of the dict is the order of the last arrival
        self._known[key] = number
        most = _WINDOWS * self.window + max(self.window, unacknowledged)
        while len(self._known) > most:
            del self._known[next(iter(self._known))]

    def heard_before(self, digest: bytes, number: int) -> bool:
        """Tells whether an arrival other than ``number`` had this digest."""
        return any(known == digest and other != number for (_, known), other in self._known.items())

    def forget(self) -> None:
        """Forgets all: the broker lost the session and gives packet ids anew."""
        self._known.clear()

    def records(self) -> list[Repeat]:
        """Returns what a checkpoint keeps, oldest first."""
        return [Repeat(packet=packet, digest=digest) for packet, digest in self._known]

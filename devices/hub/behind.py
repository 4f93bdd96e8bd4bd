"""What has arrived behind the newest kept checkpoint: it is needed again by whoever goes back to that one."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

import msgspec

from devices.protocol import limits
from devices.protocol.checkpoint import Arrival, ConsumedRecord


@dataclass(slots=True)
class Incoming:
    """One arrival.

    Attributes:
        arrival: without subscriptions.
        identifiers: of the subscriptions for which the broker sent it.
        digest: by which a retained message is known; empty if it is not looked at.
        takers: the function's subscriptions that it was for.
        packet: id under which the broker sent it; 0 at QoS 0.
    """

    arrival: Arrival
    identifiers: tuple[int, ...] = ()
    digest: bytes = b""
    takers: list[int] = field(default_factory=list)
    packet: int = 0


class Saved(msgspec.Struct, kw_only=True, frozen=True):
    """An arrival as it is kept in a file: with its takers as subscriptions, and by what its repeat is known."""

    arrival: Arrival
    packet: int
    digest: bytes


class Behind:
    """The arrivals since the newest kept checkpoint, in order."""

    def __init__(self) -> None:
        self._arrivals: deque[Incoming] = deque()
        self._left_out = 0

    def add(self, incoming: Incoming) -> None:
        """Notes an arrival."""
        self._arrivals.append(incoming)

    def forget_up_to(self, number: int) -> None:
        """Says that a kept checkpoint has this cut."""
        self._left_out = 0
        while self._arrivals and self._arrivals[0].arrival.number <= number:
            self._arrivals.popleft()

    def trim(self, number: int) -> None:
        """Forgets the oldest beyond the limits, up to a number: nobody goes back behind that one without being told."""
        size = sum(len(it.arrival.payload) for it in self._arrivals)
        while self._arrivals and self._arrivals[0].arrival.number <= number:
            if len(self._arrivals) <= limits.CONSUMED_MESSAGES and size <= limits.CONSUMED_BYTES:
                return
            oldest = self._arrivals.popleft()
            size -= len(oldest.arrival.payload)
            self._left_out += bool(oldest.takers)

    def __iter__(self) -> Iterator[Incoming]:
        return iter(self._arrivals)

    def consumed(self, unread: Container[int]) -> ConsumedRecord:
        """Returns those that the function has had, or has let be superseded: the newest, within the limits.

        Args:
            unread: numbers of the arrivals that still wait for it.
        """
        had = [it for it in self._arrivals if it.takers and it.arrival.number not in unread]
        carried: deque[Arrival] = deque()
        room = limits.CONSUMED_BYTES
        for incoming in reversed(had):
            room -= len(incoming.arrival.payload)
            if room < 0 or len(carried) == limits.CONSUMED_MESSAGES:
                break
            carried.appendleft(msgspec.structs.replace(incoming.arrival, subscriptions=sorted(incoming.takers)))
        return ConsumedRecord(arrivals=list(carried), left_out=self._left_out + len(had) - len(carried))

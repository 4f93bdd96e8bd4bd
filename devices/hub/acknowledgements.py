"""The QoS 1 deliveries for which the broker still waits, in their order of arrival (`docs/protocol.md`, rule 9).

A delivery has the number of its arrival, or of that which it repeats. What is covered is a number too: everything up to
it is kept where a crash does not reach. So acknowledging is a walk from the front, never a search, and leaves no gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from typing import NamedTuple

from devices.mqtt.delivery import Delivery


class _Unacknowledged(NamedTuple):
    number: int
    delivery: Delivery


class Acknowledgements:
    """What is to be acknowledged on one connection after the other.

    Args:
        covered: number of the newest arrival that is kept already.
    """

    def __init__(self, covered: int) -> None:
        self._waiting: deque[_Unacknowledged] = deque()
        self._covered = covered

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, number: int, delivery: Delivery) -> None:
        """Notes a delivery."""
        self._waiting.append(_Unacknowledged(number, delivery))

    def cover(self, number: int) -> None:
        """Says that everything up to an arrival is kept."""
        self._covered = max(self._covered, number)

    @property
    def any_covered(self) -> bool:
        """Whether the oldest may be acknowledged."""
        return bool(self._waiting) and self._waiting[0].number <= self._covered

    @property
    def uncovered(self) -> int:
        """Those that only a further checkpoint allows to acknowledge."""
        return sum(1 for number, _ in self._waiting if number > self._covered)

    def take(self, last: int | None, unread: Container[int]) -> list[Delivery]:
        """Takes out those that may be acknowledged now, in order.

        Args:
            last: number of the last unread arrival that may be; ``None``: all of them may.
            unread: numbers of the unread ones.
        """
        ready: list[Delivery] = []
        while self.any_covered:
            number, delivery = self._waiting[0]
            if last is not None and number > last and number in unread:
                break
            ready.append(delivery)
            self._waiting.popleft()
        return ready

    def clear(self) -> None:
        """Forgets them: the broker sends them again, or has forgotten them too."""
        self._waiting.clear()

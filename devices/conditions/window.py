"""Averages, extremes, rates and counts over the last seconds, in bounded memory.

A window keeps sums over slices of time instead of the readings: a device that publishes a thousand times a second
takes no more room than one that does so once a minute. The price: its edge is blurred by one slice of sixty.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

SLICES: Final = 60
"""Parts of a window's span; what falls out of it does so a sixtieth of the span at a time."""


class _Slice:
    __slots__ = ("count", "first", "first_at", "last", "last_at", "least", "most", "number", "total")

    def __init__(self, number: int, value: float, at: float) -> None:
        self.number = number
        self.count = 1
        self.total = self.least = self.most = self.first = self.last = value
        self.first_at = self.last_at = at

    def add(self, value: float, at: float) -> None:
        self.count += 1
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)
        self.last, self.last_at = value, at


class Window:
    """The finite readings of the last ``span`` seconds.

    Times are those of one clock and do not go backward. Each question takes the time it is asked at, and answers
    ``None`` where there is no reading (for a rate: no two at different times).

    Args:
        span: seconds, more than 0.
    """

    def __init__(self, span: float) -> None:
        self.span = span
        self._width = span / SLICES
        self._slices: deque[_Slice] = deque(maxlen=SLICES)

    def add(self, value: float, at: float) -> None:
        """Takes a reading in, with its time in seconds."""
        number = math.floor(at / self._width)
        if self._slices and self._slices[-1].number >= number:
            self._slices[-1].add(value, at)
        else:
            self._slices.append(_Slice(number, value, at))

    def count(self, at: float) -> int:
        """Returns how many readings there were."""
        return sum(part.count for part in self._within(at))

    def average(self, at: float) -> float | None:
        """Returns the mean of the readings, each of the same weight."""
        parts = self._within(at)
        return sum(part.total for part in parts) / sum(part.count for part in parts) if parts else None

    def least(self, at: float) -> float | None:
        """Returns the smallest reading."""
        return min((part.least for part in self._within(at)), default=None)

    def most(self, at: float) -> float | None:
        """Returns the largest reading."""
        return max((part.most for part in self._within(at)), default=None)

    def rate(self, at: float) -> float | None:
        """Returns the change from the first to the last reading, per second."""
        parts = self._within(at)
        if not parts or parts[-1].last_at <= parts[0].first_at:
            return None
        return (parts[-1].last - parts[0].first) / (parts[-1].last_at - parts[0].first_at)

    def _within(self, at: float) -> deque[_Slice]:
        oldest = math.floor(at / self._width) - SLICES + 1
        while self._slices and self._slices[0].number < oldest:
            self._slices.popleft()
        return self._slices

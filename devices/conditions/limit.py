"""How often something may happen: ``"4 per hour"``. Time is an argument."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from devices.errors import ConfigurationError, printable

_PERIODS: Final = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_LIMIT: Final = re.compile(r"\s*([0-9]{1,4})\s*(?:per|an?|/)\s*(minute|hour|day)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many within a time.

    Args:
        times: at most.
        period: ``minute``, ``hour`` or ``day``.
    """

    times: int
    period: str = "hour"

    @property
    def seconds(self) -> float:
        """The length of the period."""
        return _PERIODS[self.period]

    def __str__(self) -> str:
        return f"{self.times} per {self.period}"


def parse(text: str) -> Limit:
    """Returns the limit that a text says: ``"4 per hour"``, ``"0 per day"``.

    Raises:
        ConfigurationError: it says none.
    """
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"{printable(text, 50)!r} is no limit", remedy='write it like "4 per hour"')
    return Limit(int(found[1]), found[2])


class Tally:
    """How often something happened to each of several things, in the last day at most."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def note(self, name: str, at: float) -> None:
        """Counts it once more."""
        self._times = {known: times for known, times in self._times.items() if at - times[-1] < _PERIODS["day"]}
        self._times.setdefault(name, deque(maxlen=10_000)).append(at)

    def undo(self, name: str) -> None:
        """Takes the newest one back: it did not happen."""
        times = self._times.get(name)
        if times:
            times.pop()
        if not times:
            self._times.pop(name, None)

    def count(self, name: str, seconds: float, at: float) -> int:
        """Returns how often it happened within the last seconds."""
        return sum(at - each < seconds for each in self._times.get(name, ()))

    def allows(self, name: str, limit: Limit, at: float) -> bool:
        """Tells whether it may happen once more."""
        return self.count(name, limit.seconds, at) < limit.times

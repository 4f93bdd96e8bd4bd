"""How busy a hub has been of late, and where that is heading: one reading of its cpu says little."""

from __future__ import annotations

from typing import Final

from devices.conditions.forecast import Trend
from devices.conditions.window import Window

RECENT: Final = 60.0
"""Seconds over which cpu is averaged."""
AHEAD: Final = 300.0
"""Seconds for which a hub is judged beforehand."""


class Course:
    """The cpu of one hub, in percent; times are monotonic seconds."""

    def __init__(self) -> None:
        self._recent = Window(RECENT)
        self._trend = Trend(AHEAD)

    def add(self, cpu: float, at: float) -> None:
        """Takes a reading in."""
        self._recent.add(cpu, at)
        self._trend.add(cpu, at)

    def recent(self, at: float) -> float | None:
        """Returns the average of the last minute; ``None`` without a reading."""
        return self._recent.average(at)

    def heading(self, at: float) -> float | None:
        """Returns by how many percent it is expected to be busier in `AHEAD`; ``None`` where that is not known."""
        now, then = self.recent(at), self._trend.expected(at + AHEAD)
        if now is None or then is None:
            return None
        return min(100.0, max(0.0, then.value)) - now

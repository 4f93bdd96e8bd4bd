"""When a hub has to protect itself: plain comparisons of its own metrics, pure; time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from devices.conditions.comparison import Comparison
from devices.conditions.latch import Latch, Timing

STEP: Final = 10.0
"""Seconds, at least, between two functions that are suspended, or go on: metrics must have time to show the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A rule of the hub's own.

    Args:
        name: its table's.
        when: fires it.
        hold: seconds for which that must hold.
        clear: lets functions go on again.
        do: whether functions are suspended, or only checkpointed.
    """

    name: str
    when: Comparison
    hold: float
    clear: Comparison
    do: Literal["checkpoint", "suspend"] = "suspend"


Wish = Literal["", "save", "suspend", "go on"]


class Guard:
    """Judges one protection. Time is an argument, in seconds of a clock that does not go backward."""

    def __init__(self, protection: Protection) -> None:
        self.protection = protection
        self._latch = Latch()
        self._next = 0.0

    def judge(self, readings: Mapping[str, float], at: float) -> Wish:
        """Takes readings in and returns what is to be done now.

        Args:
            readings: of the hub, by metric; one that is absent proves nothing.
            at: when they were taken.
        """
        it, step = self.protection, max(STEP, self.protection.hold)
        holds, clears = _true(it.when, readings), _true(it.clear, readings)
        if self._latch.news(Timing(it.hold), holds=holds, clears=clears, at=at):
            self._next = at + step
            return "save"
        if at < self._next or it.do == "checkpoint":
            return ""
        if self._latch.active and holds:
            self._next = at + step
            return "suspend"
        if not self._latch.active and clears:
            self._next = at + STEP
            return "go on"
        return ""

    def begins_anew(self) -> None:
        """Forgets what was: somebody else judges now."""
        self._latch = Latch()
        self._next = 0.0


def _true(comparison: Comparison, readings: Mapping[str, float]) -> bool | None:
    value = readings.get(comparison.metric)
    return None if value is None else comparison.test()(value)

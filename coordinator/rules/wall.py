"""The clock on the wall of the house, for rules that look at it; none while it cannot be right."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from devices import timekeeping
from devices.timekeeping import Machine

_DOUBTED_FOR: Final = 10.0  # seconds until it is asked again whether the clock is right; the answer takes system calls


class Wall:
    """Gives the time of day in the site's zone (`docs/protocol.md`, rule 27: by a wrong clock nothing fires).

    Args:
        zone: the site's.
        lived: the newest moment that is known to be past, in seconds since 1970.
        machine: this one.
    """

    def __init__(self, zone: ZoneInfo, lived: float, machine: Machine = Machine()) -> None:  # noqa: B008 -- immutable
        self._zone = zone
        self._lived = lived
        self._machine = machine
        self._asked = float("-inf")
        self._right = False

    def __call__(self, at: float) -> datetime | None:
        """Returns the time of day; ``None`` while the clock cannot be right.

        Args:
            at: now, in seconds of a clock that does not go backward.
        """
        if at - self._asked >= _DOUBTED_FOR:
            self._asked, self._right = at, not timekeeping.doubt(self._lived, self._machine)
        return datetime.fromtimestamp(self._machine.now(), UTC).astimezone(self._zone) if self._right else None

"""What a stopped function waits for, as plain data: in frames, checkpoints and the lineage, for `ps` and for hubs."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

CatchUp = Literal["run", "skip", "continue"]
"""What becomes of a time that passed while the function was not running (`devices.runtime.deadline`)."""

TIME_OF_DAY: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)
"""``7:00``, ``07:00`` or ``07:00:30``."""
_LATEST: Final = 250_000_000_000.0  # seconds since 1970: in the year 9892; dates cannot be computed beyond 9999


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a wait by the wall clock; ``at`` in seconds since 1970.

    ``left`` is how many seconds were left of it when the state was read. ``every`` (seconds) or ``daily`` (a time of day in
    the site's zone) say when it comes round again; neither: never.
    """

    at: float
    left: float = 0.0
    every: float = 0.0
    daily: str = ""
    catch_up: CatchUp = "run"

    def __post_init__(self) -> None:
        """Refuses what is no time; what a decoder makes of that is its own error."""
        if not all(-_LATEST <= seconds <= _LATEST for seconds in (self.at, self.left, self.every)):
            raise ValueError("a deadline beyond all dates")
        if self.daily and not TIME_OF_DAY.fullmatch(self.daily):
            raise ValueError("no time of day")


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """A wait: ``topics`` are the filters a message is awaited from, empty for a sleep.

    ``listening`` is what is left of a ``timeout=``, in seconds of listening.
    """

    topics: str = ""
    deadline: Deadline | None = None
    listening: float | None = None

    def __post_init__(self) -> None:
        """Refuses what is no span of time."""
        if self.listening is not None and not 0 <= self.listening <= _LATEST:
            raise ValueError("no span of time")

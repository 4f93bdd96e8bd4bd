"""When a function is due: `every=`, `at=`, `cron=`, across times in which nobody looked. Pure: now is an argument.

All moments are seconds since 1970; what a time of day means is the site's zone's business, also in the two odd nights of
a year:

- a time of day that summer time leaves out comes as much later (02:30 at 03:30), one that comes twice is the first one;
- crontab(5) is read as Debian's cron does, which is what `cronsim` is for;
- a rhythm knows no nights: ``every="24h"`` is 24 hours.

Who was away over several times is due once, not once for each: a heating that was to go on at 06:00 on three days is not
switched on three times. `GRACE` tells a late look from a missed time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from cronsim import CronSim

from devices.protocol import durations
from devices.protocol.waits import CatchUp
from devices.runtime import clock
from devices.runtime.deadline import GRACE
from devices.runtime.settings import Settings

COUNTED: Final = 1000
"""Missed times that are counted one by one; a cron that comes each second has more in a night than anybody reads."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a function is to start.

    Attributes:
        every: seconds between two times, counted from ``anchor``; 0: no rhythm.
        at: times of day.
        cron: a line of crontab(5).
        anchor: a time of the rhythm.
        zone: the site's.
    """

    every: float
    at: tuple[str, ...]
    cron: str
    anchor: float
    zone: tzinfo

    @classmethod
    def of(cls, settings: Settings, anchor: float, zone: tzinfo) -> Schedule:
        """Returns what a function's settings say."""
        return cls(settings.every, tuple(settings.at), settings.cron, anchor, zone)

    @property
    def comes(self) -> bool:
        """Whether there is any time at all."""
        return bool(self.every or self.at or self.cron)

    def after(self, moment: float) -> float:
        """Returns the first time behind a moment."""
        if self.every:
            return self.anchor + (math.floor((moment - self.anchor) / self.every) + 1) * self.every
        if self.at:
            return min(clock.moment(time, self.zone, moment) for time in self.at)
        return next(CronSim(self.cron, datetime.fromtimestamp(moment, self.zone))).timestamp()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the clock found.

    Attributes:
        runs: whether a run is to start now.
        missed: times at which nobody looked and none has started.
        makes_up: the run stands for those.
        due: the next time.
        set_back: the clock was set back behind the last start, so that the next one was computed anew.
    """

    runs: bool
    missed: int
    makes_up: bool
    due: float
    set_back: bool = False


def look(schedule: Schedule, due: float, fired: float, now: float, catch_up: CatchUp) -> Look | None:
    """Returns what is to be done at this moment; ``None``: nothing.

    Args:
        schedule: when.
        due: the next time, as it was computed last.
        fired: the last time that was due; 0: none was.
        now: by the wall clock, which may have been set by hours in either direction.
        catch_up: what becomes of missed times: with ``"run"`` one run stands for all of them.
    """
    if fired > now + GRACE:
        return Look(runs=False, missed=0, makes_up=False, due=schedule.after(now), set_back=True)
    if due > now:
        return None
    count, last = _passed(schedule, due, now)
    on_time = now - last <= GRACE
    missed = count - on_time
    makes_up = not on_time and catch_up == "run"
    return Look(runs=on_time or makes_up, missed=missed, makes_up=makes_up, due=schedule.after(now))


def _passed(schedule: Schedule, due: float, now: float) -> tuple[int, float]:
    """Returns how many times there were from one that was due until now, and the last of them that was counted."""
    if schedule.every:
        more = max(0, math.floor((now - due) / schedule.every))
        return more + 1, due + more * schedule.every
    count, last = 1, due
    while count < COUNTED and (following := schedule.after(last)) <= now:
        count, last = count + 1, following
    return count, last


def words(missed: int) -> str:
    """Returns how many runs were missed."""
    if missed >= COUNTED:
        return f"{COUNTED:,} runs or more"
    return f"{missed} run{'' if missed == 1 else 's'}"


def in_words(settings: Settings) -> str:
    """Returns what starts a function, in words that follow its name."""
    if settings.on:
        return f"on {', '.join(settings.on)}"
    if settings.every:
        return f"each {durations.words(settings.every)}"
    if settings.at:
        return f"at {', '.join(settings.at)}"
    return f"cron {settings.cron}" if settings.cron else ""

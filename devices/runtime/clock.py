"""Wall clock for functions: now, in the site's zone; and the moment that ``until=`` means."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from devices.errors import ConfigurationError, UsageError, printable

_TIME_OF_DAY: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)
_EXAMPLE: Final = 'write until="07:00", or give a datetime with a time zone, as ctx.now() is'


def zone_of(name: str) -> tzinfo:
    """Returns a time zone by its name, as in ``"Europe/Berlin"``.

    Raises:
        ConfigurationError: this machine does not know it.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"this machine does not know the time zone {printable(name, 60)!r}",
            remedy="install its time zones (Debian: apt install tzdata), or correct the site's timezone",
        ) from error


def moment(until: str | datetime, zone: tzinfo, now: float | None = None) -> float:
    """Returns the moment that ``until`` means, in seconds since 1970.

    Args:
        until: a time of day, ``"07:00"`` or ``"07:00:30"``: the next such time in the zone (where a summer time
            leaves it out, as much later); or a datetime that knows its zone, which may be past.
        zone: the site's.
        now: seconds since 1970; the clock's by default.

    Raises:
        UsageError: neither.
    """
    if isinstance(until, datetime):
        if until.tzinfo is None:
            raise UsageError(f"until={until.isoformat()} has no time zone: hubs may differ", remedy=_EXAMPLE)
        return until.timestamp()
    match = _TIME_OF_DAY.fullmatch(str(until))
    if match is None:
        raise UsageError(f"until={printable(repr(until), 60)} is no time of day", remedy=_EXAMPLE)
    present = time.time() if now is None else now
    today = datetime.fromtimestamp(present, zone)
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    for days in (0, 1, 2):
        day = today.date() + timedelta(days=days)
        then = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone).timestamp()
        if then > present:
            return then
    raise AssertionError("no zone has two days without a time of day")


def shown(moment_: float, zone: tzinfo) -> str:
    """Returns a moment for people: ``07:00``, with the date if it is not within a day."""
    then = datetime.fromtimestamp(moment_, zone)
    return f"{then:%H:%M}" if abs(moment_ - time.time()) < 86400 else f"{then:%Y-%m-%d %H:%M}"

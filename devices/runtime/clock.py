"""Wall clock for functions: now, in the site's zone; and the moment that ``until=`` means.

The two clocks of a wait are read here and nowhere else: `wall`, which people and NTP set, and `steady`, which nobody does.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from devices.errors import ConfigurationError, UsageError, printable
from devices.protocol.waits import TIME_OF_DAY

_EXAMPLE: Final = 'write until="07:00", or give a datetime with a time zone, as ctx.now() is'


def wall() -> float:
    """Returns seconds since 1970, by this machine's clock."""
    return time.time()


def steady() -> float:
    """Returns seconds of a clock that only goes forward, and stands still while the machine is asleep."""
    return time.monotonic()


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


def zone_or_utc(name: str) -> tzinfo:
    """Returns a time zone by its name; UTC where this machine does not know it: for what is only shown."""
    try:
        return zone_of(name)
    except ConfigurationError:
        return UTC


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
    match = TIME_OF_DAY.fullmatch(str(until))
    if match is None:
        raise UsageError(f"until={printable(repr(until), 60)} is no time of day", remedy=_EXAMPLE)
    present = wall() if now is None else now
    today = datetime.fromtimestamp(present, zone)
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    for days in (0, 1, 2):
        day = today.date() + timedelta(days=days)
        then = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone).timestamp()
        if then > present:
            return then
    raise AssertionError("no zone has two days without a time of day")


def shown(moment_: float, zone: tzinfo, now: float | None = None) -> str:
    """Returns a moment for people: ``07:00``, with the date if it is not within a day of now."""
    then = datetime.fromtimestamp(moment_, zone)
    near = abs(moment_ - (wall() if now is None else now)) < 86400
    return f"{then:%H:%M}" if near else f"{then:%Y-%m-%d %H:%M}"

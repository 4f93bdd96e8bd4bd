"""What starts a function by itself: `on=`, `every=`, `at=`, `cron=`, and what `mode=` and `limit=` say of its runs.

Read from literals like all settings (`devices.runtime.settings`), and refused with file and line: a trigger that nobody can
pull would otherwise be noticed when something did not happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from devices.errors import SourceError, UsageError, printable
from devices.protocol import durations
from devices.protocol.topics import named_twice, wire_filter
from devices.protocol.waits import TIME_OF_DAY

Mode = Literal["single", "restart", "queued", "parallel"]
KINDS: Final = ("on", "every", "at", "cron")
_ABOUT_RUNS: Final = ("mode", "limit")
_SHORTEST: Final = 1.0  # seconds between two runs: each is a process, a session and a few synced writes
_MOST: Final = 1000  # of `limit`
_SUN: Final = ("sunrise", "sunset", "dawn", "dusk", "noon")


def require_one(given: Mapping[str, Any], place: str, *, has_one: bool = False) -> None:
    """Returns if what was given can be the trigger of one function, or is none.

    Args:
        given: settings by name.
        place: file and line, for the error.
        has_one: whether the function has a trigger already, which a new one takes the place of.

    Raises:
        SourceError: two triggers, or settings of runs that nothing starts.
    """
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) > 1:
        raise SourceError(
            f"{' and '.join(f'{kind}=' for kind in kinds)} stand together: a function is started by one of them",
            place=place,
            remedy="write a second @function that calls the same helper",
        )
    for name in _ABOUT_RUNS:
        if name in given and not kinds and not has_one:
            raise SourceError(
                f"{name}= is about runs, and nothing starts any",
                place=place,
                remedy='say what does, as in on="zigbee2mqtt/{room}/occupancy" or every="15m"; or leave it out',
            )
    if "limit" in given and given.get("mode", "queued") in ("single", "restart"):
        raise SourceError(
            f'limit= has no meaning with mode="{given["mode"]}", which has one run at a time', place=place
        )


def read_on(value: Any, place: str) -> list[str]:
    """Reads `on=`: a topic filter, or a list of them.

    Raises:
        SourceError: that is none.
    """
    filters = _texts("on", value, place, 'on="zigbee2mqtt/{room}/occupancy"')
    for each in filters:
        try:
            wire_filter(each)
        except UsageError as error:
            raise SourceError(f"on={_shown(each)}: {error.message}", place=place, remedy=error.remedy) from error
        if name := named_twice(each):
            raise SourceError(f"on={_shown(each)} has two segments that are named {name!r}", place=place)
    return filters


def read_every(value: Any, place: str) -> float:
    """Reads `every=`: a duration of a second or more; returns seconds.

    Raises:
        SourceError: that is none.
    """
    try:
        seconds = durations.seconds(value)
    except (UsageError, TypeError, ValueError) as error:
        remedy = error.remedy if isinstance(error, UsageError) else 'write it like every="15m"'
        raise SourceError(f"every={_shown(value)} is no duration", place=place, remedy=remedy) from error
    if seconds < _SHORTEST:
        raise SourceError(
            f"every={_shown(value)} is too often: each run is a process of its own",
            place=place,
            remedy="a loop with ctx.sleep() in a function that goes on can do that",
        )
    return seconds


def read_at(value: Any, place: str) -> list[str]:
    """Reads `at=`: a time of day, or a list of them.

    Raises:
        SourceError: that is none; or it is one of the sun, which is not known.
    """
    times = _texts("at", value, place, 'at="07:00"')
    for each in times:
        if TIME_OF_DAY.fullmatch(each):
            continue
        if each.strip().lower().startswith(_SUN):
            raise SourceError(
                f"at={_shown(each)}: where the sun stands is not known here",
                place=place,
                remedy='give a time of day, as in at="07:00"; or start it by the message of a device that knows, with on=',
            )
        raise SourceError(f"at={_shown(each)} is no time of day", place=place, remedy='write it like at="07:00"')
    return times


def read_cron(value: Any, place: str) -> str:
    """Reads `cron=`: five fields as crontab(5) has them, or six with seconds first.

    Raises:
        SourceError: that is none, or it never comes.
    """
    from cronsim import CronSim, CronSimError

    remedy = 'write minute, hour, day of month, month and day of week, as in cron="*/5 * * * *"'
    if not isinstance(value, str):
        raise SourceError(f"cron={_shown(value)} is no text", place=place, remedy=remedy)
    try:
        next(CronSim(value, datetime.now(UTC)))
    except CronSimError as error:
        raise SourceError(f"cron={_shown(value)}: {str(error).lower()}", place=place, remedy=remedy) from error
    except StopIteration:
        raise SourceError(f"cron={_shown(value)} never comes", place=place, remedy=remedy) from None
    return value


def read_mode(value: Any, place: str) -> str:
    """Reads `mode=`.

    Raises:
        SourceError: there is no such mode.
    """
    if value not in get_args(Mode):
        listed = ", ".join(f'"{each}"' for each in get_args(Mode))
        raise SourceError(f"mode={_shown(value)} cannot be", place=place, remedy=f"there are {listed}")
    return str(value)


def read_limit(value: Any, place: str) -> int:
    """Reads `limit=`.

    Raises:
        SourceError: it is no number of runs.
    """
    if type(value) is not int or not 1 <= value <= _MOST:
        raise SourceError(f"limit={_shown(value)} is no whole number from 1 to {_MOST}", place=place)
    return value


def _texts(name: str, value: Any, place: str, example: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not texts or not all(isinstance(text, str) for text in texts):
        raise SourceError(
            f"{name}={_shown(value)} is no text, and no list of texts", place=place, remedy=f"as in {example}"
        )
    return list(dict.fromkeys(texts))


def _shown(value: Any) -> str:
    return printable(repr(value), 60)

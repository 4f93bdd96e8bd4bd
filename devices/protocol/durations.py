"""Durations as people write them: ``"90s"``, ``"1h 30m"``; the same in settings, rules and functions."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Final

from devices.errors import UsageError, printable

SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""Seconds by unit."""
_PART: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)", re.ASCII)
_LONGEST: Final = 100 * 366 * 86400.0  # seconds; beyond, dates cannot be computed
_EXAMPLE: Final = 'write it like "90s", "15m", "6h", "1h 30m" or "7d"'


def seconds(duration: str | float | timedelta) -> float:
    """Returns a duration in seconds.

    Args:
        duration: numbers with units (ms, s, m, h, d, w), as in ``"1h 30m"``; or a number of seconds; or a timedelta.

    Raises:
        UsageError: it is none, negative, not finite, or longer than a century. A colon is refused: in ``01:30`` some
            read hours and minutes, others minutes and seconds.
    """
    if isinstance(duration, timedelta):
        value = duration.total_seconds()
    elif isinstance(duration, str):
        value = _parse(duration)
    elif isinstance(duration, bool):
        raise UsageError(f"{duration} is no duration", remedy=_EXAMPLE)
    else:
        value = float(duration) if abs(duration) <= _LONGEST else math.inf
    if not (math.isfinite(value) and 0 <= value <= _LONGEST):
        raise UsageError(f"{printable(str(duration), 50)!r} is no duration from 0 to a century", remedy=_EXAMPLE)
    return value


def _parse(text: str) -> float:
    total, position = 0.0, 0
    while match := _PART.match(text, position):
        total += float(match[1]) * SECONDS[match[2]]
        position = match.end()
    if not position or text[position:].strip():
        unit = ": it has no unit" if re.fullmatch(r"\s*[0-9.]+\s*", text) else ""
        raise UsageError(f"{printable(text, 50)!r} is no duration{unit}", remedy=_EXAMPLE)
    return total


def words(value: float) -> str:
    """Returns seconds as people write them, with the two largest units: ``"1h 30m"``, ``"20s"``, ``"0.5s"``."""
    if value < 1:
        return f"{value:.3g}s"
    parts: list[str] = []
    rest = round(value)
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(SECONDS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])

"""Times as firmware writes them: seconds since 1970 if the text leaves no doubt, else nothing.

A time without a zone is the device's own wall clock, which may stand in any zone, and in 1970 before the first word from
a time server: no age is worked out from it. A number's magnitude tells seconds, milli-, micro- and nanoseconds apart:
they overlap nowhere between 2001 and 2100.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any, Final

_BARE_OFFSET: Final = re.compile(r"[+-]\d\d$")
_EARLIEST: Final = 978_307_200.0  # 2001: before it no firmware of today was set right
_LATEST: Final = 4_102_444_800.0  # 2100
_SCALES: Final = (1.0, 1e3, 1e6, 1e9)


def seconds_in(told: Any) -> float | None:
    """Returns the seconds since 1970 that a time stands for, or ``None`` if it is none or leaves doubt.

    Args:
        told: a number of seconds, milli-, micro- or nanoseconds, such a number in a text, or an ISO 8601 time whose zone
            is ``Z``, ``+hh``, ``+hhmm`` or ``+hh:mm``.
    """
    if isinstance(told, bool):
        return None
    if isinstance(told, str):
        text = told.strip()
        if not text.isdecimal() or not text.isascii():
            return _iso(text)
        told = int(text) if len(text) <= 20 else 0
    if not isinstance(told, int | float) or told > _LATEST * _SCALES[-1]:
        return None
    for scale in _SCALES:
        if _EARLIEST <= told / scale < _LATEST:
            return told / scale
    return None


def _iso(text: str) -> float | None:
    if len(text) > 40:
        return None
    if _BARE_OFFSET.search(text) and "T" in text:
        text += ":00"
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return None
        then = moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return then if _EARLIEST <= then < _LATEST else None


_DURATION: Final = re.compile(
    r"(?P<sign>-?)P(?:(?P<days>\d{1,9}(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d{1,9}(?:\.\d+)?)H)?(?:(?P<minutes>\d{1,9}(?:\.\d+)?)M)?(?:(?P<seconds>\d{1,9}(?:\.\d+)?)S)?)?"
)
_EACH: Final = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}


def duration_in(text: str) -> float | None:
    """Returns the seconds of an ISO 8601 duration in days and smaller, as ``PT12H5M46S``; ``None`` if it is none."""
    found = _DURATION.fullmatch(text)
    if found is None or text in ("P", "-P") or text.endswith("T"):
        return None
    total = math.fsum(float(found[name] or 0) * factor for name, factor in _EACH.items())
    total = -total if found["sign"] else total
    return int(total) if total.is_integer() else total

"""Sizes as people write them: ``"300MB"``, ``"64MiB"``; the same in settings and functions."""

from __future__ import annotations

import re
from typing import Final

from devices.errors import UsageError, printable

_SIZE: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMG]i?)?B?\s*", re.ASCII)
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def size_in_bytes(size: str | int) -> int:
    """Returns a size in bytes.

    Args:
        size: a number with a unit (KB, MB, GB, or KiB, MiB, GiB); or a whole number of bytes.

    Raises:
        UsageError: it is none, or negative.
    """
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if match:
        return round(float(match[1]) * _UNITS[match[2] or ""])
    if type(size) is int and size >= 0:
        return size
    raise UsageError(f"{printable(repr(size), 50)} is no size", remedy='write it like "300MB"')

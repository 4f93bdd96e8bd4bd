"""Readings out of JSON: every value with its path, and what makes a number of what stands there."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from coordinator.dialects.interpretation import NUMERIC, Kind, Reading
from coordinator.dialects.vocabulary import names
from devices.protocol.readings import NoNumber, number_at

MOST: Final = 500
"""Readings of one message: an inventory of a big network has more, and nobody looks at them one by one."""
_LONGEST: Final = 500
"""Characters of a text that are kept."""
_AWKWARD: Final = re.compile(r"[.\[\]\"']")

Step = str | int
Meaning = tuple[str | None, Kind] | None
"""Unit and kind of what stands at a path; ``None`` if that is no reading."""


def path_of(steps: Sequence[Step]) -> str:
    """Returns steps as a dotted path, which `parse_path` takes apart again; keys that hold a dot are in quotes."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif not step or _AWKWARD.search(step):
            quote = "'" if '"' in step else '"'
            path += f"[{quote}{step}{quote}]"
        else:
            path += f".{step}" if path else step
    return path


def walk(value: Any) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Gives every value that is no object and no list, with the steps to it, in the payload's own order."""
    waiting: list[tuple[tuple[Step, ...], Any]] = [((), value)]
    while waiting:
        steps, found = waiting.pop()
        if isinstance(found, dict):
            waiting.extend(((*steps, key), inner) for key, inner in reversed(found.items()))
        elif isinstance(found, list):
            waiting.extend(((*steps, index), found[index]) for index in reversed(range(min(len(found), MOST))))
        else:
            yield steps, found


def read_all(value: Any, meaning: Callable[[tuple[Step, ...], Any], Meaning]) -> dict[str, Reading]:
    """Returns the readings of a parsed payload.

    Args:
        value: what was parsed.
        meaning: given the steps to a value and the value, its unit and kind.
    """
    readings: dict[str, Reading] = {}
    for steps, found in walk(value):
        told = meaning(steps, found)
        if told is not None:
            readings[path_of(steps)] = reading(found, *told)
            if len(readings) >= MOST:
                break
    return readings


def reading(found: Any, unit: str | None = None, kind: Kind = Kind.GAUGE) -> Reading:
    """Returns what stands somewhere as a reading: for a kind that counts or measures a finite number, or why there is none.

    Args:
        found: a value out of JSON, a plain payload's text, or why it could not be read.
        unit: of the number.
        kind: what it is meant to be; true and false are a state where a number was expected.
    """
    if isinstance(found, NoNumber):
        return Reading(None, unit, kind, found.value)
    if found is None:
        return Reading(None, unit, kind, NoNumber.NULL.value)
    if isinstance(found, bool):
        return Reading(found, None, Kind.STATE) if kind in NUMERIC else Reading(found, unit, kind)
    if isinstance(found, str):
        return _reading_of_text(found, unit, kind)
    if isinstance(found, dict | list):
        return Reading(None, unit, kind, NoNumber.STRUCTURE.value)
    number = number_at(found, ())
    if isinstance(number, NoNumber):
        return Reading(None, unit, kind, number.value)
    return Reading(found if isinstance(found, int) and abs(found) < 2**63 else number, unit, kind)


def _reading_of_text(text: str, unit: str | None, kind: Kind) -> Reading:
    text = text.strip()
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."
    if kind not in NUMERIC:
        return Reading(cut, unit, kind)
    number = number_at(text, ())
    if isinstance(number, float):
        return Reading(plain(number, text), unit, kind)
    if not text or text.casefold() in _NOTHING:
        return Reading(
            None, unit, kind, f"{cut!r} means that there is no reading" if text else NoNumber.EMPTY.value, cut
        )
    return Reading(None, unit, kind, number.value, cut)


_NOTHING: Final = names("nan none null inf -inf infinity -infinity unavailable unknown undefined n/a -nan")


def plain(number: float, text: str) -> float | int:
    """Returns the whole number where the text has no decimals."""
    return int(number) if number.is_integer() and "." not in text and abs(number) < 2**63 else number


def rounded(number: float) -> float:
    """Returns the shortest decimal of a number that was of 32 bits on its way: 12.1 for 12.1000003815."""
    if not math.isfinite(number) or abs(number) > 3e38:
        return number
    single = struct.unpack("f", struct.pack("f", number))[0]
    if not math.isclose(single, number, rel_tol=1e-12):
        return number
    return next(short for digits in range(6, 18) if _single(short := float(f"{number:.{digits}g}")) == single)


def _single(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def without_noise(read: Reading) -> Reading:
    """Returns a reading without the digits that a number of 32 bits has too many."""
    return read._replace(value=rounded(read.value)) if isinstance(read.value, float) else read


def nothing_if(read: Reading, why: str, *sentinels: float) -> Reading:
    """Returns a reading without its number where that is one of those by which the firmware says that there is none."""
    if isinstance(read.value, int | float) and not isinstance(read.value, bool) and read.value in sentinels:
        return read._replace(value=None, why=why, raw=f"{read.value}")
    return read


def each(readings: dict[str, Reading], change: Callable[[Reading], Reading]) -> dict[str, Reading]:
    """Returns readings, each changed."""
    return {path: change(read) for path, read in readings.items()}

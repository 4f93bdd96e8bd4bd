"""Influx line protocol, version 1: ``measurement,tag=value field=value,other="text" time``, a line a point.

Blanks, commas and equal signs within names are escaped by a backslash; texts stand in double quotes; an integer ends in
``i``, an unsigned one in ``u``; booleans are t, T, true, True, TRUE and their opposites.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

LINES: Final = 1000
"""Lines of one message."""
FIELDS: Final = 500
"""Fields of one line, and tags likewise."""
_UNESCAPED: Final = re.compile(r"\\([ ,=\\\"])")
_NAME: Final = re.compile(r"(?:[^\\, =\n]|\\.)+")
_FIELD: Final = re.compile(
    r'(?P<key>(?:[^\\, =\n]|\\.)+)=(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"]+))', re.DOTALL
)
_INTEGER: Final = re.compile(r"[+-]?\d{1,20}[iu]")
_DECIMAL: Final = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?")
_TIME: Final = re.compile(r"-?\d{1,19}")
_BOOLEANS: Final = {"t": True, "true": True, "f": False, "false": False}


class InfluxError(ValueError):
    """A line that is not as the protocol wants it; the text says which and where."""


@dataclass(slots=True)
class Line:
    """One point; ``time`` is in nanoseconds since 1970, if it is told."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | int | str | bool]
    time: int | None


def lines_in(text: str) -> list[Line]:
    """Returns the points of a message; empty lines and comments count for nothing.

    Raises:
        InfluxError: a line is malformed, or there are more than `LINES`.
    """
    lines: list[Line] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if len(lines) >= LINES:
            raise InfluxError(f"more than {LINES} lines")
        lines.append(_line(line.strip("\r"), number))
    return lines


def _line(text: str, number: int) -> Line:
    measurement, position = _name(text, 0, number)
    tags: dict[str, str] = {}
    count = 0
    while text[position : position + 1] == ",":
        key, position = _name(text, position + 1, number)
        if text[position : position + 1] != "=":
            raise InfluxError(f"line {number}: a tag without a value at character {position + 1}")
        tags[key], position = _name(text, position + 1, number)
        count += 1
        if count > FIELDS:
            raise InfluxError(f"line {number}: more than {FIELDS} tags")
    if text[position : position + 1] != " ":
        raise InfluxError(f"line {number}: no fields")
    fields: dict[str, float | int | str | bool] = {}
    position += len(text[position:]) - len(text[position:].lstrip(" "))
    for _ in range(FIELDS):
        found = _FIELD.match(text, position)
        if found is None:
            raise InfluxError(f"line {number}: no field at character {position + 1}")
        fields[_plain(found["key"])] = (
            _plain(found["text"]) if found["text"] is not None else _value(found["bare"], number)
        )
        position = found.end()
        if text[position : position + 1] != ",":
            break
        position += 1
    rest = text[position:].strip()
    if rest and not _TIME.fullmatch(rest):
        raise InfluxError(f"line {number}: no time at character {position + 1}")
    return Line(measurement, tags, fields, int(rest) if rest else None)


def _name(text: str, position: int, number: int) -> tuple[str, int]:
    found = _NAME.match(text, position)
    if found is None:
        raise InfluxError(f"line {number}: no name at character {position + 1}")
    return _plain(found[0]), found.end()


def _plain(text: str) -> str:
    return _UNESCAPED.sub(r"\1", text)


def _value(bare: str, number: int) -> float | int | bool | str:
    if bare.lower() in _BOOLEANS:
        return _BOOLEANS[bare.lower()]
    if _INTEGER.fullmatch(bare):
        return int(bare[:-1])
    if _DECIMAL.fullmatch(bare):
        value = float(bare)
        return value if math.isfinite(value) else bare
    if bare.casefold().lstrip("+-") in ("nan", "inf"):
        return "nan"
    raise InfluxError(f"line {number}: {bare[:40]!r} is no value; texts stand in quotes")

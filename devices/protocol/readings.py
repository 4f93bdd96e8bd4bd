"""Numbers and values out of what devices publish: JSON or plain text in, a finite number or the reason why there is none.

One reading for everybody: a function's `Message.number`, the coordinator's rules and a hub's own. Nothing is guessed.
A wrong number moves somebody's function, a missing one only leaves things as they are:

- ``12,5``, ``21.5 °C``, ``45.2847.10`` and ``0x10`` are text, not 12.5, 21.5, 45.2847 and 16;
- an empty payload, ``null``, ``true`` and a list are no number, least of all 0 or 1;
- a text in quotes is a number only if it is wholly a plain decimal one, as in ``"100.00"``. An exponent counts outside
  of quotes alone: inside, ``"12e45"`` is as likely the head of a hexadecimal id;
- trailing NUL bytes, a C string's end, are dropped (a lone one is Homie's empty text).

JSON is read by msgspec: strict RFC 8259, so no ``NaN``, ``Infinity`` or ``1_000``, which Python's ``float`` and ``json``
let through, and no number beyond a float's range. Of a repeated key the last counts, as on the devices themselves.
"""

from __future__ import annotations

import enum
import math
import re
from typing import Any, Final

import msgspec

from devices.errors import UsageError, printable
from devices.protocol import limits

Path = tuple[str | int, ...]
"""The steps into a JSON value: keys of objects and positions in lists; empty for the whole of it."""


class NoNumber(enum.Enum):
    """Why there is no number; ``value`` says it in words."""

    EMPTY = "the payload is empty: no reading"
    BINARY = "the payload is no UTF-8 text"
    MALFORMED = "the payload starts like JSON but is not"
    DEEP = f"the payload is nested deeper than {limits.TELEMETRY_DEPTH} levels"
    MISSING = "there is nothing at that path"
    NULL = "it is null: no reading"
    TEXT = "it is text that is not wholly a plain number"
    BOOLEAN = "it is true or false"
    STRUCTURE = "it is a list or an object: name one of its elements"
    NOT_FINITE = "it is beyond the range of a number"


_json = msgspec.json.Decoder()
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_LONGEST_NUMBER: Final = 400  # characters; more digits than the largest float has
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|[\]}]', re.DOTALL)
_STEP: Final = re.compile(
    r"""(?:^|\.)(?P<key>[^.\[\]"']+) | \[(?P<index>[0-9]{1,9})\] | \[(?P<quote>["'])(?P<quoted>[^"']+)(?P=quote)\]""",
    re.VERBOSE,
)


def parse_path(text: str) -> Path:
    """Returns the steps of a dotted path.

    Args:
        text: ``ENERGY.Power``, ``ENERGY.Power[0]``, ``PMS5003["PM2.5"]`` (quotes around a key that holds a dot or a
            bracket), or nothing for the whole payload. Any other character stands for itself: ``switch:0.apower``.

    Raises:
        UsageError: it is no such path, or longer than payloads are deep.
    """
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise UsageError(
                f"{printable(text, 100)!r} is no path into JSON",
                remedy='write it like ENERGY.Power, ENERGY.Power[0] or PMS5003["PM2.5"]',
            )
        steps.append(int(step["index"]) if step["index"] else step["quoted"] or step["key"])
        position = step.end()
    if len(steps) > limits.TELEMETRY_DEPTH:
        raise UsageError(f"a path of {len(steps)} steps; at most {limits.TELEMETRY_DEPTH} are looked into")
    return tuple(steps)


def parse(payload: bytes) -> Any:
    """Returns what a payload says: a JSON value, else its text; or a `NoNumber`: empty, binary, malformed, too deep.

    Args:
        payload: as it came, of any content; the caller has looked at its size.
    """
    try:
        value = _json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _parse_other(payload)
    except RecursionError:
        return NoNumber.DEEP
    return NoNumber.DEEP if _is_deep(payload) else value


def _parse_other(payload: bytes) -> Any:
    """What is not JSON as it stands: text, a C string, nothing, bytes."""
    if not payload:
        return NoNumber.EMPTY
    trimmed = payload.rstrip(b"\0 \t\r\n")
    if payload.endswith(b"\0") and trimmed:
        return parse(trimmed)
    try:
        text = trimmed.decode().strip()
    except UnicodeDecodeError:
        return NoNumber.BINARY
    return NoNumber.MALFORMED if text[:1] in ("{", "[") else text


def _is_deep(payload: bytes) -> bool:
    if payload.count(b"{") + payload.count(b"[") <= limits.TELEMETRY_DEPTH:
        return False
    depth = 0
    for token in _BRACKETS.finditer(payload):
        if token[0][0] == 0x22:  # a quoted text
            continue
        depth += 1 if token[1] else -1
        if depth > limits.TELEMETRY_DEPTH:
            return True
    return False


def value_at(value: Any, path: Path) -> Any:
    """Returns what stands at a path in a parsed payload; ``NoNumber.MISSING``, or the payload's own flaw, if nothing.

    Args:
        value: what `parse` returned.
        path: what `parse_path` returned.
    """
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step, NoNumber.MISSING)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else NoNumber.MISSING
        else:
            return value if isinstance(value, NoNumber) else NoNumber.MISSING
    return value


def number_at(value: Any, path: Path) -> float | NoNumber:
    """Returns the finite number at a path in a parsed payload, or the reason why there is none.

    Args:
        value: what `parse` returned.
        path: what `parse_path` returned.
    """
    found = value_at(value, path) if path else value
    kind = type(found)
    if kind is float:
        return float(found) if math.isfinite(found) else NoNumber.NOT_FINITE
    if kind is int:
        try:
            return float(found)
        except OverflowError:
            return NoNumber.NOT_FINITE
    if kind is str:
        return _number_in(found)
    if isinstance(found, NoNumber):
        return found
    if found is None:
        return NoNumber.NULL
    return NoNumber.BOOLEAN if kind is bool else NoNumber.STRUCTURE


def _number_in(text: str) -> float | NoNumber:
    text = text.strip()
    if not text:
        return NoNumber.EMPTY
    if len(text) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(text):
        return NoNumber.TEXT
    number = float(text)
    return number if math.isfinite(number) else NoNumber.NOT_FINITE

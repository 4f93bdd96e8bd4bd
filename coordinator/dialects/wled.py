"""WLED: ``wled/<name>/{status,g,c,v}``: there or not, brightness, colour, and all of it in XML, of which -1 means none."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import nothing_if, reading
from coordinator.dialects.message import Message

NAME: Final = "wled"
_G, _S, _X, _E = Kind.GAUGE, Kind.STATE, Kind.CONFIG, Kind.EVENT
_ELEMENT: Final = re.compile(r"<([a-z]{2})>([^<>]{0,200})</\1>")
_GAUGES: Final = frozenset({"ac", "cl", "cs", "sx", "ix", "wv"})
_LONGEST: Final = 8192


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is WLED's."""
    levels = message.levels
    if len(levels) < 2 or (levels[0] != NAME and not message.payload.startswith(b'<?xml version="1.0" ?><vs>')):
        return None
    leaf, device = levels[-1], "/".join(levels[1:-1] if levels[0] == NAME else levels[:-1])
    if message.empty:
        return message.deletion(NAME, device)
    match leaf:
        case "status":
            return message.liveness(NAME, device)
        case "g":
            return message.alone(NAME, device, None, _G)
        case "c":
            return message.alone(NAME, device, None, _S)
        case "v":
            return _xml(message, device)
    return message.alone(NAME, "/".join(levels[1:]), None, _E, sign_of_life=False)  # orders: on, off, #FFA000, JSON


def _xml(message: Message, device: str) -> Interpretation:
    result = message.about(NAME, device)
    found = _ELEMENT.findall(message.text[:_LONGEST])
    if not found:
        result.error = "it is not WLED's XML"
        return result
    times, seen = Counter(name for name, _ in found), Counter[str]()
    for name, text in found:
        path = f"vs.{name}[{seen[name]}]" if times[name] > 1 else f"vs.{name}"
        seen[name] += 1
        number = int(text) if re.fullmatch(r"-?\d{1,9}", text) else text
        read_ = reading(number, None, _G if name in _GAUGES else _X if name == "ds" else _S)
        result.readings[path] = nothing_if(read_, "-1 means none", -1) if name in ("wv", "ps", "pl") else read_
    return result

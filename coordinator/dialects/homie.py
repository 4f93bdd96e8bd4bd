"""Homie 3, 4 and 5: ``homie/<device>/<node>/<property>``, all of it kept by the broker.

``$state`` is the device's life; ``lost`` is its will. Other ``$`` levels are metadata, save ``$stats``, which are readings.
Homie 5 has the version as a level, units and types in one ``$description``, wanted values in ``$target``, and writes an
empty text as one NUL byte, because nothing at all would take the topic away. A device that names a root is lost with it.
"""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import read_all, reading
from coordinator.dialects.memory import Told
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named, unit_named
from coordinator.dialects.times import duration_in
from coordinator.dialects.vocabulary import vocabulary

_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_STATS: Final = vocabulary(
    {
        ("s", _X): "interval",
        ("s", _C): "uptime",
        ("%", _G): "signal cpuload battery",
        ("C", _G): "cputemp",
        ("B", _G): "freeheap",
        ("V", _G): "supply",
    }
)
_TEXTS: Final = frozenset({"json", "boolean"})
_DESCRIBED: Final = 2000
"""Properties of one description that are remembered."""


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it follows the Homie convention."""
    levels = message.levels
    if levels[0] != "homie" or len(levels) < 3:
        return None
    five = levels[1] == "5"
    start = 2 if five else 1
    if len(levels) <= start + 1:
        return None
    device, rest = levels[start], levels[start + 1 :]
    if device.startswith("$"):
        return message.alone(_dialect(message, five, ""), "", None, _E, sign_of_life=False)
    result = interpret(message, _dialect(message, five, device), device, rest)
    result.bridge = (message.memory.roots.get(device) or "") if five else ""
    return result


def _dialect(message: Message, five: bool, device: str) -> str:
    version = "5" if five else message.memory.versions.get(f"homie/{device}") or "4"
    return f"homie{version}"


def interpret(message: Message, dialect: str, device: str, rest: list[str]) -> Interpretation:
    """Returns what a message means.

    Args:
        message: of a tree that follows the convention.
        dialect: what it is called.
        device: the device's id.
        rest: the levels below the device's.
    """
    last = rest[-1]
    if message.empty:
        return message.deletion(dialect, device)
    if rest in (["$state"], ["$online"]):
        result = message.liveness(dialect, device)
        result.sign_of_life = message.text not in ("lost", "disconnected")
        return result
    if rest == ["$description"]:
        _learn_description(message)
        result = message.about(dialect, device)
        result.readings = read_all(message.value, lambda _, __: (None, _X))
        return result
    if rest == ["$homie"]:
        version = message.text[:1]
        message.memory.versions["/".join(message.levels[:-1])] = version if version in ("2", "3", "4") else "4"
        dialect = f"homie{version}" if version in ("3", "4") else dialect
        return Interpretation(dialect, device, {"": Reading(message.text, None, _X)})
    if rest[0] in ("$alert", "$log"):
        return Interpretation(dialect, device, {"": Reading(message.text, None, _E)}, error=message.unreadable)
    if len(rest) > 1 and rest[0] == "$stats":
        return message.alone(dialect, device, *_STATS.get(rest[1], named(rest[1]) or (None, _G)))
    if last == "$target":
        return _value(message, dialect, device, "/".join(message.levels[:-1]), wanted=True)
    if last == "set":
        return message.alone(dialect, device, None, _E, sign_of_life=False)
    if last.startswith("$") or rest[0].startswith("$"):
        _learn_attribute(message, last)
        return Interpretation(dialect, device, {"": Reading(message.text, None, _X)}, error=message.unreadable)
    return _value(message, dialect, device, message.topic)


def _value(message: Message, dialect: str, device: str, topic: str, *, wanted: bool = False) -> Interpretation:
    if message.payload == b"\0":
        return Interpretation(dialect, device, {"": Reading("", None, _S, "one NUL byte: an empty text")})
    datatype = message.memory.datatypes.get(topic) or ""
    told = message.memory.told.get((topic, ""))
    name = topic.rpartition("/")[2]
    unit, kind = ("%", _G) if name == "brightness" else named(name) or (None, _G)
    if told and told.unit:
        unit = told.unit
    if datatype in ("string", "enum", "color"):
        return message.word(dialect, device)
    if wanted:
        return message.alone(dialect, device, unit, _S)
    result = message.alone(dialect, device, unit, kind)
    read_ = result.readings.get("")
    if read_ is None:  # an object, which the convention knows as a text only
        return result
    if datatype == "duration" or (not datatype and message.text[:2] in ("PT", "P0", "P1")):
        seconds = duration_in(message.text)
        result.readings[""] = Reading(
            seconds, "s", _G, "" if seconds is not None else "no ISO 8601 duration", message.text
        )
    elif datatype == "datetime":
        result.readings[""] = reading(message.text, None, Kind.TIMESTAMP)
    elif datatype in _TEXTS or (not datatype and isinstance(read_.value, bool)) or _is_word(message, read_, datatype):
        result.readings[""] = reading(message.value, None, _S)
    return result


def _is_word(message: Message, read_: Reading, datatype: str) -> bool:
    """Whether it is a word rather than a number that is missing; only a description could tell for certain."""
    return not datatype and read_.value is None and isinstance(message.value, str) and message.text.casefold() != "nan"


def _learn_attribute(message: Message, attribute: str) -> None:
    topic = "/".join(message.levels[:-1])
    if attribute == "$unit":
        message.memory.told[topic, ""] = Told(unit_named(message.text))
    elif attribute == "$datatype":
        message.memory.datatypes[topic] = message.text[:20]


def _learn_description(message: Message) -> None:
    """Remembers unit and type of each property that a Homie 5 device describes."""
    left, base = _DESCRIBED, "/".join(message.levels[:-1])
    root = message.value.get("root") if isinstance(message.value, dict) else None
    if isinstance(root, str):
        message.memory.roots[message.levels[-2]] = root
    for node, described in _objects(message.value, "nodes"):
        for name, property_ in _objects(described, "properties"):
            left -= 1
            if left < 0:
                return
            topic = f"{base}/{node}/{name}"
            unit, datatype = property_.get("unit"), property_.get("datatype")
            if isinstance(unit, str):
                message.memory.told[topic, ""] = Told(unit_named(unit))
            if isinstance(datatype, str):
                message.memory.datatypes[topic] = datatype[:20]


def _objects(value: Any, key: str) -> list[tuple[str, dict[str, Any]]]:
    inner = value.get(key) if isinstance(value, dict) else None
    return (
        [(name, found) for name, found in inner.items() if isinstance(found, dict)] if isinstance(inner, dict) else []
    )

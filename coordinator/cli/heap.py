"""Draws the object graph of an image as Python would write it: nothing is made, nothing is run, and no size is trusted.

A drawing is bounded in depth, in items and in characters: a hostile heap may be deep, wide, cyclic or doubled at each
level. What the nodes are is the contract `devices/protocol/image.cddl`; a kind that is not named here, or that a newer
version adds, is drawn by its tag.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from devices.errors import ProtocolError, printable

_DEEPEST: Final = 5
_ITEMS: Final = 12
_CHARACTERS: Final = 300
_MORE: Final = "..."


class Drawn(NamedTuple):
    """A value in words: the name of its type, and what it is."""

    type: str
    value: str


class Heap:
    """The nodes of an image.

    Args:
        nodes: ``image["heap"]``, decoded and otherwise unchecked.
    """

    def __init__(self, nodes: Any) -> None:
        if not isinstance(nodes, list):
            raise ProtocolError("an image without a heap")
        self._nodes = nodes

    def draw(self, slot: Any) -> Drawn:
        """Returns a slot's value in words."""
        drawn = self._slot(slot, 0, [_CHARACTERS * 4])
        return Drawn(drawn.type, printable(drawn.value.replace("\n", "\\n"), _CHARACTERS))

    def _slot(self, slot: Any, depth: int, room: list[int]) -> Drawn:
        """``room`` is one number for the whole drawing: the characters that may still be drawn."""
        if not isinstance(slot, list):
            value = repr(slot)
            room[0] -= len(value)
            return Drawn(type(slot).__name__, value)
        node = self._node(slot)
        if depth >= _DEEPEST or room[0] <= 0:
            return Drawn(_type_of(node), _MORE)
        room[0] -= 2
        return self._drawn(node, lambda inner: self._slot(inner, depth + 1, room))

    def _node(self, reference: Sequence[Any]) -> list[Any]:
        match reference:
            case [int(index)] if 0 <= index < len(self._nodes):
                node = self._nodes[index]
                if isinstance(node, list) and node:
                    return node
        raise ProtocolError(f"a reference into an image leads nowhere: {printable(repr(reference), 50)}")

    def _drawn(self, node: list[Any], inner: Callable[[Any], Drawn]) -> Drawn:
        match node:
            case [0, *items]:
                return Drawn("list", f"[{_list(items, inner)}]")
            case [1, *items]:
                return Drawn("tuple", f"({_list(items, inner)}{',' if len(items) == 1 else ''})")
            case [2 | "ordered", *halves]:
                return Drawn("dict", _dict(halves[: len(halves) // 2], halves[len(halves) // 2 :], inner))
            case ["default", _, *halves]:
                return Drawn("defaultdict", _dict(halves[: len(halves) // 2], halves[len(halves) // 2 :], inner))
            case [3, int(shape), *values]:
                return Drawn("dict", _dict(self._names(shape), values, inner))
            case [5 | 6 as tag, *items]:
                kind = "set" if tag == 5 else "frozenset"
                return Drawn(kind, f"{{{_list(items, inner)}}}" if items else f"{kind}()")
            case [7, of, int(shape), *values] | [12 | "sharing", of, _, int(shape), *values]:
                return self._object(of, self._names(shape), values, inner)
            case ["deque", _, *items]:
                return Drawn("deque", f"deque([{_list(items, inner)}])")
            case ["namespace", int(shape), *values]:
                return Drawn("SimpleNamespace", f"namespace({_attributes(self._names(shape), values, inner)})")
            case [8, str(text)]:
                return Drawn("str", repr(text[:_CHARACTERS]) + (_MORE if len(text) > _CHARACTERS else ""))
            case [9 | "bytearray", bytes(data)]:
                kind = "bytes" if node[0] == 9 else "bytearray"
                return Drawn(kind, f"{data[: _CHARACTERS // 4]!r}{_MORE if len(data) > _CHARACTERS // 4 else ''}")
            case [10, str(module), str(name)]:
                return Drawn("reference", f"{module}.{name}" if module != "builtins" else name)
            case ["int", bytes(data)]:
                return Drawn("int", _large(int.from_bytes(data[:_CHARACTERS], "big", signed=True), len(data)))
            case ["datetime", *fields] if len(fields) == 9:
                return Drawn("datetime", _clock([*fields[:7]], inner(fields[8]).value))
            case ["date", int(year), int(month), int(day)]:
                return Drawn("date", f"{year:04}-{month:02}-{day:02}")
            case ["timedelta", days, seconds, microseconds]:
                return Drawn("timedelta", f"timedelta({days} d, {seconds} s, {microseconds} us)")
            case ["timezone"]:
                return Drawn("timezone", "UTC")
            case ["zone", str(key)]:
                return Drawn("ZoneInfo", key)
            case ["iterator", str(over), of, position]:
                return Drawn(f"{over}_iterator", f"at {inner(position).value} of {inner(of).value}")
            case ["named", str(name)]:
                return Drawn(name, name)
            case ["registered", str(tag), state]:
                return Drawn(tag, f"{tag}({inner(state).value})")
            case [11, str(kind), plain, int(), *_]:
                return Drawn(kind, f"<{kind} {printable(repr(plain), 100)}>")
            case [tag, *fields]:
                return Drawn(_type_of(node), f"<{tag} {_list(fields, inner)}>")
        raise ProtocolError("an image with an empty node")

    def _object(self, of: Any, names: Sequence[Any], values: Sequence[Any], inner: Callable[[Any], Drawn]) -> Drawn:
        name = inner(of).value.rpartition(".")[2]
        return Drawn(name, f"{name}({_attributes(names, values, inner)})")

    def _names(self, shape: int) -> list[Any]:
        return self._node([shape])[1:]


def _list(items: Sequence[Any], inner: Callable[[Any], Drawn]) -> str:
    shown = [inner(item).value if not isinstance(item, dict) else _MORE for item in items[:_ITEMS]]
    return ", ".join(shown) + (f", {_MORE} {len(items)} in all" if len(items) > _ITEMS else "")


def _dict(keys: Sequence[Any], values: Sequence[Any], inner: Callable[[Any], Drawn]) -> str:
    pairs = list(zip(keys, values, strict=False))
    shown = ", ".join(f"{inner(key).value}: {inner(value).value}" for key, value in pairs[:_ITEMS])
    return f"{{{shown}{f', {_MORE} {len(pairs)} in all' if len(pairs) > _ITEMS else ''}}}"


def _attributes(names: Sequence[Any], values: Sequence[Any], inner: Callable[[Any], Drawn]) -> str:
    pairs = list(zip(names, values, strict=False))
    shown = ", ".join(f"{name}={inner(value).value}" for name, value in pairs[:_ITEMS])
    return shown + (f", {_MORE}" if len(pairs) > _ITEMS else "")


def _large(number: int, size: int) -> str:
    return f"{number:#x}" if size <= _CHARACTERS else f"an integer of {size} bytes"


def _clock(fields: list[Any], zone: str) -> str:
    if not all(type(field) is int for field in fields):
        return _MORE
    year, month, day, hour, minute, second, microsecond = fields
    text = f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    return text + (f".{microsecond:06}" if microsecond else "") + (f" {zone}" if zone != "None" else "")


_TYPES: Final[dict[int, str]] = {
    0: "list",
    1: "tuple",
    2: "dict",
    3: "dict",
    5: "set",
    6: "frozenset",
    8: "str",
    9: "bytes",
}


def _type_of(node: list[Any]) -> str:
    tag = node[0]
    if isinstance(tag, str):
        return printable(tag, 50)
    return _TYPES.get(tag, "object") if isinstance(tag, int) else "unknown"

"""Draws nodes with a limit on everything: a hostile heap may be deep, wide, cyclic or doubled at each level.

A drawing that meets fields which its tag does not have is replaced by the tag with whatever there is, as is a tag of a
newer version. What is cut says what was cut: ``[1, 2, ... 98 more]``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from devices.errors import ProtocolError, printable
from devices.runtime.python.values.nodes import Tag

_ITEMS: Final = (12, 8, 6, 4, 3)
"""Items that are drawn of a container, by its depth; what is deeper is only named."""
_ROOM: Final = 400  # characters of scalars and nodes in one drawing
_TEXT: Final = (200, 120, 60, 60, 60)
_NOT_AS_IT_SHOULD_BE: Final = (ValueError, TypeError, LookupError, OverflowError, AttributeError, struct.error)
_NAMES: Final[dict[Any, str]] = {
    Tag.LIST: "list",
    Tag.TUPLE: "tuple",
    Tag.DICT: "dict",
    Tag.RECORD: "dict",
    Tag.SET: "set",
    Tag.FROZENSET: "frozenset",
    Tag.TEXT: "str",
    Tag.BYTES: "bytes",
    Tag.REFERENCE: "reference",
    "default": "defaultdict",
    "ordered": "OrderedDict",
}
_OF_A_CLASS: Final = (Tag.OBJECT, Tag.EXTENDED, "sharing", "exception")
_LONGEST_NAME: Final = 60


class Drawn(NamedTuple):
    """A value in words: the name of its type, and what it is."""

    type: str
    value: str


Where: TypeAlias = "Callable[[str, int, int], str]"
"""From a module, the number of a function in it and that of a step to ``file:line``; empty if that cannot be told."""
Draw: TypeAlias = "Callable[[Pen, list[Any]], Drawn]"
"""How a node is drawn, from what stands behind its tag."""


class Pen:
    """One drawing.

    Args:
        nodes: of the image, unchecked.
        drawings: how, by tag.
        where: finds the lines at which generators stand.
    """

    def __init__(self, nodes: Sequence[Any], drawings: Mapping[Any, Draw], where: Where) -> None:
        self.where = where
        self._nodes = nodes
        self._drawings = drawings
        self._room = _ROOM
        self._path: list[int] = []

    # -- the parts of a drawing -----------------------------------------------------------------------------------

    def drawn(self, slot: Any) -> Drawn:
        """Draws what a slot holds."""
        if not isinstance(slot, list):
            return self._scalar(slot)
        node = self.node(slot)
        index = slot[0]
        if index in self._path:
            return Drawn(self.kind(node), f"<cycle to {self.kind(node)}>")
        if len(self._path) >= len(_ITEMS) or self._room <= 0:
            return Drawn(self.kind(node), self._outline(node))
        self._room -= 2
        draw = self._drawings.get(node[0]) if isinstance(node[0], str | int) else None
        self._path.append(index)
        try:
            found = self._as_it_is(node) if draw is None else draw(self, node[1:])
            kind: object = found.type  # of a hostile node perhaps no text
            return found if isinstance(kind, str) else self._as_it_is(node)
        except _NOT_AS_IT_SHOULD_BE:
            return self._as_it_is(node)
        finally:
            self._path.pop()

    def value(self, slot: Any) -> str:
        """Draws what a slot holds, without its type."""
        return self.drawn(slot).value

    def row(self, count: int, draw: Callable[[int], str]) -> str:
        """Draws the first of so many things, each by its number, and says how many are left."""
        shown = []
        for number in range(min(count, _ITEMS[len(self._path) - 1])):
            if self._room <= 0:
                break
            shown.append(draw(number))
        rest = count - len(shown)
        return ", ".join([*shown, f"... {rest} more"] if rest else shown)

    def items(self, slots: Sequence[Any]) -> str:
        """Draws slots in a row: ``1, 'a', ... 98 more``."""
        return self.row(len(slots), lambda number: self.value(slots[number]))

    def pairs(self, halves: Sequence[Any]) -> str:
        """Draws the keys of a dict, which come first, and its values."""
        middle = len(halves) // 2
        return self.row(middle, lambda at: f"{self.value(halves[at])}: {self.value(halves[middle + at])}")

    def attributes(self, named: Sequence[Any], *, without: str = "\n") -> str:
        """Draws a shape's index and the values under its names: ``name='x', age=3``; not names that begin so."""
        pairs = zip(self.names(named[0]), named[1:], strict=False)
        shown = [(name, slot) for name, slot in pairs if not str(name).startswith(without)]
        return self.row(len(shown), lambda at: f"{shown[at][0]}={self.value(shown[at][1])}")

    def text(self, text: str) -> str:
        """Draws a text as Python writes it, cut where it is long."""
        return self._cut(text, "characters")

    def data(self, data: bytes) -> str:
        """Draws bytes as Python writes them, cut where there are many."""
        return self._cut(data, "bytes")

    # -- what it is made from -------------------------------------------------------------------------------------

    def node(self, reference: Any) -> list[Any]:
        """Returns a node by the slot that refers to it.

        Raises:
            ProtocolError: it leads nowhere.
        """
        match reference:
            case [int(index)] if 0 <= index < len(self._nodes):
                node = self._nodes[index]
                if isinstance(node, list) and node:
                    return node
        raise ProtocolError(f"a reference into an image leads nowhere: {printable(repr(reference), 50)}")

    def names(self, shape: int) -> list[Any]:
        """Returns the names of a shape."""
        return self.node([shape])[1:]

    def class_name(self, slot: Any) -> str:
        """Returns a class's own name."""
        match self.node(slot):
            case [Tag.REFERENCE, _, str(name)] | [Tag.KNOWN, _, [_, str(name)], *_]:
                return printable(name.rpartition(".")[2], _LONGEST_NAME)
        return "object"

    def kind(self, node: list[Any]) -> str:
        """Returns the name of a node's type, as far as that is known without drawing it."""
        tag = node[0]
        if tag in _OF_A_CLASS and len(node) > 1:
            return self.class_name(node[1])
        if tag == Tag.KNOWN and len(node) > 1:
            tag = node[1]
        return _NAMES.get(tag, printable(tag, _LONGEST_NAME) if isinstance(tag, str) else "object")

    # -- how much -------------------------------------------------------------------------------------------------

    def _scalar(self, slot: Any) -> Drawn:
        match slot:
            case str():
                return Drawn("str", self.text(slot))
            case bytes():
                return Drawn("bytes", self.data(slot))
            case None | bool() | int() | float():
                value = repr(slot) if not isinstance(slot, int) or abs(slot) < 1 << 256 else "..."
                self._room -= len(value) + 2
                return Drawn(type(slot).__name__, value)
        return Drawn("unknown", "...")

    def _cut(self, value: str | bytes, what: str) -> str:
        most = _TEXT[min(len(self._path), len(_TEXT) - 1)]
        if isinstance(value, bytes):
            most //= 2
        shown = repr(value[:most])
        self._room -= len(shown) + 2
        return shown if len(value) <= most else f"{shown}... {len(value) - most} more {what}"

    def _outline(self, node: list[Any]) -> str:
        match node:
            case [Tag.LIST, *items]:
                return f"[... {len(items)} items]" if items else "[]"
            case [Tag.TUPLE, *items]:
                return f"(... {len(items)} items)" if items else "()"
            case [Tag.DICT, *halves]:
                return f"{{... {len(halves) // 2} pairs}}" if halves else "{}"
            case [Tag.RECORD, _, *values]:
                return f"{{... {len(values)} pairs}}"
        return f"{self.kind(node)}(...)" if node[0] in _OF_A_CLASS else f"<{self.kind(node)} ...>"

    def _as_it_is(self, node: list[Any]) -> Drawn:
        kind = self.kind(node)
        return Drawn(kind, f"<{kind} {self.row(len(node) - 1, lambda at: self._plain(node[at + 1]))}>")

    def _plain(self, field: Any) -> str:
        match field:
            case [int(index)] if 0 <= index < len(self._nodes):
                return self.value(field)
            case list() | dict():
                return "..."
        return self.value(field)

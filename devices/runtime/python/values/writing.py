"""Values to nodes.

One queue, no recursion: ``objects`` is the queue and keeps every object alive, so that its ``id`` stays its own; an
object's place in it is its index in the heap. A value is looked up by its exact type, and becomes a node whose slots
are references to further objects, which join the queue. The path to a value that cannot travel is found only when
there is one (`paths`).

A reference is ``[index]``, and each object has one such list for all places that refer to it: an integer could then
stay an integer, which is what most values are.
"""

from __future__ import annotations

from collections.abc import Callable, KeysView, Sequence
from math import isnan
from typing import Any, Final

from devices.runtime.python.values.contract import Knows, Node, Registered, Slot
from devices.runtime.python.values.nodes import LARGEST_INT, SHORT, SMALLEST_INT, Shape

_CONSTANTS: Final = frozenset({type(None), bool})
_WITHOUT_IDENTITY: Final = frozenset({str, bytes, int, float})
"""Types whose small values stand in slots themselves, unless they are named."""
_FEW: Final = 8  # items up to which looking at them one by one beats looking at their types first

Write = Callable[["Writer", Any], Node]


class Writer:
    """The state of one `encode`; what the writers of the kinds work with."""

    def __init__(self, knows: Knows, registered: Registered, writers: dict[type, Write]) -> None:
        self.knows = knows
        self.registered = registered
        self.objects: list[Any] = []
        self.nodes: list[Node] = []
        self.dictionaries: list[tuple[int, int]] = []  # of instances: id, and index of the node; see `objects`
        self.writers = writers
        self.modules = knows.modules()
        self.patterns = 0  # characters of the regular expressions met
        self.constants = {id(each) for each in registered.named.values() if type(each) in _WITHOUT_IDENTITY}
        self._references: dict[int, list[int]] = {}
        self._shapes: dict[tuple[str, ...], int | None] = {}

    def slot(self, value: Any) -> Slot:
        """Returns the value itself where it is small and has no identity worth keeping, else a reference."""
        kind = type(value)
        if self.constants and id(value) in self.constants:
            return self.reference(value)
        if kind is str:
            if len(value) <= SHORT and (value.isascii() or _is_sound(value)):
                return value
        elif kind is int:
            if SMALLEST_INT <= value <= LARGEST_INT:
                return value
        elif value is None or kind is bool:
            return value
        elif kind is float:
            if value == value:  # noqa: PLR0124  (a NaN: `x in [x]` is true by identity, which must stay)
                return value
        elif kind is bytes and len(value) <= SHORT:
            return value
        return self.reference(value)

    def reference(self, value: Any) -> list[int]:
        """Returns the reference to a value's node; the value joins the queue when it is met first."""
        reference = self._references.get(id(value))
        if reference is None:
            reference = self._references[id(value)] = [len(self.objects)]
            self.objects.append(value)
        return reference

    def met_among(self, identities: KeysView[int]) -> set[int]:
        """Returns those ids whose objects have a node of their own."""
        return identities & self._references.keys()

    def slots(self, values: Sequence[Any]) -> list[Slot]:
        """Returns the slots of many values; at C speed where they are all None and bools, ints, floats or short strs."""
        if self.constants:
            return [self.slot(value) for value in values]
        if len(values) > _FEW:
            kinds = set(map(type, values))
            if (len(kinds) == 1 and _all_small(kinds.pop(), values)) or (kinds and kinds <= _CONSTANTS):
                return list(values)
        slots: list[Slot] = []
        for value in values:
            kind = type(value)  # the commonest cases of `slot`, without the call
            if (
                (kind is str and len(value) <= SHORT and value.isascii())
                or (kind is int and SMALLEST_INT <= value <= LARGEST_INT)
                or (kind is float and value == value)  # noqa: PLR0124
                or value is None
            ):
                slots.append(value)
            else:
                slots.append(self.slot(value))
        return slots

    def shape(self, names: tuple[str, ...]) -> int | None:
        """Returns the index of the shape of all records with these names in this order.

        ``None`` if they do not suit one; ``names`` are exact strs.
        """
        try:
            return self._shapes[names]
        except KeyError:
            fit = all(len(name) <= SHORT and (name.isascii() or _is_sound(name)) for name in names)
            shape = self._shapes[names] = self.reference(Shape(names))[0] if fit else None
            return shape


def _is_sound(text: str) -> bool:
    """Tells whether a str is Unicode, without lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _all_small(kind: type, values: Sequence[Any]) -> bool:
    if kind is int:
        return bool(min(values) >= SMALLEST_INT and max(values) <= LARGEST_INT)
    if kind is float:
        return not any(map(isnan, values))
    if kind is str:
        return max(map(len, values)) <= SHORT and all(map(str.isascii, values))
    return kind in _CONSTANTS

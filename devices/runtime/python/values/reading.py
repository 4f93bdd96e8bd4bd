"""Nodes to values.

Everything here may come from an attacker. So: an index is checked before it is used, what a slot or tag may be is a
list, constructors are the fixed ones of the kinds, nesting costs a stack of our own and never the interpreter's, and
the work is linear in the number of slots. What is not as `image.cddl` says is a `ProtocolError`.

Reading has steps for a node, because graphs have cycles and hashes look inside:

* *made*: the object exists, perhaps empty (a list before its items);
* *filled*: it has its contents, each of them at least made;
* *settled*: its hash is what it will be. An object with the identity's hash is settled once made; a tuple with its
  items; an instance with a ``__hash__`` of its own once it and what it holds are filled;
* *whole*: it and all it leads to are filled.

A tuple can be made when its items are made, a frozenset when its items are settled, a dict is filled when its keys are
settled. `Reader.read` finds an order, or refuses the heap.

The one code of the program's that can run is what Python itself runs when a key goes into a dict or set: the
``__hash__`` and ``__eq__`` of the program's own classes, on complete objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from devices.errors import MidstreamError, ProtocolError
from devices.runtime.python.values.bounds import Bounds
from devices.runtime.python.values.contract import Knows, Node, Registered, Slot
from devices.runtime.python.values.nodes import Shape

INLINE: Final = frozenset({type(None), bool, int, float, str, bytes})
"""The types of a slot that is the value itself."""
_UNMADE: Final = object()


class _NotYet(Exception):  # noqa: N818  (not an error: the way to learn that a node's turn comes later)
    """A slot's value is not made yet."""


class Step:
    """How far a node must be. No enum: its members' hashes are computed in Python, for each node."""

    MADE: Final = 0
    FILLED: Final = 1
    SETTLED: Final = 2
    WHOLE: Final = 3


Need = tuple[int, Iterable[Slot]]


def after_tag(node: Node) -> Iterable[Slot]:
    """The slots of most kinds of nodes: everything behind the tag."""
    return node[1:]


class Kind(NamedTuple):
    """How nodes of one tag are read.

    Attributes:
        make: returns the object or its shell.
        fill: completes a shell; ``None`` if ``make`` does it all.
        made: the slots that must be made before ``make``; ``None``: there are none.
        to_make: what must be further than made before ``make``.
        to_fill: the same for ``fill``; all slots are made in any case.
        hashed: the slots whose hash counts for this one's.
        slots: the positions that hold slots.
        whole: returns the object with its contents, if what it refers to is made.
        first: whether others stand on it: a class, a shape.
        chained: whether dropping it recurses in C into what it was made of; such chains are bounded.
    """

    make: Callable[[Reader, Node], Any]
    fill: Callable[[Reader, Any, Node], None] | None = None
    made: Callable[[Node], Iterable[Slot]] | None = None
    to_make: Callable[[Node], Iterable[Need]] | None = None
    to_fill: Callable[[Node], Iterable[Need]] | None = None
    hashed: Callable[[Node], Iterable[Slot]] | None = None
    slots: Callable[[Node], Iterable[Slot]] = after_tag
    whole: Callable[[Reader, Node], Any] | None = None
    first: bool = False
    chained: bool = False


class Reader:
    """The state of one `decode`; what the kinds work with."""

    def __init__(
        self,
        heap: Sequence[Node],
        knows: Knows,
        registered: Registered,
        kinds: dict[Any, Kind],
        named: Mapping[str, object],
    ) -> None:
        self.knows = knows
        self.named = named
        self.registered = registered
        self.travels = {travels.tag: travels for travels in registered.types.values()}
        self.modules = knows.modules()
        self.plans: dict[int, Any] = {}  # of the classes met, by their node; see `objects`
        self._names: dict[int, tuple[str, ...]] = {}
        self._heap = heap
        self._size = len(heap)
        self._kinds = kinds
        self.made: list[Any] = [_UNMADE] * len(heap)
        self._filled = bytearray(len(heap))
        self._at = 0  # the node that is being read, for an error
        self._whole: set[int] = set()
        self.bounds = Bounds(len(heap))

    def value(self, slot: Slot) -> Any:
        """Returns the value of a slot."""
        if type(slot) is list:
            value = self.made[self.index(slot)]
            if value is _UNMADE:
                raise _NotYet
            return value
        if type(slot) in INLINE:
            return slot
        raise ProtocolError(f"a slot holds a {type(slot).__name__}")

    def values(self, slots: Sequence[Slot]) -> list[Any]:
        """Returns the values of many slots."""
        if INLINE.issuperset(map(type, slots)):
            return list(slots)
        value = self.value
        return [value(slot) for slot in slots]

    def typed(self, slot: Slot, kind: type) -> Any:
        """Returns the value of a slot that must be of exactly this type."""
        value = self.value(slot)
        if type(value) is not kind:
            raise ProtocolError(f"a {type(value).__name__} where a {kind.__name__} belongs")
        return value

    def instance(self, slot: Slot, kind: type) -> Any:
        """Returns the value of a slot that must be an instance of this type."""
        value = self.value(slot)
        if not issubclass(type(value), kind):
            raise ProtocolError(f"a {type(value).__name__} where a {kind.__name__} belongs")
        return value

    def node(self, slot: Slot) -> Node:
        """Returns the node that a slot refers to."""
        return self._heap[self.index(slot)]

    def names(self, index: Any) -> tuple[str, ...]:
        """Returns the names of the shape with this index; shapes are made before all that has one."""
        if type(index) is not int or index not in self._names:
            self._names[index] = self.typed([index], Shape).names
        return self._names[index]

    def index(self, slot: Slot) -> int:
        """Returns the index that a reference holds."""
        if type(slot) is list and len(slot) == 1:
            index = slot[0]
            if type(index) is int and 0 <= index < self._size:
                return index
        raise ProtocolError(f"{str(slot)[:40]} is no reference into a heap of {self._size} nodes")

    def read(self) -> None:
        """Makes and fills every node.

        Backwards: what a node refers to was mostly met after it, and is then there to be put in at once. Shapes and
        classes come first: all others stand on them.
        """
        try:
            kinds = self._checked_kinds()
            later = [index for index in range(len(kinds) - 1, -1, -1) if not self._make_at_once(index, kinds[index])]
            for index in later:
                self._at = index
                self._bring((Step.MADE, index))
            for index, kind in enumerate(kinds):
                if kind.fill is not None and not self._filled[index]:
                    self._at = index
                    if kind.to_fill is None:
                        self._filled[index] = 1
                        kind.fill(self, self.made[index], self._heap[index])
                    else:
                        self._bring((Step.FILLED, index))
        except _NotYet as error:
            raise ProtocolError("it holds itself in a way that cannot be built again", place=self._place()) from error
        except MidstreamError as error:
            if error.place is not None:
                raise
            raise type(error)(error.message, place=self._place(), remedy=error.remedy) from error
        except Exception as error:
            message = f"its contents cannot be: {type(error).__name__}: {str(error)[:200]}"
            raise ProtocolError(message, place=self._place()) from error

    def _checked_kinds(self) -> list[Kind]:
        """Returns the kind of each node, and makes those that are first."""
        kinds: list[Kind] = []
        find = self._kinds.get
        for index, node in enumerate(self._heap):
            kind = find(node[0]) if type(node) is list and node and type(node[0]) in (int, str) else None
            if kind is None:
                self._at = index
                raise ProtocolError("not a node of a known kind")
            kinds.append(kind)
            if kind.first:
                self._make_at_once(index, kind)
        return kinds

    def _make_at_once(self, index: int, kind: Kind) -> bool:
        """Makes a node, whole if it can be; tells whether it is made."""
        self._at = index
        node = self._heap[index]
        if kind.to_make is not None or self.made[index] is not _UNMADE:
            return self.made[index] is not _UNMADE
        if kind.whole is not None:
            try:
                self.made[index] = kind.whole(self, node)
            except _NotYet:
                pass
            else:
                self._filled[index] = 1
                return True
        try:
            self.made[index] = kind.make(self, node)
        except _NotYet:
            return False
        if kind.chained:
            self.bounds.chain(index, kind.slots(node))
        return True

    def _place(self) -> str:
        node = self._heap[self._at]
        tag = node[0] if type(node) is list and node else node
        return f"node {self._at} of the image ({str(tag)[:20]!r})"

    def _bring(self, goal: tuple[int, int]) -> None:
        """Brings one node as far as asked, and before it what it needs, depth first on a stack of our own.

        Linear: a node is on its way once for each step; what is on its way already is a cycle. For hashes that is no
        matter (the object at the other end is filled), for making and filling there is no order, and no program could
        have built it.
        """
        open_: set[tuple[int, int]] = set()
        stack = [goal]
        while stack:
            step, index = task = stack[-1]
            if self._done(step, index):
                open_.discard(task)
                stack.pop()
                continue
            open_.add(task)
            waiting = [need for need in self._before(step, index) if not self._done(*need)]
            if step < Step.SETTLED and any(need in open_ and need[0] < Step.SETTLED for need in waiting):
                raise ProtocolError("it holds itself in a way that no program could have built")
            waiting = [need for need in waiting if need not in open_]
            if waiting:
                stack += waiting
            else:
                self._perform(step, index)

    def _done(self, step: int, index: int) -> bool:
        if step == Step.MADE:
            return self.made[index] is not _UNMADE
        if step == Step.FILLED:
            return bool(self._filled[index])
        return self.bounds.is_settled(index) if step == Step.SETTLED else index in self._whole

    def _before(self, step: int, index: int) -> list[tuple[int, int]]:
        node = self._heap[index]
        kind = self._kinds[node[0]]
        if step == Step.MADE:
            made = [(Step.MADE, kind.made(node))] if kind.made else []
            return self._needs([*made, *(kind.to_make(node) if kind.to_make else ())])
        if step == Step.FILLED:
            first: list[tuple[int, int]] = [(Step.MADE, index)]
            if kind.fill is None:
                return first
            first += self._needs([(Step.MADE, kind.slots(node))])
            return first + self._needs(kind.to_fill(node) if kind.to_fill else ())
        if step == Step.WHOLE:
            return [(Step.FILLED, index), *self._needs([(Step.WHOLE, kind.slots(node))])]
        if self.made[index] is _UNMADE:
            return [(Step.MADE, index)]
        if _hashes_identity(self.made[index]):
            return []
        hashed = [(Step.SETTLED, kind.hashed(node))] if kind.hashed else []
        return [(Step.FILLED, index), *self._needs(hashed)]

    def _needs(self, needs: Iterable[tuple[int, Iterable[Slot]]]) -> list[tuple[int, int]]:
        return [(step, self.index(slot)) for step, slots in needs for slot in slots if type(slot) is list]

    def _perform(self, step: int, index: int) -> None:
        node = self._heap[index]
        kind = self._kinds[node[0]]
        self._at = index
        if step == Step.MADE:
            self.made[index] = kind.make(self, node)
            if kind.chained:
                self.bounds.chain(index, kind.slots(node))
        elif step == Step.FILLED:
            self._filled[index] = 1
            if kind.fill is not None:
                kind.fill(self, self.made[index], node)
        elif step == Step.WHOLE:
            self._whole.add(index)
        elif kind.hashed is None or _hashes_identity(self.made[index]):
            self.bounds.settle(index)
        else:
            self.bounds.settle(index, kind.hashed(node))


def _hashes_identity(value: Any) -> bool:
    hashed: Any = type(value).__hash__
    return hashed is object.__hash__

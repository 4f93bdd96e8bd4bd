"""Twins of the iterators of `itertools` that share an iterator: ``groupby`` with its groups, ``tee``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import index
from typing import Any, Final

from devices.runtime.python.twins.shape import NOTHING, Reduced, twin


@twin
class groupby:
    """The groups of elements with the same key that follow each other; each a key and an iterator."""

    __slots__ = ("current", "element", "iterator", "key", "key_of", "wanted")
    iterator: Iterator[Any]
    key_of: Callable[[Any], Any] | None
    element: Any  # read, and not given to a group yet; with its key
    key: Any
    wanted: Any  # the key of the group that was given last
    current: _grouper | None

    def __new__(cls, iterable: Iterable[Any], key: Callable[[Any], Any] | None = None) -> Any:
        self = object.__new__(cls)
        self.iterator = iter(iterable)
        self.key_of = key
        self.element = NOTHING
        self.key = NOTHING
        self.wanted = NOTHING
        self.current = None
        return self

    def __next__(self) -> tuple[Any, Any]:
        self.current = None
        while self.key is NOTHING or (self.wanted is not NOTHING and _same(self.wanted, self.key)):
            self.read()
        self.wanted = self.key
        return self.key, _grouper(self, self.wanted)

    def read(self) -> None:
        element = next(self.iterator)
        self.key = element if self.key_of is None else self.key_of(element)
        self.element = element

    def __midstream_reduce__(self) -> Reduced:
        if self.wanted is NOTHING:
            return groupby, (self.iterator, self.key_of), None
        state = (self.wanted,) if self.key is NOTHING else (self.key, self.element, self.wanted)
        return groupby, (self.iterator, self.key_of), state

    def __midstream_restore__(self, state: Any) -> None:
        if len(state) == 1:
            (self.wanted,) = state
        else:
            self.key, self.element, self.wanted = state


@twin
class _grouper:
    """The elements of one group, as long as the next has not been asked for."""

    __slots__ = ("_parent", "_wanted")
    _parent: groupby
    _wanted: Any

    def __new__(cls, parent: Any, wanted: Any, /) -> Any:
        if not isinstance(parent, groupby):
            raise TypeError("a group is one of a groupby")
        self = object.__new__(cls)
        self._parent, self._wanted = parent, wanted
        parent.current = self
        return self

    def __next__(self) -> Any:
        parent = self._parent
        if parent.current is not self:
            raise StopIteration
        if parent.element is NOTHING:
            parent.read()
        if not _same(self._wanted, parent.key):
            raise StopIteration
        element = parent.element
        parent.element = parent.key = NOTHING
        return element

    def __midstream_reduce__(self) -> Reduced:
        if self._parent.current is not self:
            return iter, ((),), None  # type: ignore[return-value]
        return _grouper, (self._parent, self._wanted), None


def _same(one: Any, other: Any) -> bool:
    return one is other or bool(one == other)


_IN_A_LINK: Final = 57
"""Elements in a link of a tee, as many as in C: what an image holds is the same."""


@twin
class _tee_dataobject:
    """Some elements that the iterators of a tee have read, and those read after them."""

    __slots__ = ("_iterator", "_next", "_reading", "_values")
    _iterator: Iterator[Any]
    _values: list[Any]
    _next: _tee_dataobject | None
    _reading: bool

    def __new__(cls, iterator: Any, values: list[Any], after: Any, /) -> Any:
        full = len(values) == _IN_A_LINK
        if len(values) > _IN_A_LINK or (after is not None and not (full and isinstance(after, _tee_dataobject))):
            raise ValueError("Invalid arguments")
        self = object.__new__(cls)
        self._iterator = iterator
        self._values = list(values)
        self._next = after
        self._reading = False
        return self

    def item(self, at: int) -> Any:
        """Returns the element of a number; reads it if need be."""
        if at < len(self._values):
            return self._values[at]
        if self._reading:
            raise RuntimeError("cannot re-enter the tee iterator")
        self._reading = True
        try:
            value = next(self._iterator)
        finally:
            self._reading = False
        self._values.append(value)
        return value

    def link(self) -> Any:
        """Returns what comes after; makes it if need be."""
        if self._next is None:
            self._next = _tee_dataobject(self._iterator, [], None)
        return self._next

    def __midstream_reduce__(self) -> Reduced:
        return _tee_dataobject, (self._iterator, list(self._values), self._next), None


@twin
class _tee:
    """One of the iterators of a tee."""

    __slots__ = ("__weakref__", "_at", "_link")
    _link: _tee_dataobject
    _at: int

    def __new__(cls, iterable: Iterable[Any], /) -> Any:
        iterator = iter(iterable)
        if isinstance(iterator, _tee):
            return iterator.__copy__()
        self = object.__new__(cls)
        self._link = _tee_dataobject(iterator, [], None)
        self._at = 0
        return self

    def __next__(self) -> Any:
        if self._at == _IN_A_LINK:
            self._link, self._at = self._link.link(), 0
        value = self._link.item(self._at)
        self._at += 1
        return value

    def __copy__(self) -> Any:
        other: Any = object.__new__(_tee)
        other.__midstream_restore__((self._link, self._at))
        return other

    def __midstream_reduce__(self) -> Reduced:
        return _tee, ((),), (self._link, self._at)

    def __midstream_restore__(self, state: Any) -> None:
        link, at = state
        if not isinstance(link, _tee_dataobject) or not 0 <= index(at) <= _IN_A_LINK:
            raise ValueError("Index out of range")
        self._link, self._at = link, index(at)


def tee(iterable: Iterable[Any], n: Any = 2, /) -> tuple[Iterator[Any], ...]:
    """Returns a tuple of n independent iterators."""
    many = index(n)
    if many < 0:
        raise ValueError("n must be >= 0")
    if not many:
        return ()
    iterator: Any = iter(iterable)
    if not hasattr(iterator, "__copy__"):
        iterator = _tee(iterator)
    return (iterator, *(iterator.__copy__() for _ in range(many - 1)))


tee.__module__ = "itertools"

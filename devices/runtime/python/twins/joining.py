"""Twins of the iterators of `itertools` that put elements together, or make others of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import add, index
from types import GenericAlias
from typing import Any, cast

from devices.runtime.python.twins.shape import NOTHING, Reduced, twin


@twin
class accumulate:
    """What a function makes of each element and all before it."""

    __slots__ = ("_function", "_initial", "_iterator", "_total")
    _iterator: Iterator[Any]
    _function: Callable[[Any, Any], Any] | None
    _initial: Any
    _total: Any

    def __new__(
        cls, iterable: Iterable[Any], func: Callable[[Any, Any], Any] | None = None, *, initial: Any = None
    ) -> Any:
        self = object.__new__(cls)
        self._iterator = iter(iterable)
        self._function = func
        self._initial = initial
        self._total = NOTHING
        return self

    def __next__(self) -> Any:
        if self._initial is not None:
            self._total, self._initial = self._initial, None
            return self._total
        item = next(self._iterator)
        if self._total is NOTHING:
            self._total = item
        else:
            self._total = (add if self._function is None else self._function)(self._total, item)
        return self._total

    def __midstream_reduce__(self) -> Reduced:
        if self._initial is not None:
            return accumulate, (self._iterator, self._function, self._initial), None
        if self._total is None:
            return accumulate, (self._iterator, self._function, None, None), None
        return accumulate, (self._iterator, self._function), None if self._total is NOTHING else self._total

    def __midstream_restore__(self, state: Any) -> None:
        self._total = state


@twin
class chain:
    """The elements of one iterable after another."""

    __slots__ = ("_active", "_source")
    _source: Iterator[Iterable[Any]] | None
    _active: Iterator[Any] | None

    def __new__(cls, *iterables: Iterable[Any]) -> Any:
        return _chained(cls, iter(iterables))

    @classmethod
    def from_iterable(cls, iterable: Iterable[Iterable[Any]], /) -> Any:
        """Takes the iterables from an iterable."""
        return _chained(cls, iter(iterable))

    __class_getitem__: Any = classmethod(cast("Any", GenericAlias))

    def __next__(self) -> Any:
        while self._source is not None:
            if self._active is None:
                try:
                    self._active = iter(next(self._source))
                except BaseException:
                    self._source = None
                    raise
            try:
                return next(self._active)
            except StopIteration:
                self._active = None
        raise StopIteration

    def __midstream_reduce__(self) -> Reduced:
        if self._source is None:
            return chain, (), None
        return chain, (), (self._source,) if self._active is None else (self._source, self._active)

    def __midstream_restore__(self, state: Any) -> None:
        source, *active = state
        for iterator in state:
            if not hasattr(type(iterator), "__next__"):
                raise TypeError("what a chain goes over are iterators")
        self._source = source
        self._active = active[0] if active else None


def _chained(cls: type, source: Iterator[Iterable[Any]]) -> Any:
    self: Any = object.__new__(cls)
    self._source = source
    self._active = None
    return self


@twin
class starmap:
    """What a function makes of each element's elements."""

    __slots__ = ("_function", "_iterator")
    _function: Callable[..., Any]
    _iterator: Iterator[Iterable[Any]]

    def __new__(cls, function: Callable[..., Any], iterable: Iterable[Iterable[Any]], /) -> Any:
        self = object.__new__(cls)
        self._function, self._iterator = function, iter(iterable)
        return self

    def __next__(self) -> Any:
        return self._function(*tuple(next(self._iterator)))

    def __midstream_reduce__(self) -> Reduced:
        return starmap, (self._function, self._iterator), None


@twin
class pairwise:
    """Each element with the one after it."""

    __slots__ = ("_before", "_iterator")
    _iterator: Iterator[Any] | None
    _before: Any

    def __new__(cls, iterable: Iterable[Any], /) -> Any:
        self = object.__new__(cls)
        self._iterator = iter(iterable)
        self._before = NOTHING
        return self

    def __next__(self) -> tuple[Any, Any]:
        if self._iterator is None:
            raise StopIteration
        try:
            if self._before is NOTHING:
                self._before = next(self._iterator)
            before = self._before
            self._before = next(self._iterator)
        except BaseException:
            self._iterator, self._before = None, NOTHING
            raise
        return before, self._before

    def __midstream_reduce__(self) -> Reduced:
        if self._iterator is None:
            return pairwise, (iter(()),), None
        return pairwise, (self._iterator,), None if self._before is NOTHING else (self._before,)

    def __midstream_restore__(self, state: Any) -> None:
        (self._before,) = state


@twin
class batched:
    """Tuples of so many elements each; the last may be shorter."""

    __slots__ = ("_iterator", "_number", "_strict")
    _iterator: Iterator[Any] | None
    _number: int
    _strict: bool

    def __new__(cls, iterable: Iterable[Any], n: Any, *, strict: Any = False) -> Any:
        number = index(n)
        if number < 1:
            raise ValueError("n must be at least one")
        self = object.__new__(cls)
        self._iterator = iter(iterable)
        self._number, self._strict = number, bool(strict)
        return self

    def __next__(self) -> tuple[Any, ...]:
        if self._iterator is None:
            raise StopIteration
        items: list[Any] = []
        try:
            while len(items) < self._number:
                items.append(next(self._iterator))
        except StopIteration:
            if items and not self._strict:
                return tuple(items)
            self._iterator = None
            if not items:
                raise
        except BaseException:
            self._iterator = None
            raise
        if self._iterator is None:
            raise ValueError("batched(): incomplete batch")
        return tuple(items)

    def __midstream_reduce__(self) -> Reduced:
        return batched, (iter(()) if self._iterator is None else self._iterator, self._number), self._strict or None

    def __midstream_restore__(self, state: Any) -> None:
        self._strict = bool(state)


@twin
class zip_longest:
    """The first of each iterable, then the second of each, until the longest has ended."""

    __slots__ = ("_fill", "_iterators", "_left")
    _iterators: list[Iterator[Any] | None]
    _left: int
    _fill: Any

    def __new__(cls, *iterables: Iterable[Any], fillvalue: Any = None) -> Any:
        self = object.__new__(cls)
        self._iterators = [iter(iterable) for iterable in iterables]
        self._left = len(iterables)
        self._fill = fillvalue
        return self

    def __next__(self) -> tuple[Any, ...]:
        if not self._left:
            raise StopIteration
        items: list[Any] = []
        for at, iterator in enumerate(self._iterators):
            item = self._fill
            if iterator is not None:
                try:
                    item = next(iterator)
                except StopIteration:
                    self._left -= 1
                    if not self._left:
                        raise
                    self._iterators[at] = None
                except BaseException:
                    self._left = 0
                    raise
            items.append(item)
        return tuple(items)

    def __midstream_reduce__(self) -> Reduced:
        iterators = tuple(() if iterator is None or not self._left else iterator for iterator in self._iterators)
        return zip_longest, iterators, self._fill

    def __midstream_restore__(self, state: Any) -> None:
        self._fill = state

"""Twins of the iterators of `itertools` that give some of the elements."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from operator import index
from typing import Any

from devices.runtime.python.twins.shape import NOTHING, Reduced, twin


@twin
class compress:
    """The elements whose selectors are true."""

    __slots__ = ("_data", "_selectors")
    _data: Iterator[Any]
    _selectors: Iterator[Any]

    def __new__(cls, data: Iterable[Any], selectors: Iterable[Any]) -> Any:
        self = object.__new__(cls)
        self._data, self._selectors = iter(data), iter(selectors)
        return self

    def __next__(self) -> Any:
        while True:
            item = next(self._data)
            if next(self._selectors):
                return item

    def __midstream_reduce__(self) -> Reduced:
        return compress, (self._data, self._selectors), None


@twin
class dropwhile:
    """The elements from the first on for which a predicate is false."""

    __slots__ = ("_iterator", "_predicate", "_started")
    _predicate: Callable[[Any], Any]
    _iterator: Iterator[Any]
    _started: bool

    def __new__(cls, predicate: Callable[[Any], Any], iterable: Iterable[Any], /) -> Any:
        self = object.__new__(cls)
        self._predicate, self._iterator = predicate, iter(iterable)
        self._started = False
        return self

    def __next__(self) -> Any:
        while True:
            item = next(self._iterator)
            if self._started:
                return item
            if not self._predicate(item):
                self._started = True
                return item

    def __midstream_reduce__(self) -> Reduced:
        return dropwhile, (self._predicate, self._iterator), int(self._started)

    def __midstream_restore__(self, state: Any) -> None:
        self._started = bool(state)


@twin
class takewhile:
    """The elements before the first for which a predicate is false."""

    __slots__ = ("_iterator", "_predicate", "_stopped")
    _predicate: Callable[[Any], Any]
    _iterator: Iterator[Any]
    _stopped: bool

    def __new__(cls, predicate: Callable[[Any], Any], iterable: Iterable[Any], /) -> Any:
        self = object.__new__(cls)
        self._predicate, self._iterator = predicate, iter(iterable)
        self._stopped = False
        return self

    def __next__(self) -> Any:
        if self._stopped:
            raise StopIteration
        item = next(self._iterator)
        if self._predicate(item):
            return item
        self._stopped = True
        raise StopIteration

    def __midstream_reduce__(self) -> Reduced:
        return takewhile, (self._predicate, self._iterator), int(self._stopped)

    def __midstream_restore__(self, state: Any) -> None:
        self._stopped = bool(state)


@twin
class filterfalse:
    """The elements for which a function is false."""

    __slots__ = ("_function", "_iterator")
    _function: Callable[[Any], Any] | None
    _iterator: Iterator[Any]

    def __new__(cls, function: Callable[[Any], Any] | None, iterable: Iterable[Any], /) -> Any:
        self = object.__new__(cls)
        self._function, self._iterator = function, iter(iterable)
        return self

    def __next__(self) -> Any:
        while True:
            item = next(self._iterator)
            if not (item if self._function is None else self._function(item)):
                return item

    def __midstream_reduce__(self) -> Reduced:
        return filterfalse, (self._function, self._iterator), None


@twin
class islice:
    """Some of the elements, by their numbers."""

    __slots__ = ("_iterator", "_next", "_step", "_stop", "_taken")
    _iterator: Iterator[Any] | None
    _next: int
    _stop: int | None
    _step: int
    _taken: int

    def __new__(cls, iterable: Iterable[Any], start: Any, stop: Any = NOTHING, step: Any = None, /) -> Any:
        if stop is NOTHING:
            start, stop = 0, _bound(start, None, "Stop argument for islice()")
        else:
            stop = _bound(stop, None, "Stop argument for islice()")
            start = _bound(start, 0, "Indices for islice()")
        try:
            step = 1 if step is None else index(step)
        except TypeError:
            step = 0
        if not 0 < step <= sys.maxsize:
            raise ValueError("Step for islice() must be a positive integer or None.")
        self = object.__new__(cls)
        self._iterator = iter(iterable)
        self._next, self._stop, self._step = start, stop, step
        self._taken = 0
        return self

    def __next__(self) -> Any:
        if self._iterator is None:
            raise StopIteration
        try:
            while self._taken < self._next:
                next(self._iterator)
                self._taken += 1
            if self._stop is not None and self._taken >= self._stop:
                raise StopIteration  # noqa: TRY301  (one end for all)
            item = next(self._iterator)
        except BaseException:
            self._iterator = None
            raise
        self._taken += 1
        self._next += self._step
        if self._stop is not None:
            self._next = min(self._next, self._stop)
        return item

    def __midstream_reduce__(self) -> Reduced:
        if self._iterator is None:
            return islice, (iter(()), 0), 0
        return islice, (self._iterator, self._next, self._stop, self._step), self._taken

    def __midstream_restore__(self, state: Any) -> None:
        self._taken = index(state)


def _bound(value: Any, default: int | None, what: str) -> int | None:
    try:
        number = default if value is None else index(value)
    except TypeError:
        number = -1
    if number is not None and not 0 <= number <= sys.maxsize:
        raise ValueError(f"{what} must be None or an integer: 0 <= x <= sys.maxsize.")
    return number

"""Twins of the iterators of `itertools` that need not end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import index
from typing import Any, Final

from devices.runtime.python.twins.shape import NOTHING, Reduced, twin


@twin
class count:
    """Numbers, each a step after the one before."""

    __slots__ = ("_number", "_step")
    _number: Any
    _step: Any

    def __new__(cls, start: Any = 0, step: Any = 1) -> Any:
        for number in (start, step):
            if not (isinstance(number, complex) or any(hasattr(type(number), name) for name in _NUMBERS)):
                raise TypeError("a number is required")
        self = object.__new__(cls)
        self._number = int(start) if isinstance(start, int) and type(step) is int and step == 1 else start
        self._step = step
        return self

    def __next__(self) -> Any:
        number = self._number
        self._number = number + self._step
        return number

    def __repr__(self) -> str:
        step = "" if isinstance(self._step, int) and self._step == 1 else f", {self._step!r}"
        return f"{type(self).__name__}({self._number!r}{step})"

    def __midstream_reduce__(self) -> Reduced:
        whole = isinstance(self._step, int) and self._step == 1
        return count, (self._number,) if whole else (self._number, self._step), None


_NUMBERS: Final = ("__index__", "__int__", "__float__")


@twin
class cycle:
    """The elements of an iterable, again and again."""

    __slots__ = ("_again", "_at", "_iterator", "_saved")
    _iterator: Iterator[Any] | None
    _saved: list[Any]
    _at: int
    _again: bool

    def __new__(cls, iterable: Iterable[Any], /) -> Any:
        self = object.__new__(cls)
        self._iterator = iter(iterable)
        self._saved = []
        self._at = 0
        self._again = False  # what the iterator gives is saved already
        return self

    def __next__(self) -> Any:
        if self._iterator is not None:
            try:
                item = next(self._iterator)
            except StopIteration:
                self._iterator = None
            else:
                if not self._again:
                    self._saved.append(item)
                return item
        if not self._saved:
            raise StopIteration
        item = self._saved[self._at]
        self._at = (self._at + 1) % len(self._saved)
        return item

    def __midstream_reduce__(self) -> Reduced:
        if self._iterator is not None:
            return cycle, (self._iterator,), (self._saved, self._again)
        rest: Any = iter(self._saved)
        rest.__setstate__(self._at)
        return cycle, (rest,), (self._saved, True)

    def __midstream_restore__(self, state: Any) -> None:
        saved, again = state
        if type(saved) is not list:
            raise TypeError("what a cycle has saved is a list")
        self._saved, self._again = saved, bool(again)


@twin
class repeat:
    """One object, again and again, or a number of times."""

    __slots__ = ("_left", "_object")
    _object: Any
    _left: int | None

    def __new__(cls, object: Any, times: Any = NOTHING) -> Any:  # noqa: A002  (callers name it)
        self = super().__new__(cls)
        self._object = object
        self._left = None if times is NOTHING else max(index(times), 0)
        return self

    def __next__(self) -> Any:
        if self._left is not None:
            if not self._left:
                raise StopIteration
            self._left -= 1
        return self._object

    def __length_hint__(self) -> int:
        if self._left is None:
            raise TypeError("len() of unsized object")
        return self._left

    def __repr__(self) -> str:
        times = "" if self._left is None else f", {self._left}"
        return f"{type(self).__name__}({self._object!r}{times})"

    def __midstream_reduce__(self) -> Reduced:
        return repeat, (self._object,) if self._left is None else (self._object, self._left), None

"""Twins of the iterators of `itertools` that combine elements: they keep the elements' numbers.

The next numbers follow from those before (Knuth, The Art of Computer Programming 4A, 7.2.1.1 to 7.2.1.3), in the order
that `itertools` has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any

from devices.runtime.python.twins.shape import Reduced, twin


def _within(state: Any, tops: Sequence[int]) -> list[int]:
    """Returns numbers, each at most its top; as C takes them, which an image may have from anywhere."""
    if type(state) is not tuple or len(state) != len(tops):
        raise ValueError("invalid arguments")
    return [max(0, min(index(number), top)) for number, top in zip(state, tops, strict=True)]


def _length(r: Any) -> int:
    if not isinstance(r, int):
        raise TypeError("Expected int as r")
    if r < 0:
        raise ValueError("r must be non-negative")
    return int(r)


@twin
class product:
    """Every choice of one element from each iterable."""

    __slots__ = ("_numbers", "_pools", "_stopped")
    _pools: tuple[tuple[Any, ...], ...]
    _numbers: list[int] | None
    _stopped: bool

    def __new__(cls, *iterables: Iterable[Any], repeat: Any = 1) -> Any:
        times = index(repeat)
        if times < 0:
            raise ValueError("repeat argument cannot be negative")
        self = object.__new__(cls)
        self._pools = tuple(map(tuple, iterables if times else ())) * times
        self._numbers = None
        self._stopped = False
        return self

    def __next__(self) -> tuple[Any, ...]:
        if self._stopped or not self._step():
            self._stopped = True
            raise StopIteration
        return tuple(pool[number] for pool, number in zip(self._pools, self._numbers or (), strict=True))

    def _step(self) -> bool:
        if self._numbers is None:
            self._numbers = [0] * len(self._pools)
            return all(self._pools)
        for at in reversed(range(len(self._pools))):
            self._numbers[at] += 1
            if self._numbers[at] < len(self._pools[at]):
                return True
            self._numbers[at] = 0
        return False

    def __midstream_reduce__(self) -> Reduced:
        if self._stopped:
            return product, ((),), None
        return product, self._pools, None if self._numbers is None else tuple(self._numbers)

    def __midstream_restore__(self, state: Any) -> None:
        self._numbers = _within(state, [len(pool) - 1 for pool in self._pools])
        self._stopped = not all(self._pools)


@twin
class permutations:
    """Every order of so many elements."""

    __slots__ = ("_cycles", "_length", "_numbers", "_pool", "_started", "_stopped")
    _pool: tuple[Any, ...]
    _length: int
    _numbers: list[int]
    _cycles: list[int]
    _started: bool
    _stopped: bool

    def __new__(cls, iterable: Iterable[Any], r: Any = None) -> Any:
        self = object.__new__(cls)
        self._pool = tuple(iterable)
        self._length = len(self._pool) if r is None else _length(r)
        self._numbers = list(range(len(self._pool)))
        self._cycles = list(range(len(self._pool), len(self._pool) - self._length, -1))
        self._started = False
        self._stopped = self._length > len(self._pool)
        return self

    def __next__(self) -> tuple[Any, ...]:
        if self._stopped or (self._started and not self._step()):
            self._stopped = True
            raise StopIteration
        self._started = True
        return tuple(self._pool[number] for number in self._numbers[: self._length])

    def _step(self) -> bool:
        numbers = self._numbers
        for at in reversed(range(self._length)):
            self._cycles[at] -= 1
            if self._cycles[at]:
                other = len(numbers) - self._cycles[at]
                numbers[at], numbers[other] = numbers[other], numbers[at]
                return True
            numbers[at:] = [*numbers[at + 1 :], numbers[at]]
            self._cycles[at] = len(numbers) - at
        return False

    def __midstream_reduce__(self) -> Reduced:
        if self._stopped:
            return permutations, ((), max(self._length, 1)), None
        state = (tuple(self._numbers), tuple(self._cycles)) if self._started else None
        return permutations, (self._pool, self._length), state

    def __midstream_restore__(self, state: Any) -> None:
        numbers, cycles = state
        size = len(self._pool)
        if self._stopped:
            return
        self._numbers = _within(numbers, [size - 1] * size)
        self._cycles = [max(1, each) for each in _within(cycles, [size - at for at in range(self._length)])]
        self._started = True


@twin
class combinations:
    """Every choice of so many elements, in their order."""

    __slots__ = ("_length", "_numbers", "_pool", "_started", "_stopped")
    _pool: tuple[Any, ...]
    _length: int
    _numbers: list[int]
    _started: bool
    _stopped: bool

    def __new__(cls, iterable: Iterable[Any], r: Any) -> Any:
        self = object.__new__(cls)
        self._pool = tuple(iterable)
        self._length = _length(r)
        self._numbers = list(range(self._length))
        self._started = False
        self._stopped = self._length > len(self._pool)
        return self

    def __next__(self) -> tuple[Any, ...]:
        if self._stopped or (self._started and not self._step()):
            self._stopped = True
            raise StopIteration
        self._started = True
        return tuple(self._pool[number] for number in self._numbers)

    def _step(self) -> bool:
        for at in reversed(range(self._length)):
            number = self._numbers[at] + 1
            if number <= len(self._pool) - self._length + at:
                self._numbers[at:] = range(number, number + self._length - at)
                return True
        return False

    def __midstream_reduce__(self) -> Reduced:
        if self._stopped:
            return combinations, ((), max(self._length, 1)), None
        return combinations, (self._pool, self._length), tuple(self._numbers) if self._started else None

    def __midstream_restore__(self, state: Any) -> None:
        if not self._stopped:
            spare = len(self._pool) - self._length
            self._numbers = _within(state, [spare + at for at in range(self._length)])
            self._started = True


@twin
class combinations_with_replacement:
    """Every choice of so many elements, in their order, each as often as one likes."""

    __slots__ = ("_length", "_numbers", "_pool", "_started", "_stopped")
    _pool: tuple[Any, ...]
    _length: int
    _numbers: list[int]
    _started: bool
    _stopped: bool

    def __new__(cls, iterable: Iterable[Any], r: Any) -> Any:
        self = object.__new__(cls)
        self._pool = tuple(iterable)
        self._length = _length(r)
        self._numbers = [0] * self._length
        self._started = False
        self._stopped = not self._pool and self._length > 0
        return self

    def __next__(self) -> tuple[Any, ...]:
        if self._stopped or (self._started and not self._step()):
            self._stopped = True
            raise StopIteration
        self._started = True
        return tuple(self._pool[number] for number in self._numbers)

    def _step(self) -> bool:
        for at in reversed(range(self._length)):
            number = self._numbers[at] + 1
            if number < len(self._pool):
                self._numbers[at:] = [number] * (self._length - at)
                return True
        return False

    def __midstream_reduce__(self) -> Reduced:
        if self._stopped:
            return combinations_with_replacement, ((), max(self._length, 1)), None
        state = tuple(self._numbers) if self._started else None
        return combinations_with_replacement, (self._pool, self._length), state

    def __midstream_restore__(self, state: Any) -> None:
        if not self._stopped:
            self._numbers = _within(state, [len(self._pool) - 1] * self._length)
            self._started = True

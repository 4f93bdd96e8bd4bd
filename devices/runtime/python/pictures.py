"""Pictures of containers, taken when import is over, by which it is told later whether they have changed.

A picture is each container that is found in a value, with its elements as they were, by identity: while each still has the
very same elements, nothing in it has changed. What a picture cannot judge (objects of the program's own classes, too
many elements) counts as changed.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from operator import is_
from types import FunctionType
from typing import Any, Final

from devices.runtime.python.values.locks import KINDS_OF_LOCKS, state_of

CONTAINERS: Final = (list, dict, set, bytearray, deque)
_DICTS: Final = frozenset({dict, defaultdict, OrderedDict})
_OTHERS: Final = frozenset({list, set, deque, tuple, frozenset})
_CONSTANT: Final = frozenset({tuple, frozenset})
_MOST: Final = 20_000  # elements in a picture; beyond that it would cost more than carrying the container
_DEEPEST: Final = 50


class Picture:
    """The containers in a value, each with its elements; the locks in it, and whether they were held."""

    __slots__ = ("_locks", "_taken")

    def __init__(self, taken: list[tuple[Any, list[Any]]], locks: list[tuple[Any, Any]]) -> None:
        self._taken = taken
        self._locks = locks

    @classmethod
    def of(cls, value: Any, own: frozenset[str]) -> Picture | None:
        """Returns the picture of a value, ``None`` if it cannot be judged.

        Args:
            value: a container, or a tuple or frozenset with something in it that could be changed.
            own: the names of the program's modules, whose objects may change unseen.
        """
        taken: list[tuple[Any, list[Any]]] = []
        locks: list[tuple[Any, Any]] = []
        seen: set[int] = set()
        waiting: list[tuple[Any, int]] = [(value, 0)]
        count = 0
        while waiting:
            each, depth = waiting.pop()
            kind = type(each)
            count += 1
            if count > _MOST or depth > _DEEPEST:
                return None
            if kind in _DICTS or kind in _OTHERS:
                if id(each) not in seen:
                    seen.add(id(each))
                    taken.append((each, _elements(each)))
                    waiting += [(inner, depth + 1) for inner in taken[-1][1]]
            elif kind in KINDS_OF_LOCKS:
                locks.append((each, state_of(each)))
            elif isinstance(each, CONTAINERS) or (kind.__module__ in own and not isinstance(each, type | FunctionType)):
                return None
        return cls([each for each in taken if type(each[0]) not in _CONSTANT], locks)

    def is_true(self) -> bool:
        """Tells whether the value still looks like this."""
        return all(_are_the_same(before, _elements(container)) for container, before in self._taken) and all(
            state_of(lock) == before for lock, before in self._locks
        )

    def changeable(self) -> Iterator[Any]:
        """Yields what can be changed in it: containers and locks."""
        return (each for each, _ in (*self._taken, *self._locks))


def _elements(container: Any) -> list[Any]:
    return [*container, *container.values()] if type(container) in _DICTS else list(container)


def _are_the_same(before: list[Any], now: list[Any]) -> bool:
    if len(before) != len(now):
        return False
    return all(map(is_, before, now)) or all(
        one is other or (type(one) is int is type(other) and one == other)
        for one, other in zip(before, now, strict=True)
    )

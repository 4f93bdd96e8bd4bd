"""Iterators over enums, which the standard library writes as generators: they travel as what is left of them.

``for colour in Color`` and ``for right in rights`` hold one. A generator of another module cannot travel in general: its
code is not the program's. These are known by their code, and what they still give are members, which are found by name.
"""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable
from types import CodeType, FunctionType, GeneratorType
from typing import Any, Final, TypeAlias

Generator: TypeAlias = "GeneratorType[Any, Any, Any]"


def left_of(generator: Generator) -> list[enum.Enum] | None:
    """Returns what an iterator over an enum will still give; ``None``: the generator is none."""
    rest = _KNOWN.get(generator.gi_code)
    if rest is None:
        return None
    return rest(generator) if generator.gi_frame is not None else []


def _members(generator: Generator) -> list[enum.Enum]:
    held = _locals(generator)
    cls, names = held["cls"], held[".0"]
    return [cls._member_map_[name] for name in copy.copy(names)]


def _flags(generator: Generator) -> list[enum.Enum]:
    every = list(_locals(generator)["self"])
    given: Any = generator.gi_yieldfrom
    if given is None:  # it has not begun
        return every
    if isinstance(given, GeneratorType) and isinstance(given.gi_yieldfrom, type(iter([]))):
        return list(copy.copy(given.gi_yieldfrom))  # members in an order of their own: sorted into a list
    newest = _locals(given)["val"]
    return [member for member in every if member.value > newest]  # from the lowest bit upwards


def _locals(generator: Generator) -> dict[str, Any]:
    assert generator.gi_frame is not None
    return generator.gi_frame.f_locals


def _inner(function: Any) -> list[CodeType]:
    code = function.__code__ if isinstance(function, FunctionType) else None
    return [] if code is None else [each for each in code.co_consts if isinstance(each, CodeType)]


_KNOWN: Final[dict[CodeType, Callable[[Generator], list[enum.Enum]]]] = {
    **dict.fromkeys(_inner(enum.EnumType.__iter__), _members),
    **dict.fromkeys(_inner(enum.EnumType.__reversed__), _members),
    enum.Flag.__iter__.__code__: _flags,
}

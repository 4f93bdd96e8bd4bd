"""What import makes anew at the destination, and the image therefore only names.

A sentinel ``_UNSET = object()``, a logger, a compiled pattern, a table that nobody has changed: each is an object that
the module's import made and still has under its name. A variable that holds one travels as that name, so that
``value is _UNSET`` stays true after a move, and what could not be carried need not be.

Whether a container has changed is told by a picture of it, taken at import (`pictures`).
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cached_property, lru_cache
from logging import Logger
from pathlib import PurePath
from re import Pattern
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final, TypeVar
from uuid import UUID

from devices.runtime.python.pictures import CONTAINERS, Picture
from devices.runtime.python.values.locks import KINDS_OF_LOCKS, state_of

_PLAIN: Final = (int, float, complex, str, bytes, type(None), bool, type(Ellipsis), type(NotImplemented), range)
_LASTING: Final[tuple[Any, ...]] = (
    FunctionType,
    BuiltinFunctionType,
    type,
    ModuleType,
    tuple,
    frozenset,
    Enum,
    PurePath,
    date,
    time,
    timedelta,
    tzinfo,
    Decimal,
    Fraction,
    UUID,
    TypeVar,
    property,
    cached_property,
    staticmethod,
    classmethod,
    MemberDescriptorType,
)
"""Types whose objects stay what they are, or that are told apart elsewhere."""
_MADE_ANEW: Final = (Logger, Pattern, ContextVar, type(lru_cache(len)))
"""Types whose objects belong to a process, or have no state that counts: a cache starts empty."""
_SETTLED: Final = (*_PLAIN, *_MADE_ANEW, *_LASTING)
_CONSTANTS: Final = (str, bytes, tuple, frozenset, int, float, complex, range)
_MOST: Final = 20_000  # elements in a picture; beyond that it would cost more than carrying the container
_DEEPEST: Final = 50


def may_be_named(value: Any, *, constants: bool) -> bool:
    """Tells whether a global of this value, untouched since import, is to be named where a variable holds it.

    Args:
        value: the global's.
        constants: whether the program could tell an equal text or number from the very object.
    """
    if isinstance(value, BuiltinFunctionType):
        return value.__self__ is None or isinstance(value.__self__, ModuleType)
    if isinstance(value, _CONSTANTS):
        return constants or may_change_inside(value)
    return isinstance(value, (*CONTAINERS, *_MADE_ANEW)) or type(value) is object or type(value) in KINDS_OF_LOCKS


def may_change_inside(value: Any) -> bool:
    """Tells whether a value is a container, or a tuple with something in it that could be changed."""
    return isinstance(value, CONTAINERS) or (isinstance(value, tuple | frozenset) and not _is_constant(value))


def _is_constant(value: Any, depth: int = 0) -> bool:
    if type(value) in (tuple, frozenset):
        return depth < _DEEPEST and len(value) <= _MOST and all(_is_constant(each, depth + 1) for each in value)
    return type(value) in (*_CONSTANTS, bool, type(None))


def _is_settled(value: object) -> bool:
    """Tells whether a value that is no container stays what it is as long as it is the same object."""
    return type(value) is object or isinstance(value, _SETTLED)


class Anchors:
    """The objects of one namespace (of a module or class) as import left them.

    Args:
        prefix: before each name: ``"washer:"``, ``"washer:Registry."``.
        namespace: the names and values.
        own: the names of the program's modules.
        constants: whether the program could tell an equal text or number from the very object.

    Attributes:
        values: what import gave to each name.
        inner: the containers and locks inside of others, by the name that leads to them.
        states: of the locks, whether they were held.
        open: the names whose values may change though they stay the same objects.
        nameable: what an image may name while it is unchanged.
    """

    def __init__(self, prefix: str, namespace: dict[str, Any], own: frozenset[str], *, constants: bool = False) -> None:
        self.prefix = prefix
        self.values = {name: value for name, value in namespace.items() if not name.startswith("__")}
        self._own = own
        self._pictures = {
            name: Picture.of(value, own) for name, value in self.values.items() if may_change_inside(value)
        }
        self.states = {name: state_of(value) for name, value in self.values.items() if type(value) in KINDS_OF_LOCKS}
        self.inner = {
            name: found
            for name, picture in self._pictures.items()
            if picture is not None
            and (found := [each for each in picture.changeable() if each is not self.values[name]])
        }
        self.nameable = {name: value for name, value in self.values.items() if may_be_named(value, constants=constants)}
        self.open = [name for name, value in self.values.items() if name in self._pictures or not _is_settled(value)]

    def is_unchanged(self, name: str, value: Any) -> bool | None:
        """Tells whether a name still has the very object that import gave it, and that has not changed inside.

        ``None``: the object is the same, but whether it has changed cannot be seen: a random generator, an iterator.
        """
        if name not in self.values or self.values[name] is not value:
            return False
        if name in self._pictures:
            picture = self._pictures[name]
            return picture is not None and picture.is_true()
        if name in self.states:
            return bool(self.states[name] == state_of(value))
        if _is_settled(value):
            return True
        return False if type(value).__module__ in self._own else None

"""What the twins have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias, TypeVar

Reduced: TypeAlias = "tuple[type, tuple[Any, ...], Any]"
"""The type to make an iterator with, its arguments, and what it needs besides; ``None``: nothing."""

NOTHING: Final[Any] = object()
"""Where C has a null pointer: ``None`` may be an element."""

TWINS: Final[dict[str, type]] = {}
"""All twins, by name."""

_Class = TypeVar("_Class", bound=type)


def twin(cls: _Class) -> _Class:
    """Gives a class what its original in `itertools` has: name, ``__iter__``, and no way to be pickled or copied."""
    twinned: Any = cls
    twinned.__module__ = "itertools"
    twinned.__iter__ = _itself
    twinned.__reduce_ex__ = _cannot_be_pickled
    TWINS[cls.__name__] = cls
    return cls


def _itself(self: Iterator[Any]) -> Iterator[Any]:
    return self


def _cannot_be_pickled(self: object, _: int) -> Any:
    raise TypeError(f"cannot pickle '{type(self).__module__}.{type(self).__qualname__}' object")

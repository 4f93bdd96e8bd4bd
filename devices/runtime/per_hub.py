"""`@per_hub`: makers of what belongs to a hub: a connection, a serial port, a client.

What such a function has returned is known by identity. A checkpoint holds the call, not the object: the maker's name and
its arguments; and the call is made again where the function goes on. A maker that fails there fails the restore, before
the function has done anything: it stays, or goes on, where it was.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Collection
from types import BuiltinFunctionType, FunctionType
from typing import Any, Final, ParamSpec, TypeVar

from devices.errors import ProtocolError, RestoreError, UsageError
from devices.runtime import failure
from devices.runtime.python.values import Made

P = ParamSpec("P")
T = TypeVar("T")

_WITHOUT_IDENTITY: Final = (
    type(None), bool, int, float, complex, str, bytes, tuple, frozenset, range, type, FunctionType, BuiltinFunctionType,
)  # fmt: skip
"""Types whose values may be one and the same object in two places that have nothing to do with each other."""


def per_hub(maker: Callable[P, T]) -> Callable[P, T]:
    """Marks a function that makes what cannot travel, and is called again where the function goes on.

        @per_hub
        def database(path):
            return sqlite3.connect(path)

    A variable may hold what it returned for as long as it likes. After a move the variable holds what a new call with
    the same arguments has returned; what was done with the old one since (a transaction, a position) is not done with
    the new one. The call is made before anything else of the function, and sees the globals of its file as import leaves
    them: what it depends on are its arguments. It cannot be stopped at while it runs.

    Args:
        maker: a function at the file's own level that returns an object of its own each time.

    Raises:
        UsageError: what is marked cannot be found by its name; or, when it is called, it returned what has no identity.
    """
    name = getattr(maker, "__qualname__", "")
    if not isinstance(maker, FunctionType) or "<" in name:
        raise UsageError(
            f"@per_hub stands before {name or maker!r}, which is not at the file's own level",
            remedy="write the function at the top of the file: after a move it is found by its name",
        )

    @functools.wraps(maker)
    def made(*args: P.args, **kwargs: P.kwargs) -> T:
        value: T = maker(*args, **kwargs)
        _remember(value, made, args, kwargs)
        return value

    _makers.add(made)
    return made


class OfThisHub:
    """What the makers of this process have made and is still there: `values.Anew` for the codec."""

    def living(self) -> Collection[Made]:
        """Returns each object with the call that made it."""
        _forget_abandoned()
        calls = [(reference(), call) for reference, call in list(_made.values())]
        return [Made(value, *call) for value, call in calls if value is not None]

    def make(self, maker: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Makes an object by the call that made another one elsewhere.

        Raises:
            ProtocolError: not a call of a marked function.
            RestoreError: the call raised.
        """
        if not isinstance(maker, FunctionType) or maker not in _makers:
            raise ProtocolError("the image calls a function that is not marked with @per_hub")
        try:
            return maker(*arguments, **keywords)
        except Exception as error:
            raise RestoreError(
                f"{maker.__qualname__}(), which is @per_hub, failed here: {failure.in_one_line(error)}",
                place=failure.users_line(error.__traceback__, {maker.__wrapped__.__code__.co_filename}),  # type: ignore[attr-defined]
            ) from error


_Call = tuple[Any, tuple[Any, ...], dict[str, Any]]
_makers: weakref.WeakSet[Callable[..., Any]] = weakref.WeakSet()
_made: dict[int, tuple[Callable[[], Any], _Call]] = {}


def _remember(value: Any, maker: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if isinstance(value, _WITHOUT_IDENTITY):
        raise UsageError(
            f"{maker.__qualname__}() is marked with @per_hub and returned a {type(value).__name__}",
            remedy="let it return the object that cannot travel: the connection, the port, the client",
        )
    _forget_abandoned()
    key = id(value)
    try:
        reference: Callable[[], Any] = weakref.ref(value, lambda _: _made.pop(key, None))
    except TypeError:
        reference = _Kept(value, within=sys.getrefcount(value) - _when_fresh)
    _made[key] = (reference, (maker, args, kwargs))


class _Kept:
    """In place of a weak reference, for types without (`sqlite3.Connection`): let go when nobody else has the object.

    Args:
        value: the object.
        within: references to it from what it is made of: a connection's cache of statements has one.
    """

    __slots__ = ("_value", "within")

    def __init__(self, value: Any, within: int) -> None:
        self._value = value
        self.within = within

    def __call__(self) -> Any:
        return self._value

    def others(self) -> int:
        """Returns how many references there are beside this one and those from within, as the interpreter counts."""
        return sys.getrefcount(self._value) - self.within


def _forget_abandoned() -> None:
    for key, (reference, _) in list(_made.items()):
        if isinstance(reference, _Kept) and reference.others() <= _ALONE:
            del _made[key]


def _plain_object() -> object:
    return object()


def _count_when_fresh() -> int:
    """Returns the count of an object that a maker has just returned and nobody else has; it differs between Pythons."""
    probe = per_hub(_plain_object)()
    reference, _ = _made.pop(id(probe))
    assert isinstance(reference, _Kept)
    return reference.within


_ALONE: Final = _Kept(object(), within=0).others()
_when_fresh = 0
_when_fresh = _count_when_fresh()

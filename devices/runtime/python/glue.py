"""What generated code calls, under hidden names among the built-ins of the program's modules."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Generator, Iterator
from types import FrameType, TracebackType
from typing import Any, Final

from devices.runtime.python import grouping, operations

_LONGEST_CHAIN: Final = 1000  # exceptions in a chain of contexts that are put back; a guard against a cycle


class Kept:
    """An exception as it is, before it is raised again to enter the handler that a function stood in.

    ``given`` is the exception, or the list of an ``except*`` (`grouping`). Raising adds to its traceback and sets its
    context, and may cut the chain of contexts of the one being handled.
    """

    def __init__(self, given: BaseException | list[Any]) -> None:
        self.given = given
        self.exception: BaseException = given[grouping.EXCEPTION] if isinstance(given, list) else given
        exception = self.exception
        self._traceback: TracebackType | None = exception.__traceback__
        self._contexts: list[tuple[BaseException, BaseException | None]] = []
        for start in (exception, sys.exc_info()[1]):
            link, steps = start, 0
            while link is not None and steps < _LONGEST_CHAIN:
                self._contexts.append((link, link.__context__))
                link, steps = link.__context__, steps + 1

    def mend(self) -> None:
        """Puts everything back."""
        self.exception.__traceback__ = self._traceback
        for exception, context in self._contexts:
            if exception.__context__ is not context:
                exception.__context__ = context


class Bare:
    """An iterator around one whose class has no ``__iter__``."""

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __iter__(self) -> Bare:
        return self

    def __next__(self) -> Any:
        return type(self.iterator).__next__(self.iterator)


def iterated(source: Any) -> Any:
    """Returns an iterator over ``source`` that is its own iterator."""
    iterator = iter(source)
    return iterator if hasattr(type(iterator), "__iter__") else Bare(iterator)


def rewith(manager: Any) -> Any:
    """Returns a manager that is entered already: only its ``__exit__`` is left.

    The original's method stands in a class of its own, so that no frame of ours is between.
    """
    leave = type(manager).__exit__.__get__(manager, type(manager))
    return type("rewith", (), {"__enter__": staticmethod(_entered), "__exit__": staticmethod(leave)})()


def _entered() -> None:
    pass


def entering(manager: Any) -> Any:
    """Returns what ``with`` calls first, looked up as it does: in the class."""
    return _special(manager, "__enter__", "context manager")


def leaving(manager: Any) -> Any:
    """Returns what ``with`` calls last; looked up before the first is called."""
    return _special(manager, "__exit__", "context manager (missed __exit__ method)")


def _special(owner: Any, name: str, protocol: str) -> Any:
    cls = type(owner)
    for each in cls.__mro__:
        if name in each.__dict__:
            found = each.__dict__[name]
            bind = getattr(type(found), "__get__", None)
            return found if bind is None else bind(found, owner, cls)
    raise TypeError(
        f"'{cls.__name__}' object does not support the {protocol} protocol".replace(") protocol", " protocol)")
    )


def own_locals() -> dict[str, Any]:
    """``locals()`` for the program's functions: without hidden names."""
    return _visible(sys._getframe(1))  # noqa: SLF001  (what the built-in looks at, too)


def own_vars(*of: Any) -> Any:
    """``vars()``; without an argument it is `own_locals`."""
    return vars(*of) if of else _visible(sys._getframe(1))  # noqa: SLF001


def own_dir(*of: Any) -> list[str]:
    """``dir()``; without an argument, the names that `own_locals` shows."""
    return dir(*of) if of else sorted(_visible(sys._getframe(1)))  # noqa: SLF001


def _visible(frame: FrameType) -> dict[str, Any]:
    variables = frame.f_locals
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return variables
    return {name: value for name, value in variables.items() if not name.startswith(".")}


def made(result: object, instance: Any) -> Any:
    """Returns what ``C(...)`` is, when its ``__init__`` has gone to its end."""
    if result is not None:
        raise TypeError(f"__init__() should return None, not {type(result).__name__!r}")
    return instance


def onward(pending: Any, words: tuple[str, ...]) -> str | None:
    """Returns what is pending in a ``finally``, if it is one of the words that go on to the next one."""
    return pending if type(pending) is str and pending in words else None


def primed(iterator: Iterator[Any]) -> Generator[Any, Any, Any]:
    """Goes on with a ``yield from`` that was suspended: waits first for what is sent (PEP 380, by hand)."""
    value = None
    while True:
        try:
            sent = yield value
        except GeneratorExit:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
            raise
        except BaseException as thrown:
            throw = getattr(iterator, "throw", None)
            if throw is None:
                raise
            try:
                value = throw(thrown)
            except StopIteration as stop:
                return stop.value
            continue
        try:
            value = next(iterator) if sent is None else iterator.send(sent)  # type: ignore[attr-defined]
        except StopIteration as stop:
            return stop.value


HIDDEN: Final[dict[str, Any]] = {
    ".iter": iter,
    ".iterated": iterated,
    ".slice": slice,
    ".type": type,
    ".BaseException": BaseException,
    ".AssertionError": AssertionError,
    ".StopIteration": StopIteration,
    ".exception": sys.exception,
    ".onward": onward,
    ".entering": entering,
    ".leaving": leaving,
    "locals": own_locals,
    "vars": own_vars,
    "dir": own_dir,
    ".kept": Kept,
    ".rewith": rewith,
    ".made": made,
    ".finished": operations.finished,
    **operations.HIDDEN,
    **grouping.HIDDEN,
    ".primed": primed,
}
"""The hidden built-ins."""

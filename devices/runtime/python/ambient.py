"""What belongs to the process, and a function may change: the global random generator, the decimal context ...

A function that says ``random.seed(3)``, or prints inside ``redirect_stdout``, has state that no variable of its shows.
What has changed since the function began to run here travels, if its files import the module through which it could
have been changed; everything else stays the host's: the environment, the current folder, signal handlers.
"""

from __future__ import annotations

import decimal
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from types import ModuleType
from typing import Any, Final

from devices.errors import ProtocolError
from devices.runtime.python.loggers import Loggers, set_loggers

_STREAMS: Final = ("stdin", "stdout", "stderr")
_MOST_FILTERS: Final = 1000
_DEEPEST: Final = 1_000_000  # frames that a function may ask for


class Ambient:
    """The process's state when the function began to run here.

    Args:
        imported: the names of the installed modules that the program's files import.
        modules: the program's own, whose context variables count.
    """

    def __init__(self, imported: frozenset[str], modules: Mapping[str, ModuleType]) -> None:
        self._imported = imported
        self._modules = modules
        self.streams = {f"sys.{name}": getattr(sys, name) for name in _STREAMS}
        self._random = random.getstate() if "random" in imported else None
        self._decimal = _of_decimal() if "decimal" in imported else None
        self._filters = list(warnings.filters) if "warnings" in imported else None
        self._depth = sys.getrecursionlimit()
        self._loggers = Loggers() if any(name.partition(".")[0] == "logging" for name in imported) else None

    def changed(self) -> Iterator[tuple[str, Any]]:
        """Yields name and value of what is different now.

        Raises:
            CannotTravelError: it is the handlers of a logger.
        """
        for name, stream in self.streams.items():
            now = getattr(sys, name.partition(".")[2])
            if now is not stream:
                yield name, now
        if self._random is not None and random.getstate() != self._random:
            yield "random", random.getstate()
        if self._decimal is not None and _of_decimal() != self._decimal:
            yield "decimal", _of_decimal()
        if self._filters is not None and list(warnings.filters) != self._filters:
            yield "warnings", list(warnings.filters)
        if sys.getrecursionlimit() != self._depth:
            yield "recursion", sys.getrecursionlimit()
        if self._loggers is not None and (set_otherwise := self._loggers.changed()) is not None:
            yield "logging", set_otherwise
        for module, object_ in self._modules.items():
            for name, value in list(vars(object_).items()):
                if type(value) is ContextVar and (content := value.get(_UNSET)) is not _UNSET:
                    yield f"context {module}:{name}", content

    def set(self, name: str, value: Any) -> None:
        """Brings a part of the process to what it was where the function comes from.

        Raises:
            ProtocolError: there is no such part, or it cannot be so.
        """
        try:
            self._set(name, value)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise ProtocolError(f"the image says of {name[:100]!r} what cannot be") from error

    def _set(self, name: str, value: Any) -> None:
        match name, value:
            case "random", tuple():
                random.setstate(value)
            case "decimal", tuple():
                _to_decimal(value)
            case "warnings", list() if len(value) <= _MOST_FILTERS and all(len(entry) == 5 for entry in value):
                warnings.filters[:] = value  # type: ignore[index]
                warnings._filters_mutated()  # type: ignore[attr-defined]  # noqa: SLF001
            case "logging", tuple():
                set_loggers(value)
            case "recursion", int() if 0 < value <= _DEEPEST:
                sys.setrecursionlimit(value)
            case _ if name in self.streams:
                setattr(sys, name.partition(".")[2], value)
            case _ if name.startswith("context "):
                module, _, variable = name.removeprefix("context ").partition(":")
                held = vars(self._modules[module])[variable]
                if type(held) is not ContextVar:
                    raise TypeError(name)
                held.set(value)
            case _:
                raise KeyError(name)


_UNSET: Final = object()


def _of_decimal() -> tuple[Any, ...]:
    context = decimal.getcontext()
    flags = tuple(sorted(signal.__name__ for signal, is_set in context.flags.items() if is_set))
    traps = tuple(sorted(signal.__name__ for signal, is_set in context.traps.items() if is_set))
    return context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, flags, traps


def _to_decimal(state: tuple[Any, ...]) -> None:
    *numbers, flags, traps = state
    signals = {signal.__name__: signal for signal in decimal.getcontext().flags}
    set_flags, set_traps = ([signals[name] for name in names] for names in (flags, traps))
    made: Any = decimal.Context
    decimal.setcontext(made(*numbers, set_flags, set_traps))

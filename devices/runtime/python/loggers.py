"""How the process's loggers are set: levels, and whether they propagate or are disabled.

A logger travels by its name; what the function has told it is the process's, and is told there again. Handlers are files
and streams of this hub: a function that has added or removed one since import is refused, for it would log elsewhere, or
not at all. `NullHandler` says nothing, and libraries add it when they are imported.
"""

from __future__ import annotations

import logging
from typing import Any, Final, NamedTuple

from devices.errors import CannotTravelError

_MOST: Final = 10_000  # loggers
_ROOT: Final = "root"


class _Settings(NamedTuple):
    level: int
    propagate: bool
    disabled: bool
    handlers: tuple[logging.Handler, ...]


_UNTOUCHED: Final = _Settings(logging.NOTSET, propagate=True, disabled=False, handlers=())
State = tuple[int, list[tuple[str, int, bool, bool]]]


class Loggers:
    """The settings of all loggers at one moment."""

    def __init__(self) -> None:
        self._disabled = logging.root.manager.disable
        self._settings = _all_settings()

    def changed(self) -> State | None:
        """Returns what is set otherwise now, ``None`` if nothing is.

        Raises:
            CannotTravelError: a logger has other handlers.
        """
        found = []
        for name, now in _all_settings().items():
            before = self._settings.get(name, _UNTOUCHED)
            if now.handlers != before.handlers:
                raise CannotTravelError(
                    f"the handlers of the logger {name!r} were changed, and cannot travel",
                    remedy="Add them at the level of the module: import does it again after a move.",
                )
            if now != before:
                found.append((name, now.level, now.propagate, now.disabled))
        disabled = logging.root.manager.disable
        return (disabled, found) if found or disabled != self._disabled else None


def set_loggers(state: Any) -> None:
    """Brings the loggers to a `State` from elsewhere.

    Raises:
        ValueError: it is none.
    """
    match state:
        case (int(everywhere), list(settings)) if len(settings) <= _MOST:
            logging.disable(everywhere)
            for each in settings:
                match each:
                    case (str(name), int(level), bool(propagate), bool(disabled)):
                        logger = logging.getLogger(None if name == _ROOT else name)
                        logger.setLevel(level)
                        logger.propagate, logger.disabled = propagate, disabled
                    case _:
                        raise ValueError("no settings of a logger")
        case _:
            raise ValueError("no settings of loggers")


def _all_settings() -> dict[str, _Settings]:
    known = list(logging.root.manager.loggerDict.items())
    return {
        name: _Settings(
            logger.level,
            logger.propagate,
            logger.disabled,
            tuple(handler for handler in logger.handlers if type(handler) is not logging.NullHandler),
        )
        for name, logger in ((_ROOT, logging.root), *known)
        if isinstance(logger, logging.Logger)
    }

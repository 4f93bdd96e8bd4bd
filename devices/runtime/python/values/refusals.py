"""Why a value cannot travel, and what to do instead: one entry for each kind that people meet."""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType
from typing import Final

from devices.errors import CannotTravelError

_ANEW: Final = "make it anew where it is needed, and let no variable hold it while the function waits"
_CLOSE: Final = (
    "make it in a function of its own marked with @per_hub, which is called again after a move; or close it before"
)
_FILE: Final = "open it with ctx.open(path): it goes on at its position after a move; or close it before"
_THREAD: Final = "a function that moves has one thread; keep the data, and start what waits on it again"
_AGAIN: Final = "keep what it was made from, and make it again when it is needed"

_MODULES: Final[dict[str, tuple[str, str]]] = {
    "socket": ("a socket", _CLOSE),
    "_socket": ("a socket", _CLOSE),
    "ssl": ("a TLS connection", _CLOSE),
    "_ssl": ("a TLS connection", _CLOSE),
    "sqlite3": ("a database connection", _CLOSE),
    "psycopg": ("a database connection", _CLOSE),
    "sqlalchemy": ("a database connection or its engine", _CLOSE),
    "serial": ("a serial port", _CLOSE),
    "http.client": ("an HTTP connection", _CLOSE),
    "weakref": ("a weak dictionary or set", "use a plain dict or set, and delete what is no longer needed"),
    "_weakrefset": ("a weak dictionary or set", "use a plain dict or set, and delete what is no longer needed"),
    "requests": ("an HTTP session", _CLOSE),
    "httpx": ("an HTTP client", _CLOSE),
    "paho": ("an MQTT client", "use ctx.subscribe and ctx.publish: their session moves with the function"),
    "_io": ("an open file", _FILE),
    "io": ("an open file", _FILE),
    "tempfile": ("a temporary file or folder", "it stays on its hub: keep the contents, or write it anew after a move"),
    "threading": ("a thread, or what threads share", _THREAD),
    "_thread": ("a thread, or what threads share", _THREAD),
    "queue": ("a queue between threads", f"use collections.deque; {_THREAD}"),
    "_queue": ("a queue between threads", f"use collections.deque; {_THREAD}"),
    "multiprocessing": ("a process, or what processes share", _THREAD),
    "concurrent": ("a pool, or what waits on it", _THREAD),
    "asyncio": ("a part of an event loop", "write the function without async: ctx.next and ctx.sleep wait for you"),
    "_asyncio": ("a part of an event loop", "write the function without async: ctx.next and ctx.sleep wait for you"),
    "subprocess": ("a child process", f"wait for it before, or {_ANEW}"),
    "select": ("something that waits on files", _ANEW),
    "selectors": ("something that waits on files", _ANEW),
    "mmap": ("a mapped file", _CLOSE),
    "ctypes": ("a C object", _ANEW),
    "_ctypes": ("a C object", _ANEW),
    "contextvars": ("a context variable's token", _AGAIN),
    "_hashlib": ("a hash that is being computed", "keep the bytes and hash them at the end"),
    "_hmac": ("a hash that is being computed", "keep the bytes and hash them at the end"),
    "_blake2": ("a hash that is being computed", "keep the bytes and hash them at the end"),
    "_csv": ("a csv reader or writer", "read it into a list, or make it where it is used"),
    "zlib": ("a stream that is being compressed", "compress in one piece"),
    "_bz2": ("a stream that is being compressed", "compress in one piece"),
    "_lzma": ("a stream that is being compressed", "compress in one piece"),
    "_sre": ("a regular expression that is being matched", "iterate over list(pattern.finditer(text))"),
}


def words(module: str) -> tuple[str, str] | None:
    """Returns what values of types of a module are, in words, and the remedy; ``None``: nothing is known against them."""
    return _MODULES.get(module) or _MODULES.get(module.partition(".")[0])


_WAITING: Final = (CoroutineType, AsyncGeneratorType)


def refuse_known(cls: type) -> None:
    """Refuses instances of a class that belongs to a process or hub.

    Raises:
        CannotTravelError: with what it is, in words, and the remedy for its kind.
    """
    if cls in _WAITING:
        raise CannotTravelError(
            f"something asynchronous ({_name(cls)}) cannot travel",
            remedy="await it before, or write the function without async: ctx.next and ctx.sleep wait for you",
        )
    for kind in type.mro(cls):
        entry = words(str(kind.__module__))
        if entry is not None:
            what, remedy = entry
            raise CannotTravelError(f"{what} ({_name(cls)}) cannot travel", remedy=remedy)


def unknown(cls: type) -> CannotTravelError:
    """Returns the error for a class whose instances keep part of their state where Python cannot see it."""
    return CannotTravelError(
        f"a {_name(cls)} cannot travel: part of its state lies where Python cannot see it", remedy=_AGAIN
    )


def unreadable(cls: type, error: Exception, place: str) -> CannotTravelError:
    """Returns the error for an instance that raises when it is read: something in a state of its own."""
    return CannotTravelError(
        f"a {_name(cls)} cannot be read: {type(error).__name__}: {error}", place=place, remedy=_ANEW
    )


def cleans_up(cls: type) -> CannotTravelError:
    """Returns the error for a class of another module whose instances have a ``__del__``."""
    return CannotTravelError(f"a {_name(cls)} cannot travel: it cleans up after itself on its hub", remedy=_AGAIN)


def _name(cls: type) -> str:
    module = cls.__module__
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"

"""Locks, events, conditions and semaphores: whether they are held or set, for a function has one thread.

An event that is set, a lock in whose ``with`` the function stands: what is made anew would let the function wait for ever, or
not at all. Objects of other libraries with a lock inside are not taken for it: those are made for threads, or belong to
their process (a handler of `logging`), and a copy would be another one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, Final

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.values.contract import Node
from devices.runtime.python.values.reading import Kind, Reader
from devices.runtime.python.values.refusals import refuse_known
from devices.runtime.python.values.writing import Write, Writer

_LOCK: Final = type(threading.Lock())
_RLOCK: Final = type(threading.RLock())
_COUNT: Final = re.compile(r"\bcount=(\d+)")
_MOST: Final = 10_000  # times that a lock is taken again by the one who has it


def _times(lock: Any) -> int:
    """Returns how often a reentrant lock is held: before Python 3.14 only its text tells."""
    found = _COUNT.search(repr(lock))
    return int(found[1]) if found is not None else 0


def _of_condition(condition: threading.Condition) -> tuple[Any, ...]:
    lock: Any = vars(condition)["_lock"]
    return (state_of(lock), len(vars(condition)["_waiters"]))


_STATES: Final[dict[type, Callable[[Any], Any]]] = {
    _LOCK: lambda lock: lock.locked(),
    _RLOCK: _times,
    threading.Event: lambda event: event.is_set(),
    threading.Condition: _of_condition,
    threading.Semaphore: lambda semaphore: vars(semaphore)["_value"],
    threading.BoundedSemaphore: lambda semaphore: vars(semaphore)["_value"],
}
KINDS_OF_LOCKS: Final = tuple(_STATES)
"""The types whose objects change without being bound anew, and can be compared by `state_of`."""


def state_of(value: Any) -> Any:
    """Returns whether a lock is held, an event set, how much of a semaphore is left."""
    return _STATES[type(value)](value)


def _free(what: str, *, held: bool) -> None:
    """Refuses what another thread may hold, or waits for."""
    if held and threading.active_count() > 1:
        raise CannotTravelError(
            f"a {what} that is in use cannot travel while other threads run",
            remedy="a function that moves has one thread: let the others end before it waits",
        )


def _write_lock(_: Writer, value: Any) -> Node:
    _free("lock", held=value.locked())
    return ["lock", value.locked()]


def _write_rlock(_: Writer, value: Any) -> Node:
    times = _times(value)
    _free("lock", held=times > 0)
    return ["rlock", times]


def _write_event(_: Writer, value: threading.Event) -> Node:
    _free("event", held=True)
    return ["event", value.is_set()]


def _write_condition(writer: Writer, value: threading.Condition) -> Node:
    _free("condition", held=True)
    return ["condition", writer.reference(vars(value)["_lock"])]


def _write_semaphore(_: Writer, value: threading.Semaphore) -> Node:
    _free("semaphore", held=True)
    return ["semaphore", vars(value)["_value"], vars(value).get("_initial_value")]


def none_inside(write: Write) -> Write:
    """Returns how instances of another library's class are written: those that have a lock are refused."""

    def checked(writer: Writer, value: Any) -> Node:
        for content in getattr(value, "__dict__", {}).values():
            if type(content) in _STATES:
                refuse_known(threading.Thread)
        return write(writer, value)

    return checked


def _make_lock(_: Reader, node: Node) -> Any:
    _, held = node
    lock = threading.Lock()
    if held is True:
        lock.acquire()
    return lock


def _make_rlock(_: Reader, node: Node) -> Any:
    _, times = node
    if type(times) is not int or not 0 <= times <= _MOST:
        raise ProtocolError("a lock that is held more often than it may")
    lock = threading.RLock()
    for _time in range(times):
        lock.acquire()
    return lock


def _make_event(_: Reader, node: Node) -> threading.Event:
    _, is_set = node
    event = threading.Event()
    if is_set is True:
        event.set()
    return event


def _make_condition(reader: Reader, node: Node) -> threading.Condition:
    lock = reader.value(node[1])
    if type(lock) not in (_LOCK, _RLOCK):
        raise ProtocolError("a condition without a lock")
    return threading.Condition(lock)


def _make_semaphore(_: Reader, node: Node) -> threading.Semaphore:
    _, value, initial = node
    if type(value) is not int or value < 0 or not (initial is None or (type(initial) is int and initial >= value)):
        raise ProtocolError("no value of a semaphore")
    if initial is None:
        return threading.Semaphore(value)
    made = threading.BoundedSemaphore(initial)
    vars(made)["_value"] = value
    return made


WRITERS: Final[dict[type, Write]] = {
    _LOCK: _write_lock,
    _RLOCK: _write_rlock,
    threading.Event: _write_event,
    threading.Condition: _write_condition,
    threading.Semaphore: _write_semaphore,
    threading.BoundedSemaphore: _write_semaphore,
}

KINDS: Final[dict[int | str, Kind]] = {
    "lock": Kind(_make_lock, slots=lambda _: ()),
    "rlock": Kind(_make_rlock, slots=lambda _: ()),
    "event": Kind(_make_event, slots=lambda _: ()),
    "condition": Kind(_make_condition, made=lambda node: node[1:], slots=lambda node: node[1:]),
    "semaphore": Kind(_make_semaphore, slots=lambda _: ()),
}

"""Locks travel with what they say: held or free, set or not; and never where another thread may have a part in them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from by_name import ByName

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.values import Registered, decode, encode
from devices.runtime.python.values.locks import state_of


def travelled(*values: Any) -> list[Any]:
    knows = ByName(__name__)
    image = encode(values, knows, Registered())
    return decode(image.heap, image.roots, knows, Registered())


def locked() -> Any:
    lock = threading.Lock()
    lock.acquire()
    return lock


def twice() -> Any:
    lock = threading.RLock()
    lock.acquire()
    lock.acquire()
    return lock


def is_set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def used() -> threading.BoundedSemaphore:
    semaphore = threading.BoundedSemaphore(3)
    semaphore.acquire()
    return semaphore


KINDS = [threading.Lock, locked, threading.RLock, twice, threading.Event, is_set, threading.Condition, used]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_lock_says_what_it_said_and_is_one_lock_in_two_places(make: Any) -> None:
    lock = make()
    one, other = travelled(lock, [lock])
    assert other[0] is one
    assert type(one) is type(lock)
    assert state_of(one) == state_of(lock)


def test_a_reentrant_lock_is_let_go_as_often_as_it_was_taken() -> None:
    (lock,) = travelled(twice())
    lock.release()
    lock.release()
    with pytest.raises(RuntimeError):
        lock.release()


def test_a_bounded_semaphore_keeps_its_bound() -> None:
    (semaphore,) = travelled(used())
    semaphore.release()
    with pytest.raises(ValueError, match="too many times"):
        semaphore.release()


def test_a_condition_and_its_lock_stay_together() -> None:
    lock = threading.Lock()
    condition, again = travelled(threading.Condition(lock), lock)
    with condition:
        assert again.locked()
        condition.notify()


def test_a_lock_that_is_held_while_another_thread_runs_is_refused() -> None:
    lock, end = locked(), threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    try:
        with pytest.raises(CannotTravelError, match="while other threads run"):
            travelled(lock)
        assert not travelled(threading.Lock())[0].locked()
    finally:
        end.set()
        other.join()


@pytest.mark.parametrize(
    "node",
    [["rlock", -1], ["rlock", 10**9], ["rlock", "a"], ["condition", [0]], ["semaphore", 3, 2], ["semaphore", -1, None]],
    ids=str,
)
def test_a_lock_that_cannot_be_is_refused(node: list[Any]) -> None:
    with pytest.raises(ProtocolError):
        decode([node], [[0]], ByName(__name__), Registered())

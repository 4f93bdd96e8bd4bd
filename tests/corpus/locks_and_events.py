"""Locks, events, conditions and semaphores: of the module and of objects, held and free, set and not set."""

import threading

LOCK = threading.Lock()
AGAIN = threading.RLock()
READY = threading.Event()
FULL = threading.BoundedSemaphore(2)
CHANGED = threading.Condition()
BY_ROOM = {"hall": threading.Lock(), "attic": threading.Lock()}
SAME = LOCK


class Account:
    turn = threading.Lock()

    def __init__(self):
        self.lock = threading.RLock()
        self.balance = 0

    def add(self, amount):
        with self.lock:
            before = self.balance
            return self.set(before + amount)

    def set(self, balance):
        with self.lock, Account.turn:
            self.balance = balance
            return self.balance


def held_in_a_with():
    seen = []
    for number in range(2):
        with LOCK:
            seen.append((number, LOCK.locked(), SAME is LOCK))
        seen.append(LOCK.locked())
    return seen


def acquired_and_kept():
    LOCK.acquire()
    BY_ROOM["hall"].acquire()
    other = SAME
    seen = [other.locked(), LOCK.acquire(blocking=False)]
    other.release()
    seen.append([BY_ROOM[room].locked() for room in BY_ROOM])
    return seen, LOCK.locked()


def reentrant():
    account = Account()
    with AGAIN:
        with AGAIN:
            account.add(3)
        account.add(4)
    return account.balance, Account.turn.locked()


def events_and_semaphores():
    seen = [READY.is_set()]
    READY.set()
    seen.append(READY.wait(0))
    FULL.acquire()
    seen.append(FULL.acquire(blocking=False))
    seen.append(FULL.acquire(blocking=False))
    FULL.release()
    FULL.release()
    try:
        FULL.release()
    except ValueError as error:
        seen.append(str(error))
    with CHANGED:
        CHANGED.notify_all()
        seen.append(len(seen))
    own = threading.Event()
    seen.append(own.is_set())
    own.set()
    return seen, own.is_set(), READY.is_set()


def main():
    return held_in_a_with(), acquired_and_kept(), reentrant(), events_and_semaphores()

"""The watchdog in the workers' parent: a worker whose lease has run out is stopped, whatever its agent does.

It must work while the agent hangs, or is stopped itself, so it lives here, and the agent only says again and again until
when a worker may run. The clock is CLOCK_BOOTTIME: a machine that sleeps loses its leases, and a timer of that clock
fires when it wakes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Mapping
from typing import Final

_CLOCK_BOOTTIME: Final = time.CLOCK_BOOTTIME
_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC  # TFD_NONBLOCK and TFD_CLOEXEC are these, timerfd_create(2)
_ABSOLUTE: Final = 1  # TFD_TIMER_ABSTIME
_libc: Final = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


def boottime() -> float:
    """Returns the seconds since the machine was started, those in which it slept included."""
    return time.clock_gettime(_CLOCK_BOOTTIME)


class Leases:
    """Until when workers may run; without an entry, for ever.

    Raises:
        OSError: the system gives no timer.
    """

    def __init__(self) -> None:
        self._until: dict[int, float] = {}
        self._timer = _libc.timerfd_create(_CLOCK_BOOTTIME, _FLAGS)
        if self._timer < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def fileno(self) -> int:
        """Returns what becomes readable when a lease has run out."""
        return int(self._timer)

    def close(self) -> None:
        """Closes the timer."""
        os.close(self._timer)

    def renew(self, until: Mapping[int, float]) -> None:
        """Takes new ends, in `boottime`, by process id."""
        self._until |= until
        self._set()

    def forget(self, pid: int) -> None:
        """Forgets a worker that has ended."""
        self._until.pop(pid, None)

    def stop_those_over(self) -> list[int]:
        """Stops the workers whose lease has run out and returns them; it is forgotten until it is renewed."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._timer, 8)
        now = boottime()
        over = [pid for pid, until in self._until.items() if until <= now]
        for pid in over:
            del self._until[pid]
            os.kill(pid, signal.SIGSTOP)
        self._set()
        return over

    def _set(self) -> None:
        first = min(self._until.values(), default=0.0)
        setting = _Setting()
        setting.value.seconds = int(first)
        setting.value.nanoseconds = int(first % 1 * 1e9)  # all zero: no alarm
        if _libc.timerfd_settime(self._timer, _ABSOLUTE, ctypes.byref(setting), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

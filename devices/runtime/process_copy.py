"""A copy of this process, as it is at this moment, that nobody but its maker notices.

`os.fork` would not do. It runs what was registered with `os.register_at_fork`, which changes the very state that is to be
saved: `random` seeds its generator anew, the function's own hooks do what they like. And the function would see the
copy: as a SIGCHLD, or as a child that its ``os.wait()`` gets to know of. The system call ``clone`` with no flags and no
signal copies the memory as it lies there, and ``wait`` passes over a child without a signal (``__WALL``, see wait(2)).

What the C library does around a fork is left out too: where other threads run (a numerical library's), one of them may
hold the lock of its memory just now, and the copy waits for ever. So a copy has a limit to its life, and whoever made it
must reckon with its failing.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import platform
import signal
import sys
from collections.abc import Callable
from typing import Final, NoReturn

from devices.runtime import after_fork

_CLONE: Final = {"x86_64": 56, "aarch64": 220, "riscv64": 220}.get(platform.machine() if sys.maxsize > 2**32 else "")
"""The number of the system call; ``None``: unknown here (a 32-bit program may run on a 64-bit system)."""
_ANY_CHILD: Final = 0x40000000  # __WALL of wait(2)
_FAILED: Final = 70  # exit status of a copy that failed by our own fault: EX_SOFTWARE of sysexits.h
_libc: Final = ctypes.PyDLL(None, use_errno=True)  # PyDLL: the copy must own the interpreter's lock


def live_aside(life: Callable[[], int], descriptor: int, limit: float) -> int:
    """Has a copy of this process live a life of its own, and returns its process id.

    The copy has one descriptor, gets no signal, and dies with this process.

    Args:
        life: lived by the copy alone; returns its exit status.
        descriptor: the only one that stays open there.
        limit: seconds after which the copy ends, however busy it is.

    Raises:
        OSError: the system gives no process, or this one cannot be copied here.
    """
    if _CLONE is None:
        raise OSError(errno.ENOSYS, "this machine's way to copy a process is not known")
    parent = os.getpid()
    open_to = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # what was pending is handled in here
    try:
        pid: int = _libc.syscall(_CLONE, 0, 0, 0, 0, 0)
        if pid == 0 and os.getpid() != parent:
            _live(life, descriptor, limit, parent)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, open_to)
    if pid <= 0:
        raise OSError(ctypes.get_errno(), "the system makes no copy of this process")
    return pid


def _live(life: Callable[[], int], descriptor: int, limit: float, parent: int) -> NoReturn:
    status = _FAILED
    try:
        gc.disable()  # a collection would touch, and so copy, every page
        after_fork.die_with(parent)
        after_fork.keep_only(descriptor)
        after_fork.be_expendable(after_fork.MOST_EXPENDABLE)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, limit)
        status = life()
    finally:
        os._exit(status)


def exit_status(pid: int) -> int | None:
    """Returns a copy's exit status, or minus the number of the signal that ended it; ``None``: it lives.

    It can be asked until the answer is a status.
    """
    ended, status = os.waitpid(pid, os.WNOHANG | _ANY_CHILD)
    return os.waitstatus_to_exitcode(status) if ended else None

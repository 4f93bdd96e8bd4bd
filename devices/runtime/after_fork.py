"""What a forked worker must not have in common with its parent and its siblings."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import random
import signal
from typing import Final

from devices.runtime import attention

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_PR_SET_NAME: Final = 15
NAME: Final = "midstream"
"""Of a worker, in `ps` and `top`."""
MORE_EXPENDABLE: Final = 300
"""Of 1000, see proc_pid_oom_adj(5): when memory ends, functions go before the hub agent."""
MOST_EXPENDABLE: Final = 1000
"""The same for what goes before all others."""
_prctl: Final = ctypes.CDLL(None, use_errno=True).prctl


def die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent dies; ends it now if the parent has died already.

    Args:
        parent: process id that the parent had before the fork.
    """
    if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(0)


def call_itself(name: str) -> None:
    """Gives this process a name that `ps` and `top` show.

    Args:
        name: at most 15 bytes.
    """
    if _prctl(_PR_SET_NAME, name.encode("ascii"), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NAME)")


def keep_only(*descriptors: int) -> None:
    """Closes all descriptors but standard input, output and error, and these."""
    begin = 3
    for descriptor in sorted(descriptors):
        os.closerange(begin, descriptor)
        begin = descriptor + 1
    os.closerange(begin, os.sysconf("SC_OPEN_MAX"))


def be_expendable(score: int) -> None:
    """Says how early this process goes when memory ends."""
    try:
        file = os.open(
            "/proc/self/oom_score_adj", os.O_WRONLY
        )  # pathlib would cost a millisecond in a process just forked
    except OSError:
        return  # a container may not show it; then all are equally expendable
    with contextlib.suppress(OSError):
        os.write(file, str(score).encode("ascii"))
    os.close(file)


def become_worker(parent: int, *links: int) -> None:
    """Makes a process of its own of a forked child.

    Args:
        parent: process id of the warm parent.
        links: the descriptors beside standard input, output and error that stay open.
    """
    die_with(parent)
    call_itself(NAME)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(attention.KNOCK, signal.SIG_IGN)  # until the function runs, when it means something
    for descriptor in links:
        os.set_inheritable(descriptor, False)  # what came by SCM_RIGHTS is
    keep_only(*links)
    random.seed()  # else all workers draw the same numbers
    gc.enable()
    be_expendable(MORE_EXPENDABLE)

"""Whether this machine's clock can be right (`docs/protocol.md`, rule 27).

A Raspberry Pi has no clock that runs without power: it boots in 1970, or in the hour in which it was switched off, until
the network tells it the time. A function that began a sleep then would have it ended by the jump to the present.

The kernel's word that the clock is synchronised is believed. Its silence proves nothing: many machines keep good time
without a daemon that tells the kernel, and a hub that waits for one would wait for ever. So a clock is doubted only for
a reason: it is behind a time in which this hub has lived before, or this machine has no clock of its own and the daemon
that asks the network has not heard from it yet, which can last for minutes, not for ever where there is no internet.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

TOLERANCE: Final = 24 * 3600.0
"""Seconds by which a clock may be behind: those of one home differ, and a function must not wait for that."""
PATIENCE: Final = 300.0
"""Seconds since the boot in which a machine without a clock of its own may wait for the network's."""
WAITS: Final = "waits for the clock"
"""How the words of a doubt begin."""
_UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex(2)
_TIMESYNC: Final = Path("/run/systemd/timesync")
_CLOCKS: Final = Path("/sys/class/rtc")


def _is_synchronised() -> bool:
    """What the kernel was told; ``False`` where it is not to be asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # zeros: modes 0, which changes nothing
    except (OSError, AttributeError):
        return False
    return bool(state >= 0 and state != _UNSYNCHRONISED)


def _awaits_the_network() -> bool:
    own = any(_CLOCKS.glob("rtc*"))
    return not own and _TIMESYNC.is_dir() and not (_TIMESYNC / "synchronized").exists()


@dataclass(frozen=True, slots=True)
class Machine:
    """What is asked of a machine.

    Attributes:
        now: seconds since 1970.
        since_boot: seconds.
        is_synchronised: whether the kernel was told so by whoever keeps the time.
        awaits_the_network: whether it has no clock of its own, and a daemon that has not heard the time yet.
    """

    now: Callable[[], float] = time.time
    since_boot: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    is_synchronised: Callable[[], bool] = _is_synchronised
    awaits_the_network: Callable[[], bool] = _awaits_the_network


def doubt(lived: float, machine: Machine) -> str:
    """Returns why the clock cannot be right, in words; empty if nothing speaks against it.

    Args:
        lived: the newest moment that is known to be past, in seconds since 1970.
        machine: this one.
    """
    now = machine.now()
    if machine.is_synchronised():
        return ""
    if now < lived - TOLERANCE:
        return f"{WAITS}: it says {_spelled(now)}, and it has been {_spelled(lived)} already"
    if machine.since_boot() < PATIENCE and machine.awaits_the_network():
        return f"{WAITS}: this machine has none of its own, and the network has not told the time yet"
    return ""


def lived_until(paths: Iterable[Path]) -> float:
    """Returns the newest time at which one of these files, or one below these folders, was written; 0: none is there."""
    files = (file for path in paths for file in (path, *path.rglob("*")))
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)


def _spelled(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"

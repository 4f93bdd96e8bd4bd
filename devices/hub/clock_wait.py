"""A hub does nothing before its clock can be right: a time that a function reads, or sleeps until, would be wrong.

It is offline as long, and says why, so that its functions go on elsewhere as their `failover` says.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from devices import timekeeping, version
from devices.errors import UnreachableError
from devices.timekeeping import Machine

_LOOKS: Final = 1.0  # seconds between two looks at a clock that is not right yet
_NOTED: Final = 600.0  # seconds between two notes of the time; each is a write on an SD card
_log = logging.getLogger(__name__)


class ClockWait:
    """Holds a hub back until its clock can be right, and notes the time for the next start.

    Args:
        folder: the hub's; the time is that of its lock file.
        spool: what it has kept is from the past too.
        machine: whose clock it is.
    """

    def __init__(self, folder: Path, spool: Path, machine: Machine) -> None:
        self._lock = folder / "lock"
        self._machine = machine
        installed = Path(version.__file__)
        self._lived = timekeeping.lived_until([self._lock, spool, installed])

    async def right(self, stop: asyncio.Event, say: Callable[[str], Awaitable[None]]) -> None:
        """Returns when the clock can be right, or when told to stop.

        Args:
            stop: set to leave.
            say: tells people why nothing happens; no broker may be there yet.
        """
        said = ""
        while not stop.is_set() and (why := timekeeping.doubt(self._lived, self._machine)):
            if not said:
                _log.warning("%s", why)
            with contextlib.suppress(UnreachableError):
                if not said:
                    await say(why)
                    said = why
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOKS):
                    await stop.wait()

    async def keep_noting(self) -> None:
        """Notes the time again and again, until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                os.utime(self._lock)
            await asyncio.sleep(_NOTED)

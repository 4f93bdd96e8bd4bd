"""A closed loop between devices and the function that hears them: so many readings under way, and no more.

A real home does not outrun its hubs. A simulated one that publishes as fast as it can only measures what the broker's
full queue drops.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec


class Applied(msgspec.Struct):
    """What the function publishes now and then: the readings (device, number) it has taken in since the last time."""

    applied: list[tuple[str, int]]


class Pace:
    """Lets at most ``window`` readings be under way.

    Args:
        window: readings that were sent and not yet reported as applied.
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self.under_way = 0
        self._room = asyncio.Condition()

    async def take(self) -> None:
        """Waits until there is room for one more reading, and takes it."""
        async with self._room:
            await self._room.wait_for(lambda: self.under_way < self.window)
            self.under_way += 1

    async def applied(self, payload: bytes) -> None:
        """Takes in a report of the function, `Applied` as JSON; anything else on that topic is passed by."""
        try:
            report: Any = msgspec.json.decode(payload, type=Applied)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        async with self._room:
            self.under_way -= len(report.applied)
            self._room.notify_all()

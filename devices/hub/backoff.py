"""Waits that grow: 0.1 s, 0.2 s ... up to a bound, with some chance in them so that hubs do not return in step."""

from __future__ import annotations

import asyncio
import random
from typing import Final

_FIRST: Final = 0.1  # seconds


class Backoff:
    """Waits between tries of the same thing: the n-th is 0.1 s times 2^(n-1), at most ``longest``, less up to a quarter.

    Args:
        longest: seconds.
    """

    def __init__(self, longest: float = 5.0) -> None:
        self._longest = longest
        self.tries = 0

    def next(self) -> float:
        """Returns the seconds to wait now, and counts the try."""
        self.tries += 1
        longest = min(self._longest, _FIRST * float(2 ** min(self.tries - 1, 20)))
        return longest * (1 - random.random() / 4)  # noqa: S311 -- no secret

    async def wait(self) -> None:
        """Waits as long as `next` says."""
        await asyncio.sleep(self.next())

    def reset(self) -> None:
        """Starts over: it has worked."""
        self.tries = 0

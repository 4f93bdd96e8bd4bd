"""Whether the coordinator is there, as the status says that the broker keeps; its will ends it."""

from __future__ import annotations

import asyncio
import time


class Presence:
    """The coordinator's, as far as this hub has heard; one that was never heard of counts as there."""

    def __init__(self) -> None:
        self._away_since: float | None = None
        self._changed = asyncio.Event()

    def take(self, *, is_there: bool) -> None:
        """Takes what its status says."""
        if is_there:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = time.monotonic()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def is_away(self, seconds: float = 0.0) -> bool:
        """Tells whether it has been away for so long."""
        return self._away_since is not None and time.monotonic() - self._away_since >= seconds

    async def absence(self) -> None:
        """Returns when it is away."""
        while self._away_since is None:
            await self._changed.wait()

    async def presence(self) -> None:
        """Returns when it is there."""
        while self._away_since is not None:
            await self._changed.wait()

"""The pause: somebody is at work in the house, and nothing moves by itself until they say so.

Rules and failover neither move, suspend nor resume while it lasts; what a person asks for is done, rules still tell what
they see, publish, and make checkpoints. It lasts over a restart of the coordinator.
"""

from __future__ import annotations

from collections.abc import Callable

from coordinator.journal import Journal
from coordinator.moment import now
from coordinator.store import pause as rows
from coordinator.store.database import Store


class Pause:
    """Whether there is one.

    Args:
        store: keeps it.
        journal: is told.
        on_end: called when it has ended: what still holds is to be judged anew.

    Attributes:
        since: when it began, RFC 3339; empty if there is none.
    """

    def __init__(self, store: Store, journal: Journal, on_end: Callable[[], None]) -> None:
        self._store = store
        self._journal = journal
        self._on_end = on_end
        self.since = ""

    async def load(self) -> None:
        """Remembers what was said to an earlier life of this coordinator."""
        self.since = await self._store.read(rows.since)

    async def begin(self) -> None:
        """Pauses what moves by itself; once more changes nothing."""
        if not self.since:
            self.since = await self._store.write(rows.begin, now())
            await self._journal.tell("pause", did="nothing moves by itself any more", why="somebody asked for it")

    async def end(self) -> None:
        """Lets things move by themselves again."""
        if self.since:
            await self._store.write(rows.end)
            self.since = ""
            await self._journal.tell("pause", did="ended it", why="somebody asked for it")
            self._on_end()

    def attention(self) -> list[str]:
        """Returns the sentence that reminds people of it."""
        if not self.since:
            return []
        return [f"nothing moves by itself since {self.since[:16].replace('T', ' ')} UTC: midstream pause --off"]

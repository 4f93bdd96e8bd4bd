"""What the coordinator keeps on the broker for everybody: its status, and each function with the places that fit.

Published when it changed and at each connection; messages stay small, because displays read them.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from coordinator.ingest.hubs import Hubs
from coordinator.line import Line
from coordinator.store.database import Store
from coordinator.views import instances
from coordinator.views.answers import StatusAnswer
from devices.errors import printable
from devices.protocol import messages
from devices.protocol.messages import CoordinatorStatus
from devices.protocol.topics import Topics
from devices.version import __version__

_SENTENCES: Final = 5
"""Sentences in the retained status; `midstream status` tells all."""
_SENTENCE: Final = 160
"""Characters of each."""
_ANYWAY: Final = 5.0
"""Seconds after which it looks although nothing in store or hubs has changed: memory for `places`, rules, telemetry."""


class Announcement:
    """Keeps the retained topics of the coordinator true.

    Args:
        line: the connection.
        topics: the tree.
        store: knows the functions.
        hubs: where they could run.
        status: gives the state of the whole.
        key: the coordinator's public key.
    """

    def __init__(
        self,
        line: Line,
        topics: Topics,
        store: Store,
        hubs: Hubs,
        *,
        status: Callable[[], Awaitable[StatusAnswer]],
        key: bytes,
    ) -> None:
        self._line = line
        self._topics = topics
        self._store = store
        self._hubs = hubs
        self._status = status
        self._key = key
        self._told: dict[str, bytes] = {}
        self._seen: tuple[object, ...] = ()
        self._looked = 0.0

    async def everything(self) -> None:
        """Publishes all of it: the broker may have lost what it kept."""
        self._told.clear()
        await self._look()

    async def news(self) -> None:
        """Publishes what changed; looks only where something may have, and now and then anyway."""
        seen = (self._store.written, *(hub.state for hub in self._hubs.every()))
        if seen != self._seen or time.monotonic() - self._looked > _ANYWAY:
            self._seen = seen
            await self._look()

    def hurry(self) -> None:
        """Has the next look come with the next second: a sentence for people has changed."""
        self._seen = ()

    async def _look(self) -> None:
        self._looked = time.monotonic()
        answer = await self._status()
        status = CoordinatorStatus(
            state="online",
            version=answer.version,
            generation=answer.generation,
            hubs=f"{answer.hubs_online}/{answer.hubs_known}",
            running=answer.running,
            paused=answer.paused,
            attention=[printable(sentence, _SENTENCE) for sentence in answer.attention[:_SENTENCES]],
            key=self._key.hex(),
            notes_ends=True,
        )
        self._tell(self._topics.coordinator_status, messages.encode(status))
        for row in await instances.functions(self._store, self._hubs):
            self._tell(self._topics.function(row.name), msgspec.json.encode(row))

    def _tell(self, topic: str, payload: bytes) -> None:
        if self._told.get(topic) != payload and self._line.publish(topic, payload, retain=True) is not None:
            self._told[topic] = payload

    async def goodbye(self) -> None:
        """Says that the coordinator has left."""
        self._line.publish(self._topics.coordinator_status, farewell(self._key), retain=True)
        await self._line.flush()


def farewell(key: bytes) -> bytes:
    """Returns the status of a coordinator that has left: its will, and its last word."""
    return messages.encode(CoordinatorStatus(state="offline", version=__version__, key=key.hex(), notes_ends=True))

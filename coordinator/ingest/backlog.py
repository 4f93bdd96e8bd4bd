"""Functions that are slower than their topics: told before the broker's queue is full, not when it has dropped something.

A hub keeps so many unread messages of a function (`limits.MAILBOX_MESSAGES`) and leaves the rest with the broker, so that
none fills its memory. From there on the lag that it tells grows no more, and the broker's queue does. Mosquitto counts in
``$SYS`` what it stores for all clients together, retained messages among them, each ten seconds: it says how much room is
left at least. Where that cannot be seen (the embedded broker, an access list), the lag alone is told.
"""

from __future__ import annotations

from typing import Final

from coordinator.ingest.instances import Voices
from coordinator.journal import Journal
from devices.mqtt.firehose import Firehose
from devices.protocol import limits

STORED: Final = "$SYS/broker/store/messages/count"
RETAINED: Final = "$SYS/broker/retained messages/count"
ROOM: Final = 1000
"""Messages that Mosquitto keeps for a client that does not take them, unless its configuration says otherwise."""


class Backlog:
    """Watches lags and the broker's store.

    Args:
        firehose: the connection that hears the broker's counts.
        voices: for the lag that each instance tells.
        journal: is told when a function falls behind, and when the broker's queues are half full.
    """

    def __init__(self, firehose: Firehose, voices: Voices, journal: Journal) -> None:
        self._voices = voices
        self._journal = journal
        self._counts: dict[str, int] = {}
        self._behind: dict[str, int] = {}  # lag by instance
        self._told_full = False
        for topic in (STORED, RETAINED):
            firehose.listen(topic, self.heard)

    def heard(self, topic: str, payload: bytes, qos: int, retained: bool) -> None:  # noqa: ARG002  a handler's shape
        """Takes one of the broker's counts in."""
        if payload.isdigit():
            self._counts[topic] = int(payload)

    @property
    def queued(self) -> int | None:
        """Messages that wait at the broker for all clients together; ``None`` if it does not tell."""
        if STORED not in self._counts or RETAINED not in self._counts:
            return None
        return max(0, self._counts[STORED] - self._counts[RETAINED])

    async def look(self) -> None:
        """Looks at what has changed; called each second or so."""
        lags = self._voices.lags()
        enough = limits.MAILBOX_MESSAGES
        fallen = [it for it, lag in lags.items() if lag >= enough and it not in self._behind]
        # One that has caught up by half is told of again when it falls behind again.
        self._behind = {it: lag for it, lag in lags.items() if lag >= (enough // 2 if it in self._behind else enough)}
        for instance in fallen:
            await self._tell(_behind(instance, lags[instance], self.queued), instance)
        is_full = bool(self._behind) and (self.queued or 0) >= ROOM // 2
        if is_full and not self._told_full:
            await self._tell(_full(self.queued or 0, list(self._behind)))
        self._told_full = is_full

    async def _tell(self, why: str, instance: str = "") -> None:
        await self._journal.tell("backlog", did="", why=why, severity="warning", instance=instance)

    def attention(self) -> list[str]:
        """Returns a sentence for each function that is behind, and one if the broker's queues are half full."""
        sentences = [_behind(instance, lag, self.queued) for instance, lag in self._behind.items()]
        if self._told_full:
            sentences.insert(0, _full(self.queued or 0, list(self._behind)))
        return sentences


def _behind(instance: str, lag: int, queued: int | None) -> str:
    more = "more wait at the broker" if queued is None else f"{queued} wait at the broker for all clients together"
    return f"{instance} is slower than its topics, or does not run: {lag} unread messages wait on its hub, {more}"


def _full(queued: int, behind: list[str]) -> str:
    return (
        f"{queued} messages wait in the broker's queues, and {', '.join(behind)} take theirs too slowly: Mosquitto drops "
        f"what comes when max_queued_messages ({ROOM} for a client, unless its configuration says otherwise) is reached; "
        "raise it, or let the function read faster or only the latest"
    )

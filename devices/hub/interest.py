"""One subscription of a function, as its mailbox keeps it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from devices.hub.behind import Incoming
from devices.hub.repeats import Repeats
from devices.protocol import limits
from devices.protocol.checkpoint import Arrival
from devices.protocol.topics import matches


@dataclass(slots=True)
class Interest:
    """A subscription.

    Attributes:
        number: the function's own.
        filters: as they were written.
        latest_only: whether one unread message for each topic is enough.
        retained: whether it wants what the broker keeps.
        newest: the newest message that it has heard, read or not.
        restored: whether it was opened before this mailbox was made.
        queue: numbers of its unread arrivals; may name some that are gone.
        kept_heard: topics whose retained message it has had here.
        heard_live: digests of the newest QoS 1 messages that it has had here live.
    """

    number: int
    filters: list[str]
    latest_only: bool
    retained: bool
    newest: Arrival | None = None
    restored: bool = False
    queue: deque[int] = field(default_factory=deque)
    kept_heard: set[str] = field(default_factory=set)
    heard_live: deque[bytes] = field(default_factory=lambda: deque(maxlen=4 * limits.RECEIVE_MAXIMUM))

    def first_filter(self, topic: str) -> str | None:
        """Returns the first of its filters that a topic matches."""
        return next((wanted for wanted in self.filters if matches(wanted, topic)), None)

    def has_had_kept(self, incoming: Incoming, repeats: Repeats) -> bool:
        """Tells whether it has had this retained message, or does not want any (rule 14)."""
        if not self.retained or incoming.arrival.topic in self.kept_heard:
            return True
        if incoming.digest in self.heard_live:
            return True  # a copy of the function that died had subscribed: live messages came before the kept one
        if not self.restored:
            return False
        heard = self.newest and (self.newest.topic, self.newest.payload)
        if heard == (incoming.arrival.topic, incoming.arrival.payload):
            return True
        return repeats.heard_before(incoming.digest, incoming.arrival.number)

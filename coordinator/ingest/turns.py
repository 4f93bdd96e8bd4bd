"""Which messages of devices are looked into now and which wait: rules come first, and a flood must cost a bounded share.

A message has its turn at once while there is time for it in this second, unless its topic had one within the second. What
has to wait stands for all of its topic that came meanwhile, the newest of them; and what waited longest is next.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, NamedTuple

from coordinator.dialects.memory import Recent
from devices.protocol import limits

EACH_SECOND: Final = 500
"""Messages that are interpreted within a second: some tenth of one core."""
WAITING: Final = 5000
"""Topics whose newest message waits for its turn; of more, which no home has, nothing is told here."""
WAITING_BYTES: Final = 8 * limits.MIB
"""Bytes of all of them."""
_PAUSE: Final = 1.0  # seconds between two messages of one topic that are interpreted at once
_EVERY_ONE: Final = "spBv1.0/"  # births and sequence numbers: each message counts


class Waiting(NamedTuple):
    """A topic's newest message, and for how many it stands."""

    payload: bytes
    retained: bool
    at: float
    times: int = 1


class Turns:
    """Gives messages their turns."""

    def __init__(self) -> None:
        self._left = EACH_SECOND  # in this second
        self._looked: Recent[str, float] = Recent()  # by topic, when its last message had its turn
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        self._bytes = 0

    def turn(self, topic: str, message: Waiting) -> Waiting | None:
        """Returns the message if it has its turn now, with those that waited before it on its topic; else it waits."""
        before = self._waiting.pop(topic, None)
        if before is not None:
            self._bytes -= len(before.payload)
            message = message._replace(times=message.times + before.times)
        last = self._looked.get(topic)
        soon = last is not None and message.at - last < _PAUSE and not topic.startswith(_EVERY_ONE)
        if not soon and self._left > 0:
            return self._now(topic, message)
        self._waiting[topic] = message
        self._bytes += len(message.payload)
        while len(self._waiting) > WAITING or self._bytes > WAITING_BYTES:
            _, gone = self._waiting.popitem(last=False)
            self._bytes -= len(gone.payload)
        return None

    def next_second(self) -> None:
        """Notes that a second has passed."""
        self._left = EACH_SECOND

    def due(self) -> Iterator[tuple[str, Waiting]]:
        """Gives what has waited, as far as there is time for it in this second."""
        while self._waiting and self._left > 0:
            topic, message = self._waiting.popitem(last=False)
            self._bytes -= len(message.payload)
            yield topic, self._now(topic, message)

    def _now(self, topic: str, message: Waiting) -> Waiting:
        self._left -= 1
        self._looked[topic] = message.at
        return message

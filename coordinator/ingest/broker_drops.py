"""What the broker itself threw away because a queue was full: told, because nobody else would.

Mosquitto counts it in ``$SYS`` (mosquitto(8), "Broker status"), for all clients together and each ten seconds; the
embedded broker counts nothing, and an access list may hide the figure: then there is nothing to tell.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from devices.mqtt.firehose import Firehose

DROPPED: Final = "$SYS/broker/publish/messages/dropped"
RECENT: Final = 600.0
"""Seconds for which it is pointed out."""


class BrokerDrops:
    """Watches the broker's count of dropped messages.

    Args:
        firehose: the connection that hears it.
        clock: seconds, monotonic.
    """

    def __init__(self, firehose: Firehose, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._count: int | None = None
        self._lost = 0
        self._at = -math.inf
        firehose.listen(DROPPED, self.heard)

    def heard(self, topic: str, payload: bytes, qos: int, retained: bool) -> None:  # noqa: ARG002  a handler's shape
        """Takes the broker's count in. The first one, and one that fell, are only where counting starts."""
        if not payload.isdigit():
            return
        before, self._count = self._count, int(payload)
        grown = self._count - before if before is not None else 0
        if grown > 0:
            self._lost = grown + (self._lost if self._recently else 0)
            self._at = self._clock()

    @property
    def _recently(self) -> bool:
        return self._clock() - self._at <= RECENT

    def attention(self) -> list[str]:
        """Returns the sentence that people should read while the loss is recent, else nothing."""
        if not self._recently:
            return []
        return [
            (
                f"the broker has dropped {self._lost} messages because a client's queue was full: a function may have missed "
                "some; raise max_queued_messages in its configuration, or let the function read faster (lag in 'midstream ps')"
            )
        ]

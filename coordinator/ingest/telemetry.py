"""What devices say, from the firehose into facts: exactly the topics that somebody looks at."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable
from typing import Final

from coordinator.facts import Facts
from devices.errors import printable
from devices.mqtt.firehose import Firehose
from devices.protocol import limits

TICK: Final = 1.0
"""Seconds between two looks at the clock and at the connection."""
RECENT: Final = 600.0
"""Seconds for which a message that could not be read deserves attention: one odd message is no reason to worry for ever."""
_NAMED: Final = 3  # topics that attention names; a person looks into one after the other


class Telemetry:
    """The coordinator's ear on devices.

    Args:
        firehose: the connection that hears devices; it runs it.
        facts: what is heard goes there, in order of arrival.
        topics: filters that are listened to whatever the rules say.
    """

    def __init__(self, firehose: Firehose, facts: Facts, topics: Iterable[str] = ()) -> None:
        self._firehose = firehose
        self._facts = facts
        self._always = frozenset(topics)
        self._named: frozenset[str] = frozenset()  # by rules
        self._topics: frozenset[str] = frozenset()
        self._connections = 0
        self._oversized_at = -math.inf
        self.follow(())

    def follow(self, topics: Iterable[str]) -> None:
        """Listens to the topics of the rules now in force, and no longer to those that only former ones named.

        Raises:
            UsageError: one is no topic filter.
        """
        self._named = frozenset(topics)
        wanted = self._always | self._named
        for topic in wanted - self._topics:
            self._firehose.listen(topic, self._heard)
        for topic in self._topics - wanted:
            self._firehose.forget(topic, self._heard)
        self._topics = wanted

    def always(self, topics: Iterable[str]) -> None:
        """Listens to topics whatever the rules say, from now on.

        Raises:
            UsageError: one is no topic filter.
        """
        self._always = frozenset(topics)
        self.follow(self._named)

    async def run(self) -> None:
        """Listens until it is cancelled; a lost connection comes back by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._firehose.run(), name="telemetry")
            tasks.create_task(self._watch_the_clock(), name="telemetry clock")

    def attention(self) -> list[str]:
        """Returns what people should know: no connection, topics that may not be read, messages left unread."""
        trouble = [self._firehose.trouble] if self._firehose.trouble else []
        sentences = [f"telemetry: {error}" for error in (*trouble, *self._firehose.refused.values())]
        since = time.monotonic() - RECENT
        unread = [(topic, seen) for topic, seen in self._facts.unreadable.items() if seen.at > since]
        for topic, seen in unread[: -_NAMED - 1 : -1]:
            messages = "1 message" if seen.times == 1 else f"{seen.times} messages"
            sentences.append(f"{printable(topic, 200)}: {messages} could not be read and changed nothing: {seen.why}")
        if len(unread) > _NAMED:
            sentences.append(f"{len(unread) - _NAMED} more topics have messages that could not be read")
        if self._oversized_at > since:
            largest = limits.TELEMETRY // limits.KIB
            sentences.append(f"{self._firehose.oversized} telemetry messages above {largest} KiB were not looked into")
        return sentences

    def _heard(self, topic: str, payload: bytes, qos: int, retained: bool) -> None:
        self._facts.telemetry(topic, payload, qos, retained, time.monotonic())

    async def _watch_the_clock(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self._firehose.oversized > self._facts.tally.oversized:
                self._facts.tally.oversized = self._firehose.oversized
                self._oversized_at = time.monotonic()
            if self._firehose.connected and self._firehose.connections == self._connections:
                self._facts.passed(time.monotonic())
            else:
                self._connections = self._firehose.connections
                self._facts.deaf()

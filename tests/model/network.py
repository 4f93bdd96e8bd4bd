"""A broker and the ways to it, as far as the protocol needs one: retained messages, queues, takeovers.

What is on its way waits in a queue for each receiver until it is passed on: in order, or as a test wants it, late, twice or
out of order. Nothing of QoS 1 is lost, as with a broker that is not killed; a connection that breaks has what was not
acknowledged delivered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from devices.mqtt.delivery import Delivery
from devices.protocol.topics import Topics, matches

TOPICS = Topics()


@dataclass
class Way:
    """From the broker to one client: what is subscribed, what waits, and what was passed on and not acknowledged."""

    filters: list[str]
    take: Callable[[Delivery], asyncio.Future[None] | None] | None = None  # None: there is no connection
    waiting: list[Delivery] = field(default_factory=list)
    unacknowledged: list[tuple[Delivery, asyncio.Future[None]]] = field(default_factory=list)

    def pass_on(self, index: int = 0) -> None:
        if self.take is None or not self.waiting:
            return
        delivery = self.waiting.pop(index % len(self.waiting))
        pending = self.take(delivery)
        if pending is not None:
            self.unacknowledged.append((delivery, pending))

    def broken(self) -> None:
        """The connection is gone: what was not acknowledged will come again."""
        self.take = None
        again = [replace(it, duplicate=True) for it, pending in self.unacknowledged if not _done(pending)]
        self.unacknowledged.clear()
        self.waiting[:0] = again


def _done(pending: asyncio.Future[None]) -> bool:
    return pending.done() and not pending.cancelled() and pending.exception() is None


class Network:
    """The broker."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.ways: dict[str, Way] = {}
        self.owners: dict[str, Any] = {}  # by instance: who holds its session
        self.promptly = True
        self._packet = 0
        self.heard: list[tuple[str, bytes]] = []  # all that was ever published

    def publish(self, sender: str, topic: str, payload: bytes, *, retain: bool = False, **more: Any) -> None:
        self.heard.append((topic, payload))
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        for name, way in self.ways.items():
            if name != sender and any(matches(each, topic) for each in way.filters):
                self._queue(way, topic, payload, retained=False, **more)

    def _queue(self, way: Way, topic: str, payload: bytes, *, retained: bool, **more: Any) -> None:
        self._packet += 1
        way.waiting.append(Delivery(topic, payload, 1, retained, duplicate=False, packet_id=self._packet, **more))
        if self.promptly:
            asyncio.get_running_loop().call_soon(way.pass_on)

    def connect(self, name: str, filters: list[str], take: Callable[[Delivery], Any]) -> None:
        """Begins or takes up a session; what is retained comes again."""
        way = self.ways.setdefault(name, Way(filters))
        way.take = take
        for topic, payload in list(self.retained.items()):
            if any(matches(each, topic) for each in filters):
                self._queue(way, topic, payload, retained=True)
        if self.promptly:
            self.catch_up()

    def disconnect(self, name: str) -> None:
        """A client is gone without a word."""
        if name in self.ways:
            self.ways[name].broken()

    def catch_up(self) -> None:
        """Has all that waits passed on in order, now and from now on."""
        self.promptly = True
        loop = asyncio.get_running_loop()
        for way in self.ways.values():
            for _ in way.waiting:
                loop.call_soon(way.pass_on)

    def repeat(self, name: str, index: int) -> None:
        """Has a message delivered twice, as after a connection that broke behind it."""
        way = self.ways.get(name)
        if way is not None and way.waiting:
            way.waiting.append(replace(way.waiting[index % len(way.waiting)], duplicate=True))

    # Sessions of instances --------------------------------------------------------------------------------------------

    def take_over(self, instance: str, copy: Any) -> None:
        """CONNECT with an instance's client id: whoever had the session loses it."""
        last, self.owners[instance] = self.owners.get(instance), copy
        if last is not None and last is not copy:
            last.session_lost()

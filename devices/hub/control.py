"""The hub's own line to the coordinator: one session that comes back, and an order that survives it.

What must arrive (answers, parts of checkpoints, retained status) is sent in the order in which it was said and kept
until the broker has acknowledged it; after a loss what is left is sent again, in that order. The coordinator knows
repeats by their ids. What need not arrive (metrics) is dropped while there is no connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from devices.errors import RefusedError, UnreachableError
from devices.hub.backoff import Backoff
from devices.mqtt.address import BrokerAddress
from devices.mqtt.delivery import Delivery, Will
from devices.mqtt.reasons import ConnectionLostError
from devices.mqtt.session import Session
from devices.protocol import answers, limits, messages
from devices.protocol.topics import Topics

_log = logging.getLogger(__name__)
_RECEIVE_MAXIMUM: Final = 1000
"""QoS 1 messages that may be on their way to us: parts of a checkpoint are acknowledged as they come."""


@dataclass(slots=True, eq=False)
class _Letter:
    topic: str
    payload: bytes
    retain: bool
    expiry: int | None
    under_way: bool = False
    arrived: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Control:
    """The control session of a hub.

    Args:
        address: the broker.
        hub: its name.
        topics: the tree.
        will: published when the connection ends without a word.
    """

    def __init__(self, address: BrokerAddress, hub: str, topics: Topics, will: Will) -> None:
        self._address = address
        self._hub = hub
        self._topics = topics
        self._will = will
        self._outgoing: dict[_Letter, None] = {}
        self._session: Session | None = None
        self.up = asyncio.Event()

    async def run(
        self,
        *,
        before: Callable[[], Awaitable[None]],
        connected: Callable[[Session], Awaitable[None]],
        delivered: Callable[[Delivery], None],
    ) -> None:
        """Keeps the connection until cancelled.

        Args:
            before: called before it comes back; what it raises, unless it is that nobody is there, ends all.
            connected: called after each CONNACK, before anything is sent: subscribes.
            delivered: called with each delivery.
        """
        backoff = Backoff()
        while True:
            try:
                await self._live(connected, delivered, backoff)
            except UnreachableError as error:
                _log.warning("%s", error)
            await backoff.wait()
            with contextlib.suppress(UnreachableError):
                await before()

    async def _live(
        self,
        connected: Callable[[Session], Awaitable[None]],
        delivered: Callable[[Delivery], None],
        backoff: Backoff,
    ) -> None:
        async with Session(
            self._address, self._topics.client_id(f"hub-{self._hub}"), will=self._will, receive_maximum=_RECEIVE_MAXIMUM
        ) as session:
            try:
                await connected(session)
                self._session = session
                self._send_all()
                self.up.set()
                backoff.reset()
                async for delivery in session.deliveries():
                    delivered(delivery)
            finally:
                self._session = None
                self.up.clear()
                for letter in self._outgoing:
                    letter.under_way = False

    async def change_will(self, will: Will) -> None:
        """Has the broker keep another will, for which it needs another connection; returns when it does."""
        self._will = will
        if self._session is not None:
            self.up.clear()
            await self._session.disconnect()
        await self.up.wait()

    # Sending ----------------------------------------------------------------------------------------------------------

    def send(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry: int | None = None
    ) -> asyncio.Future[bool]:
        """Sends what must arrive, in order, over losses too; returns a future: whether the broker has taken it."""
        letter = _Letter(topic, payload, retain, expiry)
        self._outgoing[letter] = None
        self._send(letter)
        return letter.arrived

    def answer(self, answer: answers.Answer) -> asyncio.Future[bool]:
        """Sends an answer, or what a hub says on its own, to the coordinator."""
        return self.send(self._topics.hub(self._hub, "answer"), messages.encode(answer))

    def upload(self, checkpoint: str, blob: bytes) -> int:
        """Sends a checkpoint in parts; returns how many. What is sent afterwards arrives afterwards."""
        view = memoryview(blob)
        starts = range(0, len(blob), limits.PART)
        for number, start in enumerate(starts):
            part = bytes(view[start : start + limits.PART])
            self.send(self._topics.up(checkpoint, number), part, expiry=limits.PART_EXPIRY)
        return len(starts)

    def tell(self, topic: str, payload: bytes) -> None:
        """Sends what need not arrive, at QoS 0."""
        if self._session is not None and not self._session.lost.is_set():
            self._session.publish_nowait(topic, payload, qos=0)

    async def sent(self) -> None:
        """Returns when all that must arrive has arrived."""
        while self._outgoing:
            await asyncio.wait([letter.arrived for letter in self._outgoing])

    def _send_all(self) -> None:
        for letter in list(self._outgoing):
            self._send(letter)

    def _send(self, letter: _Letter) -> None:
        if self._session is None or self._session.lost.is_set() or letter.under_way:
            return
        letter.under_way = True
        try:
            outcome = self._session.publish_nowait(
                letter.topic, letter.payload, retain=letter.retain, expiry=letter.expiry
            )
        except RefusedError as error:
            self._refused(letter, error)
        else:
            outcome.add_done_callback(lambda done: self._outcome(letter, done))

    def _outcome(self, letter: _Letter, outcome: asyncio.Future[None]) -> None:
        if outcome.cancelled():
            return
        error = outcome.exception()
        if error is None:
            self._outgoing.pop(letter, None)
            if not letter.arrived.done():
                letter.arrived.set_result(True)
        elif not isinstance(error, ConnectionLostError):
            self._refused(letter, error)

    def _refused(self, letter: _Letter, error: BaseException) -> None:
        """The broker will never take it: its access list, or its size. Said once, in the log; who waits goes on."""
        _log.error("%s", error)
        self._outgoing.pop(letter, None)
        if not letter.arrived.done():
            letter.arrived.set_result(False)

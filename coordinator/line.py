"""The coordinator's one connection to the broker, made again whenever it is lost.

What is published while there is none is dropped on purpose: retained state is published anew at each connection, and
commands are repeated until they are answered, so that nothing old leaves later than something newer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from devices.errors import MidstreamError, RefusedError, UnreachableError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.delivery import Delivery, Will
from devices.mqtt.kind import BrokerKind, probe
from devices.mqtt.reasons import TAKEN_OVER, ConnectionLostError
from devices.mqtt.session import Session
from devices.protocol import limits

_LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to reach a broker that is away; the first comes after a tenth of one."""
_PARTS_UNDER_WAY: Final = 16
"""Parts of one blob, 4 MiB, that are sent and not acknowledged: enough to keep a home network busy."""

Deliver = Callable[[Delivery], asyncio.Future[None] | None]
_log = logging.getLogger(__name__)


class Line:
    """A connection that comes back.

    Args:
        address: the broker.
        client_id: the coordinator's; a second one with the same id takes the session over.
        will: what the broker says when the coordinator dies.
    """

    def __init__(self, address: BrokerAddress, client_id: str, will: Will) -> None:
        self.address = address
        self._client_id = client_id
        self.kind = BrokerKind.MOSQUITTO
        self._will = will
        self._session: Session | None = None
        self._has_been_up = False
        self.up_since = 0.0  # monotonic seconds
        self._answered: deque[tuple[Delivery, asyncio.Future[None] | None]] = deque()

    async def run(
        self,
        filters: Mapping[str, int],
        kept: Collection[str],
        deliver: Deliver,
        connected: Callable[[], Awaitable[None]],
    ) -> None:
        """Connects and stays connected until it is cancelled; then says goodbye.

        Args:
            filters: what is listened to, with the QoS of each.
            kept: those of them whose messages the broker keeps: each connection must see these again.
            deliver: takes each message, in order. A future that it returns delays the acknowledgement until it is
                done: what the coordinator has not made durable comes again after a crash.
            connected: called at each connection, when it is subscribed.

        Raises:
            UnreachableError: the first attempt fails; later ones are repeated.
            RefusedError: another coordinator has taken the session over.
        """
        pause = 0.1
        while True:
            try:
                await self._once(filters, kept, deliver, connected)
            except ConnectionLostError as loss:
                _log.warning("%s", loss.message)
                if loss.code == TAKEN_OVER:
                    raise RefusedError(
                        "another coordinator works on this broker under the same prefix",
                        place=self.address.place,
                        remedy="stop one of the two, or give one another prefix",
                    ) from loss
                pause = 0.1
            except UnreachableError as error:
                if not self._has_been_up:
                    raise
                _log.warning("%s", error.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _once(
        self,
        filters: Mapping[str, int],
        kept: Collection[str],
        deliver: Deliver,
        connected: Callable[[], Awaitable[None]],
    ) -> None:
        self._answered.clear()
        session = Session(
            self.address,
            self._client_id,
            will=self._will,
            manual_ack=True,
            receive_maximum=limits.COORDINATOR_RECEIVE_MAXIMUM,
        )
        async with session:
            self.kind = await probe(session)
            self._session, self.up_since = session, time.monotonic()
            try:
                reading = asyncio.create_task(self._read(session, deliver), name="coordinator reader")
                try:
                    if session.session_present and self.kind is BrokerKind.EMBEDDED:
                        # It shows what it keeps only to a new subscription, and one that it took over from the last
                        # connection becomes new only after it was made and ended once in this one.
                        await session.subscribe({topic: filters[topic] for topic in kept})
                        await session.unsubscribe(*kept)
                    await session.subscribe(filters, no_local=True)
                    self._has_been_up = True
                    await connected()
                    await reading
                finally:
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)
            finally:
                self._session = None

    async def _read(self, session: Session, deliver: Deliver) -> None:
        async for delivery in session.deliveries():
            waiting = deliver(delivery)
            self._answered.append((delivery, waiting))
            if waiting is None:
                self._acknowledge(session)
            else:
                waiting.add_done_callback(lambda _: self._acknowledge(session))

    def _acknowledge(self, session: Session) -> None:
        """Acknowledges what was handled, in order of arrival; a message that still is holds those behind it."""
        if session is not self._session:
            return
        done = []
        while self._answered and (self._answered[0][1] is None or self._answered[0][1].done()):
            done.append(self._answered.popleft()[0])
        session.acknowledge(*done)

    @property
    def up(self) -> bool:
        """Whether there is a connection now."""
        return self._session is not None

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        correlation: bytes | None = None,
        expiry: int | None = None,
    ) -> asyncio.Future[None] | None:
        """Publishes in the order of the calls, or drops it if there is no connection; see the top of this file.

        Returns:
            a future for the broker's acknowledgement, which nobody has to look at; ``None`` if it was dropped.
        """
        if self._session is None:
            return None
        try:
            sent = self._session.publish_nowait(
                topic, payload, qos=qos, retain=retain, correlation=correlation, expiry=expiry
            )
        except MidstreamError as error:
            _log.warning("not published to %s: %s", topic, error)
            return None
        sent.add_done_callback(_tell_refusal)
        return sent

    async def publish_blob(self, topic_of: Callable[[int], str], blob: bytes) -> int:
        """Publishes a blob in parts, not retained and with an expiry; returns how many.

        Returns when the last part is on its way: messages published afterwards arrive behind it.
        """
        under_way: deque[asyncio.Future[None]] = deque()
        parts = part_count(len(blob))
        for number in range(parts):
            piece = blob[number * limits.PART : (number + 1) * limits.PART]
            sent = self.publish(topic_of(number), piece, expiry=limits.PART_EXPIRY)
            if sent is None:
                break
            under_way.append(sent)
            if len(under_way) > _PARTS_UNDER_WAY:
                await asyncio.wait([under_way.popleft()])
        return parts

    async def flush(self) -> None:
        """Returns when the broker has read all that was published, and what it had sent before was delivered.

        Quietly if the connection ends before.
        """
        session = self._session
        if session is None:
            return
        try:
            await session.flush()
        except ConnectionLostError as loss:
            _log.info("%s", loss.message)
        while session.waiting:  # noqa: ASYNC110 - the reader is in this loop and takes them in its next rounds
            await asyncio.sleep(0)


def part_count(size: int) -> int:
    """Returns the number of parts of a blob of ``size`` bytes."""
    return -(-size // limits.PART)


def _tell_refusal(sent: asyncio.Future[None]) -> None:
    if not sent.cancelled() and (error := sent.exception()) and not isinstance(error, ConnectionLostError):
        _log.warning("%s", error)

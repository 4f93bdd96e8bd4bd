"""What has arrived on a session and was not read yet, and what was not acknowledged yet; in arrival order, both.

One task reads for a session's whole life. A waiting reader may be cancelled at any moment and loses nothing, because a
delivery leaves the queue in the step that hands it over, without an await between: aiomqtt's iterator takes it first
and hands it over two rounds of the event loop later, and a message of that moment is gone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final, Self

from devices.mqtt.delivery import Delivery
from devices.mqtt.reasons import ConnectionLostError

_AT_A_TIME: Final = 100  # deliveries handed out without a look at the rest of the event loop


class Inbox:
    """The deliveries of one session.

    Args:
        owner: the client id, for messages.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._arrived: deque[Delivery] = deque()
        self._unacknowledged: deque[int] = deque()
        self._closed = False
        self._loss: ConnectionLostError | None = None
        self._reader: asyncio.Future[None] | None = None
        self._in_a_row = 0

    @property
    def waiting(self) -> int:
        """Deliveries that were not read yet."""
        return len(self._arrived)

    @property
    def unacknowledged(self) -> int:
        """Packet ids that were not settled yet."""
        return len(self._unacknowledged)

    def put(self, delivery: Delivery, *, to_acknowledge: bool) -> None:
        """Adds what has just arrived."""
        if to_acknowledge:
            self._unacknowledged.append(delivery.packet_id)
        self._arrived.append(delivery)
        self._wake()

    def close(self, loss: ConnectionLostError | None) -> None:
        """Nothing more will come; the reader is told so after all that is there."""
        self._closed, self._loss = True, loss
        self._wake()

    def settle(self, deliveries: Iterable[Delivery]) -> list[int]:
        """Takes deliveries as acknowledged; returns their packet ids, none for QoS 0.

        That they are the oldest, in order, is the caller's duty ([MQTT-4.6.0-2]) and checked here.
        """
        packet_ids = [delivery.packet_id for delivery in deliveries if delivery.qos]
        oldest = [packet_id for packet_id, _ in zip(self._unacknowledged, packet_ids, strict=False)]
        assert packet_ids == oldest, f"{self._owner}: {packet_ids} acknowledged while {oldest} is first"
        for _ in packet_ids:
            self._unacknowledged.popleft()
        return packet_ids

    async def take(self) -> Delivery | None:
        """Returns the next delivery, or ``None`` when there will be none.

        Raises:
            ConnectionLostError: there will be none because of a loss.
        """
        while not self._arrived:
            if self._closed:
                if self._loss is not None:
                    raise ConnectionLostError(self._loss.message, code=self._loss.code)
                return None
            assert self._reader is None, "a session has one reader"
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._arrived.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        self._in_a_row += 1
        if self._in_a_row >= _AT_A_TIME:  # a full queue must not keep the loop from its keep-alives
            self._in_a_row = 0
            await asyncio.sleep(0)
        delivery = await self.take()
        if delivery is None:
            raise StopAsyncIteration
        return delivery

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

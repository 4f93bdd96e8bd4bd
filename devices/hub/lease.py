"""The agent's side of the lease: as long as the broker answers, the functions here may act (`devices.protocol.lease`).

The question is a PINGREQ on a connection of its own: on the control session it would stand in a queue behind a
checkpoint of a hundred megabytes, and a slow network would look like none.
"""

from __future__ import annotations

import asyncio
import logging

from devices.errors import UnreachableError
from devices.hub.backoff import Backoff
from devices.hub.workers import Worker, Workers
from devices.mqtt.address import BrokerAddress
from devices.mqtt.reasons import ConnectionLostError
from devices.mqtt.session import Session
from devices.runtime.leases import boottime
from devices.runtime.settings import Settings

_log = logging.getLogger(__name__)


class Lease:
    """The leases of all functions of a hub.

    Args:
        address: the broker.
        client: id of the connection.
        workers: the functions' processes.
        length: seconds without a sign of the broker after which a function is stopped.
    """

    def __init__(self, address: BrokerAddress, client: str, workers: Workers, length: float) -> None:
        self._address = address
        self._client = client
        self._workers = workers
        self._length = length
        self._heard = boottime()
        self._covered: set[Worker] = set()

    async def keep(self) -> None:
        """Asks the broker again and again, until cancelled."""
        backoff = Backoff(self._length)
        while True:
            try:
                await self._ask(backoff)
            except UnreachableError as error:
                _log.info("no sign of the broker: %s", error.message)
            await backoff.wait()

    async def _ask(self, backoff: Backoff) -> None:
        keep_alive = max(2, int(self._length))
        async with Session(
            self._address, self._client, clean_start=True, session_expiry=0, keep_alive=keep_alive
        ) as session:
            while True:
                asked = boottime()
                try:
                    await session.flush()
                except ConnectionLostError as loss:
                    _log.info("no sign of the broker: %s", loss.message)
                    return
                self.heard(asked)
                backoff.reset()
                await asyncio.sleep(self._length / 4)

    def heard(self, asked: float) -> None:
        """Takes a sign of the broker, and renews all leases.

        Args:
            asked: when what it has answered was asked, in `boottime`.
        """
        self._heard = max(self._heard, asked)
        self._covered = {worker for worker in self._covered if worker.alive}
        self._renew()

    def _renew(self) -> None:
        self._workers.renew({worker.pid: self._heard + self._length for worker in self._covered})

    def cover(self, worker: Worker, settings: Settings) -> None:
        """Has a function act on a lease from here on, if its policy is to go on elsewhere when this hub is away."""
        if settings.failover_after is not None:
            self._covered.add(worker)
            self._renew()

    def holds(self, worker: Worker) -> bool:
        """Tells whether a function may act now."""
        return worker not in self._covered or boottime() < self._heard + self._length

    @property
    def silence(self) -> float:
        """Seconds since the last sign of the broker."""
        return boottime() - self._heard

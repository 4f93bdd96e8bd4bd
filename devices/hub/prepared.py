"""What is made ready before a function is frozen elsewhere: its worker, its code, a connection without CONNECT (rule 21)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from devices.errors import UnreachableError
from devices.hub.workers import Worker, Workers
from devices.mqtt.address import BrokerAddress
from devices.mqtt.opening import PreparedConnection
from devices.protocol.checkpoint import FunctionRecord

_KEPT: Final = 600.0
"""Seconds after which what nobody came for is let go; a worker that waits costs some megabytes."""


@dataclass(slots=True)
class Ready:
    """A worker with a function's code loaded, and a connection to the broker."""

    worker: Worker
    function: bytes  # digest of the code
    connection: PreparedConnection | None
    since: float

    def close(self) -> None:
        """Lets both go."""
        self.worker.close()
        if self.connection is not None:
            self.connection.close()


class Preparations:
    """What is ready on a hub, by instance.

    Args:
        workers: forks.
        address: the broker.
    """

    def __init__(self, workers: Workers, address: BrokerAddress) -> None:
        self._workers = workers
        self._address = address
        self._ready: dict[str, Ready] = {}

    async def make(self, instance: str, function: FunctionRecord) -> None:
        """Gets ready for an instance; what is ready already stays.

        Raises:
            MidstreamError: no process, or the code cannot be used.
        """
        self._drop_old()
        there = self._ready.get(instance)
        if there is not None and there.function == function.digest:
            there.since = time.monotonic()
            return
        self.drop(instance)
        ready = await self._fresh(function)
        ready.worker.on_end = lambda _words: self.drop(instance)
        self._ready[instance] = ready

    async def _fresh(self, function: FunctionRecord) -> Ready:
        connecting = asyncio.ensure_future(self._connection())
        try:
            worker = await self._workers.loaded(function)
        except BaseException:
            connecting.add_done_callback(_close)
            raise
        return Ready(worker, function.digest, await connecting, time.monotonic())

    async def _connection(self) -> PreparedConnection | None:
        try:
            return await PreparedConnection.open(self._address)
        except UnreachableError:
            return None  # the session tries for itself when its time has come

    async def take(self, instance: str, function: FunctionRecord) -> Ready:
        """Hands over what is ready for an instance; made now, without a connection, if nothing is.

        Raises:
            MidstreamError: no process, or the code cannot be used.
        """
        ready = self._ready.pop(instance, None)
        if ready is not None and ready.function == function.digest:
            return ready
        if ready is not None:
            ready.close()
        worker = await self._workers.loaded(function)
        return Ready(worker, function.digest, None, time.monotonic())

    def drop(self, instance: str) -> None:
        """Lets go of what is ready for an instance."""
        if (ready := self._ready.pop(instance, None)) is not None:
            ready.close()

    def _drop_old(self) -> None:
        for instance, ready in list(self._ready.items()):
            if time.monotonic() - ready.since > _KEPT:
                self.drop(instance)

    def close(self) -> None:
        """Lets go of all."""
        for instance in list(self._ready):
            self.drop(instance)


def _close(connecting: asyncio.Future[PreparedConnection | None]) -> None:
    if not connecting.cancelled() and (connection := connecting.result()) is not None:
        connection.close()

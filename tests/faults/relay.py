"""A link between one part and the broker that can break as links do.

A TCP relay of our own rather than network namespaces: it works in any container and for any user, and it can do what
`tc` and `ip link` cannot: end a connection on the broker's side alone, so that the broker publishes the will while the
part believes that it is connected. What is lost on a TCP link comes late, so a lossy link is one that stalls and breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from typing import Final

_CHUNK: Final = 64 * 1024
_PART: Final = 40_000
"""Bytes that pass before a connection is cut in the middle of a blob."""


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.upstream: asyncio.StreamWriter | None = None
        self.swallowed = False  # the broker's side has ended, and the part does not know
        self.passed = 0

    def abort(self) -> None:
        for writer in (self.writer, self.upstream):
            if writer is not None:
                writer.transport.abort()


class Relay:
    """The link of one part, on a port of its own.

    Args:
        host: of the broker.
        port: of the broker.
        chance: for what a lossy link does.
    """

    def __init__(self, host: str, port: int, chance: random.Random) -> None:
        self._upstream = host, port
        self._chance = chance
        self._mode = "open"
        self._whole = asyncio.Event()
        self._whole.set()
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listens; returns the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Ends all connections."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for connection in self._connections:
            connection.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_(self, mode: str) -> None:
        """Breaks the link: ``cut``, ``hole``, ``half-open``, ``slow``, ``lossy`` or ``cut-in-parts``."""
        self._mode = mode
        if mode in ("hole", "half-open", "cut"):
            self._whole.clear()
        for connection in list(self._connections):
            if mode == "cut":
                connection.abort()
            elif mode == "half-open" and connection.upstream is not None:
                connection.swallowed = True
                connection.upstream.transport.abort()
            connection.passed = 0

    def mend(self) -> None:
        """Makes it whole; what stood in a hole arrives now, what believed in a half-open connection learns the truth."""
        self._mode = "open"
        for connection in list(self._connections):
            if connection.swallowed:
                connection.abort()
        self._whole.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        connection = _Connection(reader, writer)
        self._connections.add(connection)
        try:
            await self._whole.wait()
            from_broker, connection.upstream = await asyncio.open_connection(*self._upstream)
            for each in (writer, connection.upstream):
                each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            up = self._pump(connection, reader, connection.upstream)
            down = self._pump(connection, from_broker, writer)
            await asyncio.gather(up, down)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._connections.discard(connection)
            connection.abort()

    async def _pump(self, connection: _Connection, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                if not connection.swallowed:
                    await self._pass(connection, data, target)
        if source is connection.reader or not connection.swallowed:
            connection.abort()

    async def _pass(self, connection: _Connection, data: bytes, target: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        match self._mode:
            case "slow":
                await asyncio.sleep(0.15)
            case "lossy":
                if self._chance.random() < 0.03:
                    connection.abort()
                    return
                if self._chance.random() < 0.1:
                    await asyncio.sleep(self._chance.uniform(0.1, 0.4))
            case "cut-in-parts":
                connection.passed += len(data)
                if connection.passed > _PART:
                    target.write(data[: len(data) // 2])
                    await target.drain()
                    connection.abort()
                    return
        if not connection.swallowed:
            target.write(data)
            await target.drain()

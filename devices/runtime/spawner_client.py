"""The hub agent's side of the warm parent: forks workers, hears of their deaths."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import msgspec

from devices.errors import MidstreamError
from devices.runtime.source import Source
from devices.runtime.spawning import PACKET, Exited, Fork, Forked, Learn, Lesson, NotForked, Renew, Stopped, Told

_LONGEST: Final = 128 * 1024  # characters of source that the warm parent keeps ready; more would hold up its forks
_RENEWED_AT_ONCE: Final = 100  # leases in one packet, which has room for many more
_SOURCES: Final = 12  # of which it is known what the warm parent has; fewer than it keeps, so that it has them
_LESSONS: Final = 64  # about one source
_told = msgspec.msgpack.Decoder(Told)


class WorkerProcess:
    """A worker.

    Attributes:
        pid: its process id, for people and for measurements.
        connection: the hub's end of its link, a blocking stream socket; `devices.protocol.link` is what it speaks.
        hatch: the hub's end of its hatch (`devices.runtime.hatch`).
    """

    def __init__(self, pid: int, connection: socket.socket, hatch: socket.socket) -> None:
        self.pid = pid
        self.connection = connection
        self.hatch = hatch
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = None  # dead and reaped already; the report of it is on its way

    def send_signal(self, number: signal.Signals) -> bool:
        """Sends a signal, never to another process that got the same id; returns whether the worker was alive."""
        if self._handle is None:
            return False
        try:
            signal.pidfd_send_signal(self._handle, number)
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        """Kills the worker if it lives, and closes link and hatch."""
        self.send_signal(signal.SIGKILL)
        self.connection.close()
        self.hatch.close()
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)


class Spawner:
    """A running warm parent, as a context manager: ``async with Spawner() as spawner:``.

    All workers die with it, and it dies with this process. If it dies before its time, its workers are reported as
    killed and the next `fork` starts another one.

    Attributes:
        exits: called with process id and status (an exit status, or minus a signal's number) when a worker has ended.
        stops: called with the process id of a worker whose lease has run out: it stands still.
    """

    def __init__(self, exits: Callable[[int, int], None] = lambda _pid, _status: None) -> None:
        self.exits = exits
        self.stops: Callable[[int], None] = lambda _pid: None
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._requests: dict[int, asyncio.Future[int]] = {}
        self._count = 0
        self._alive: set[int] = set()
        self._learned: dict[bytes, set[bytes]] = {}
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        reader, process, self._reader, self._process = self._reader, self._process, None, None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if reader is not None:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        if process is not None:
            await process.wait()

    async def fork(self) -> WorkerProcess:
        """Returns a new worker; its first frame will be `link.Ready`.

        Cancelled, it leaves no process behind: the worker reads the end of its link and ends.

        Raises:
            MidstreamError: the system gives no more processes, or the warm parent cannot be started.
        """
        if self._socket is None:
            await self._start()
        assert self._socket is not None
        link, their_link = socket.socketpair()
        hatch, their_hatch = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._count += 1
            answer = self._requests[self._count] = asyncio.get_running_loop().create_future()
            with their_link, their_hatch:
                self._send(msgspec.msgpack.encode(Fork(self._count)), [their_link.fileno(), their_hatch.fileno()])
            return WorkerProcess(await answer, link, hatch)
        except BaseException:
            link.close()
            hatch.close()
            raise

    def learn(self, source: Source, rests: bytes = b"") -> None:
        """Has workers to come share a function's code, so that they begin sooner; nothing of it runs.

        Args:
            source: one that a worker has loaded without an error.
            rests: those of its functions that a worker has built.
        """
        small = sum(map(len, source.files.values())) <= _LONGEST
        if self._socket is None or not small:
            return
        digest = source.digest
        if digest not in self._learned and len(self._learned) >= _SOURCES:
            del self._learned[next(iter(self._learned))]
        learned = self._learned.setdefault(digest, set())
        if rests in learned or len(learned) >= _LESSONS:
            return
        learned.add(rests)
        lesson = os.memfd_create("lesson")
        try:
            with open(lesson, "wb", closefd=False) as file:
                file.write(msgspec.msgpack.encode(Lesson(source.module, source.files, rests)))
            os.lseek(lesson, 0, os.SEEK_SET)
            with contextlib.suppress(MidstreamError):  # too busy: workers load it for themselves
                self._send(msgspec.msgpack.encode(Learn()), [lesson])
        finally:
            os.close(lesson)

    def renew(self, until: Mapping[int, float]) -> None:
        """Says until when workers may run; those that were stopped stay so until `SIGCONT`.

        Args:
            until: by process id, in seconds of CLOCK_BOOTTIME.
        """
        every = list(until.items())
        for start in range(0, len(every), _RENEWED_AT_ONCE):
            if self._socket is not None:
                with contextlib.suppress(MidstreamError):  # too busy: it is said again soon
                    self._send(msgspec.msgpack.encode(Renew(dict(every[start : start + _RENEWED_AT_ONCE]))), [])

    def _send(self, packet: bytes, descriptors: list[int]) -> None:
        assert self._socket is not None
        try:
            socket.send_fds(self._socket, [packet], descriptors)
        except OSError as error:
            raise MidstreamError(f"the warm parent of the workers does not take requests: {error}") from error

    async def _start(self) -> None:
        async with self._starting:
            if self._socket is not None:
                return
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.setblocking(False)
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "devices.runtime.spawner", str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is the agent's business
                    env={name: value for name, value in os.environ.items() if not name.startswith("MIDSTREAM_")},
                )  # fmt: skip
            self._socket = ours
            self._learned.clear()
            self._reader = asyncio.create_task(self._read(ours), name="spawner: answers and deaths")

    async def _read(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionResetError):
            while packet := await loop.sock_recv(connection, PACKET):
                self._take(_told.decode(packet))
        self._lost(connection)

    def _take(self, packet: Told) -> None:
        match packet:
            case Forked(request=request, pid=pid):
                self._alive.add(pid)
                future = self._requests.pop(request)
                if not future.done():
                    future.set_result(pid)
            case NotForked(request=request, error=error):
                future = self._requests.pop(request)
                if not future.done():
                    future.set_exception(MidstreamError(f"no worker process: {error}"))
            case Exited(pid=pid, status=status):
                self._alive.discard(pid)
                self.exits(pid, status)
            case Stopped(pid=pid):
                self.stops(pid)

    def _lost(self, connection: socket.socket) -> None:
        """The warm parent has died, and its workers with it."""
        connection.close()
        self._socket = None
        for future in self._requests.values():
            if not future.done():
                future.set_exception(MidstreamError("the warm parent of the workers has died"))
        self._requests.clear()
        alive, self._alive = self._alive, set()
        for pid in alive:
            self.exits(pid, -signal.SIGKILL)

"""Worker processes as the agent sees them: frames out, frames in, signals, and how one ended, in words.

Frames are read without a task and without a copy more than needed: small ones from one buffer that is used again, a
large one (an image) straight into memory of its size.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Final, Self

from devices.errors import MidstreamError, ProtocolError, from_wire
from devices.hub import hatch
from devices.protocol import link
from devices.protocol.checkpoint import FunctionRecord
from devices.runtime.source import Source
from devices.runtime.spawner_client import Spawner, WorkerProcess

_BUFFER: Final = 64 * 1024  # bytes; frames that do not fit are read into memory of their own
LOADING: Final = 30.0
"""Seconds that a worker may take to import a function's file; it runs what stands at its top."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a function finds on a hub: where resources are, and within which bounds it runs, of which package."""

    resources: dict[str, str] = field(default_factory=dict)
    confinement: link.Confinement | None = None
    tree: int = 0


class Worker(asyncio.BufferedProtocol):
    """One worker and the link to it.

    Attributes:
        on_frame: called with each frame, in order.
        on_stopped: called when its lease has run out: it stands still until `thaw`.
        on_end: called once, after the last frame, with how it ended; not after `close`.
        on_rests: called with what it had to compile to take its function up.
    """

    def __init__(self, process: WorkerProcess) -> None:
        self.pid = process.pid
        self.on_rests: Callable[[bytes], None] = lambda _rests: None
        self.on_frame: Callable[[link.ToHub], None] = self._no_frame_expected
        self.on_end: Callable[[str], None] = lambda _words: None
        self.on_stopped: Callable[[], None] = lambda: None
        self.function, self.tree = "", 0  # under which version of a permission package it runs
        self._process = process
        self._transport: asyncio.Transport | None = None
        self._small = bytearray(_BUFFER)
        self._end = 0  # of what is filled in it
        self._large: bytearray | None = None
        self._filled = 0  # of it
        self._status: int | None = None
        self._broken = ""
        self._link_ended = False
        self._closed = False

    # What the agent does --------------------------------------------------------------------------------------------

    def send(self, frame: link.Frame) -> None:
        """Sends a frame; what a dead worker does not read is lost."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(link.pack(frame))

    def capture(self, frame: link.Capture) -> None:
        """Asks for a checkpoint: the frame, and the signal that has a computing function look."""
        self.send(frame)
        self._process.send_signal(signal.SIGUSR1)

    async def image(self, number: int, limit: float) -> link.Encoded:
        """Returns the image that a `link.Captured` without one has announced; see `hatch.image`."""
        return await hatch.image(self._process.hatch, number, limit)

    def freeze(self) -> None:
        """Stops the process where it is; nothing of it gets out until `thaw`."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Kills the worker if it lives; nothing of it is told any more."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()
        self._process.close()

    async def load(self, source: link.Load) -> None:
        """Has the worker import a function's code.

        Raises:
            MidstreamError: the code cannot be used, or the worker ended, or took longer than `LOADING` seconds.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def answered(frame: link.ToHub) -> None:
            if ready.done() or not isinstance(frame, link.Ready) or not (frame.loaded or frame.error):
                return  # a line that the file printed while it was imported; or the greeting
            if frame.error:
                ready.set_exception(from_wire(frame.error))
            else:
                ready.set_result(None)

        def ended(words: str) -> None:
            if not ready.done():
                ready.set_exception(MidstreamError(f"the worker ended while it loaded the function: {words}"))

        self.on_frame, self.on_end = answered, ended
        self.send(source)
        try:
            async with asyncio.timeout(LOADING):
                await ready
        except TimeoutError:
            raise MidstreamError(
                f"the function's file was not imported within {LOADING:.0f} s",
                remedy="move what takes long from the top of the file into the function",
            ) from None

    @property
    def alive(self) -> bool:
        """Whether it has neither ended nor been closed."""
        return self._status is None and not self._closed

    # What asyncio and the spawner call --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- asyncio's hint; frames know their size
        """Returns where the next bytes go."""
        if self._large is not None:
            return memoryview(self._large)[self._filled :]
        return memoryview(self._small)[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Takes the frames that are whole."""
        try:
            if self._large is None:
                self._end += nbytes
                self._take_small()
                return
            self._filled += nbytes
            if self._filled == len(self._large):
                body, self._large = self._large, None
                self._take(body)
        except ProtocolError as error:
            self._broken = error.message
            self._process.send_signal(signal.SIGKILL)

    def _take_small(self) -> None:
        start, view = 0, memoryview(self._small)
        while self._end - start >= link.HEAD.size:
            body = start + link.HEAD.size
            length = link.body_length(view[start:body])
            if self._end - body < length:
                if link.HEAD.size + length > _BUFFER:
                    self._large = bytearray(length)
                    self._filled = self._end - body
                    self._large[: self._filled] = view[body : self._end]
                    start = self._end
                break
            start = body + length
            self._take(view[body:start])
        rest = self._end - start
        self._small[:rest] = self._small[start : self._end]
        self._end = rest

    def _take(self, body: bytearray | memoryview) -> None:
        if not self._closed and not self._broken:
            frame = link.for_hub(body)
            if isinstance(frame, link.Started) and frame.rests:
                self.on_rests(frame.rests)
            self.on_frame(frame)

    def eof_received(self) -> None:
        """Lets the transport close."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- the exit status says more
        """Notes the end of the link."""
        self._link_ended = True
        self._tell_end()

    def exited(self, status: int) -> None:
        """Notes the exit status that the spawner reports."""
        self._status = status
        self._tell_end()

    def _tell_end(self) -> None:
        if self._link_ended and self._status is not None and not self._closed:
            words = self._broken or how_it_ended(self._status)
            self.close()
            self.on_end(words)

    def _no_frame_expected(self, frame: link.ToHub) -> None:
        if not isinstance(frame, link.Ready):
            raise ProtocolError(f"a worker without a function sent {type(frame).__name__}")


class Workers:
    """All workers of a hub, as a context manager; they die with it.

    Args:
        surroundings: says what a function finds here, by its name.
    """

    def __init__(self, surroundings: Callable[[str], Awaitable[Surroundings]] | None = None) -> None:
        self._surroundings = surroundings
        self._spawner = Spawner(self._exited)
        self._alive: dict[int, Worker] = {}
        self._early: dict[int, int] = {}
        self._spawner.stops = self._stopped

    async def __aenter__(self) -> Self:
        """Starts the warm parent."""
        await self._spawner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in list(self._alive.values()):
            worker.close()
        await self._spawner.__aexit__(kind, error, trace)

    async def fork(self) -> Worker:
        """Returns a new worker.

        Raises:
            MidstreamError: the system gives no process.
        """
        process = await self._spawner.fork()
        worker = Worker(process)
        if process.pid in self._early:
            worker.exited(self._early.pop(process.pid))
        else:
            self._alive[process.pid] = worker
        await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=process.connection)
        return worker

    async def loaded(self, function: FunctionRecord) -> Worker:
        """Returns a new worker that has imported a function's code.

        Raises:
            MidstreamError: no process, or the code cannot be used.
        """
        around = await self._around(function.name)
        try:
            worker = await self._loaded(function, around)
        except MidstreamError:
            before, around = around, await self._around(function.name)
            if before.tree == around.tree:
                raise
            worker = await self._loaded(function, around)  # the tree was changed under its hands
        source = Source(function.module, function.files)
        if around.confinement is None:  # what a confined one has compiled is not let into the parent of all
            worker.on_rests = partial(self._spawner.learn, source)
        self._spawner.learn(source)
        return worker

    async def _around(self, function: str) -> Surroundings:
        return Surroundings() if self._surroundings is None else await self._surroundings(function)

    async def _loaded(self, function: FunctionRecord, around: Surroundings) -> Worker:
        worker = await self.fork()
        worker.function, worker.tree = function.name, around.tree
        load = link.Load(
            module=function.module,
            files=function.files,
            resources=around.resources,
            confinement=around.confinement,
        )
        try:
            await worker.load(load)
        except BaseException:
            worker.close()
            raise
        return worker

    def trees(self) -> dict[int, list[str]]:
        """Returns the functions that run under permission packages, by version."""
        found: dict[int, list[str]] = {}
        for worker in self._alive.values():
            if worker.tree and worker.alive:
                found.setdefault(worker.tree, []).append(worker.function)
        return found

    def renew(self, until: Mapping[int, float]) -> None:
        """Says until when workers may run, by process id, in seconds of CLOCK_BOOTTIME (`devices.runtime.leases`)."""
        self._spawner.renew(until)

    def _stopped(self, pid: int) -> None:
        if pid in self._alive:
            self._alive[pid].on_stopped()

    def _exited(self, pid: int, status: int) -> None:
        worker = self._alive.pop(pid, None)
        if worker is None:
            self._early[pid] = status
        else:
            worker.exited(status)


def how_it_ended(status: int) -> str:
    """Returns an exit status, or minus a signal's number, as a sentence for people."""
    if status >= 0:
        return f"its process ended by itself with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    match -status:
        case signal.SIGKILL:
            return f"its process was killed ({name}), as the system does when memory runs out"
        case signal.SIGSEGV | signal.SIGBUS | signal.SIGILL | signal.SIGABRT:
            return f"its process crashed ({name}), in a library that is not written in Python"
        case signal.SIGXCPU:
            return f"its process used up its time ({name})"
    return f"its process was ended ({name})"

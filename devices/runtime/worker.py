"""A worker: the process of one function. It loads, runs, answers captures, and tells how it ended.

It has no network and no event loop. Until the function runs, it answers one frame after the other; from then on the
function has the process, and the hub is listened to in effects (`instance`) and between two instructions (`attention`).
"""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import Any, Final, NoReturn

import msgspec

from devices.errors import LONGEST_SHOWN, MidstreamError, RestoreError, SourceError, printable
from devices.protocol import limits, link
from devices.runtime import after_fork, confinement, failure, instance, library, packages, resource, time_sleep
from devices.runtime.attention import KNOCK, Attention
from devices.runtime.channel import Channel, leave
from devices.runtime.hatch import Hatch
from devices.runtime.message import message_of
from devices.runtime.output import Output
from devices.runtime.python import rests
from devices.runtime.python.engine import Execution
from devices.runtime.python.program import Program
from devices.runtime.source import Source

_INSTALL: Final = (
    "install it on this hub, in the environment that midstream runs in, or put it beside the function's file"
)


def run(connection: socket.socket, hatch: socket.socket) -> NoReturn:
    """Lives the whole life of a worker.

    Args:
        connection: its end of the link to the hub agent, a stream socket.
        hatch: its end of the hatch, a socket of packets.
    """
    Worker(Channel(connection), Hatch(hatch)).serve()


class Worker:
    """The life before and after the function's.

    Args:
        channel: to the hub agent.
        hatch: the way of large images to it.
    """

    def __init__(self, channel: Channel, hatch: Hatch) -> None:
        self._channel = channel
        self._hatch = hatch
        self._attention = Attention(self._look)
        self._output = Output(channel, self._attention)
        self._program: Program | None = None
        self._packages: dict[str, str] = {}
        self._instance: instance.Instance | None = None

    def serve(self) -> NoReturn:
        """Answers `Load` and `Begin`; ends the process when the function has ended."""
        time_sleep.install()
        self._output.redirect()
        os.register_at_fork(after_in_child=self._become_a_child_of_the_function)
        self._channel.send(link.Ready(pid=os.getpid()))
        while True:
            frame = self._channel.receive()
            try:
                match frame:
                    case link.Load():
                        self._load(frame)
                        self._channel.send(link.Ready(pid=os.getpid(), loaded=True))
                    case link.Begin():
                        self._begin(frame)
                    case _:
                        leave(f"the hub agent sent {type(frame).__name__} to a worker without a function")
            except MidstreamError as error:
                self._channel.send(link.Ready(pid=os.getpid(), error=error.to_wire()))

    def _load(self, frame: link.Load) -> None:
        resource.know(frame.resources)
        if frame.confinement is not None:
            self._confine(frame.confinement)
        source = Source(frame.module, frame.files)
        try:
            program = Program.load(source, library=library.given())
            program.prepare()
        except MidstreamError:
            raise
        except BaseException as error:
            place = failure.users_line(error.__traceback__, source.files)
            if not place:
                raise  # ours: the process ends with a traceback
            remedy = _INSTALL if isinstance(error, ModuleNotFoundError) else None
            raise SourceError(failure.in_one_line(error), place=place, remedy=remedy) from error
        self._program = program
        self._packages = packages.behind(program.imported)  # here, for a move has this done before the function stops

    def _confine(self, wanted: link.Confinement) -> None:
        """Shuts this process in; one that cannot be is told to the hub and ends: it may be half shut in."""
        try:
            confinement.confine(wanted)
        except MidstreamError as error:
            self._channel.send(link.Ready(pid=os.getpid(), error=error.to_wire()))
            leave(error.message)
        resource.know({name: f"/{confinement.HOME}/{name}" for name in wanted.resources})

    def _begin(self, frame: link.Begin) -> NoReturn:
        """Runs the function to its end; it returns, by an error, only if the function did not begin."""
        asked = time.monotonic()
        if self._program is None:
            raise RestoreError("the function's code was not loaded")
        execution, code = Execution(self._program), self._program.code
        ready = len(code.continuations)
        own = instance.Instance(frame, self._channel, self._hatch, self._attention, execution, self._packages)
        instance.run(own)

        def begun() -> None:
            self._instance = own
            self._hatch.begin(frame.image)
            new = rests.built(code, ready)
            with self._attention:
                self._attention.watch(self._channel.fileno())
                self._channel.send(link.Started(decode_ms=(time.monotonic() - asked) * 1000, rests=new))

        end: link.Frame
        try:
            if frame.image is None:
                first = [] if frame.occasion is None else [message_of(frame.occasion, own.zone)]
                result = execution.start(frame.function, first, frame.arguments, begun)
            else:
                result = execution.resume(frame.image, begun)
            end = self._returned(result, own)
        except BaseException as error:
            if self._instance is None:
                raise _did_not_begin(error) from error
            end = self._raised(error, own)
        with self._attention:
            self._output.finish()
            self._channel.send(end)
            # The hub closes when it has read that. Had we closed first, a frame of the hub's that finds nobody would break
            # its end of the link, with our last word unread in it.
            while True:
                self._channel.receive()

    def _returned(self, result: Any, own: instance.Instance) -> link.Returned:
        try:
            encoded: bytes | None = msgspec.json.encode(result)
        except (TypeError, ValueError, msgspec.MsgspecError, RecursionError):
            encoded = None
        if encoded is not None and len(encoded) > limits.SHOWN_MESSAGE:
            encoded = None
        progress = own.progress
        return link.Returned(
            result=encoded, shown=_shown(result), sequence=progress.sequence, delivered=progress.delivered
        )

    def _raised(self, error: BaseException, own: instance.Instance) -> link.Raised:
        files = self._program.source.files if self._program is not None else ()
        return link.Raised(
            error=printable(failure.in_one_line(error), LONGEST_SHOWN),
            traceback=printable(failure.users_traceback(error, files), failure.LONGEST),
            sequence=own.progress.sequence,
            delivered=own.progress.delivered,
        )

    def _become_a_child_of_the_function(self) -> None:
        """The function has forked (`multiprocessing` does): the child has no part in the link, and dies with us."""
        parent = os.getppid()
        instance.run(None)
        self._channel.close()
        self._hatch.close()
        self._output.restore()
        signal.signal(KNOCK, signal.SIG_IGN)
        after_fork.die_with(parent)

    def _look(self) -> None:
        """Takes what has arrived while the function computes."""
        if self._instance is not None:
            self._instance.look()


def _shown(result: Any) -> str:
    """Its ``repr``, which is the user's own code where the class is."""
    try:
        return printable(repr(result), LONGEST_SHOWN)
    except BaseException as error:  # noqa: BLE001 -- the function has ended; how its result looks changes nothing
        return f"<{type(result).__name__} whose repr() raised {type(error).__name__}>"


def _did_not_begin(error: BaseException) -> MidstreamError:
    """An image is from elsewhere: whatever goes wrong while it is read is the image's fault."""
    if isinstance(error, MidstreamError):
        return error
    return RestoreError(f"the image cannot be made to run again: {failure.in_one_line(error)}")

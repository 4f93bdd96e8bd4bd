"""An interpreter in which functions are exercised: it loads a program and forks a process for each run.

    python -c "from devices.runtime.exercising.server import main; main()"

Two levels, so that one interpreter serves many programs: the first forks a process that imports a program and reads the
requests about it until there is another `Load`; that one forks one process for each run. Neither of them ever runs the
function. The program's code is made ready before the fork, and with it the rests of functions that images ask for.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import io
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

from devices.errors import MidstreamError, SourceError, UsageError
from devices.runtime import after_fork, failure
from devices.runtime.exercising import packets
from devices.runtime.exercising.life import Life, own_library, prepare_process, state_of
from devices.runtime.exercising.packets import Ended, Load, Loaded, Refused, Request, Resume, Run
from devices.runtime.python.program import Program
from devices.runtime.python.records import Record
from devices.runtime.python.values import from_cbor
from devices.runtime.source import Source

_FAULT: Final = 70  # EX_SOFTWARE of sysexits.h


class Server:
    """Reads requests from one descriptor and writes answers to another."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = requests
        self._answers = answers

    def serve(self) -> None:
        """Until the client is gone."""
        request = self._next()
        while request is not None:
            assert isinstance(request, Load)
            request = self._serve_program(request)

    def _next(self) -> Request | None:
        body = packets.read_bytes(self._requests)
        return None if body is None else packets.requests.decode(body)

    def _serve_program(self, load: Load) -> Request | None:
        """Forks the program's process, and returns the first request that is not about it."""
        ours, theirs = os.pipe()
        pid = _fork(lambda: self._be_program(load, theirs), [ours])
        os.close(theirs)
        body = packets.read_bytes(ours)
        os.close(ours)
        os.waitpid(pid, 0)
        return None if not body else packets.requests.decode(body)

    def _be_program(self, load: Load, first_level: int) -> None:
        program: Program | None = None
        try:
            program = _loaded(load)
        except MidstreamError as error:
            packets.write(self._answers, Refused(error.to_wire()))
        else:
            packets.write(self._answers, Loaded(_version(), state_of(program)))
            gc.collect()
            gc.freeze()  # a collection in a run would touch, and so copy, every page that it shares with us
        request = self._next()
        while program is not None and isinstance(request, Run | Resume):
            self._run(program, load, request)
            request = self._next()
        packets.write_bytes(first_level, b"" if request is None else packets.encode(request))

    def _run(self, program: Program, load: Load, request: Run | Resume) -> None:
        if isinstance(request, Resume):
            _make_rests(program, request.image)
        ours, theirs = os.pipe()
        pid = _fork(lambda: _live(program, load, request, theirs), [ours, self._requests, self._answers])
        os.close(theirs)
        late, ended = False, False
        deadline = time.monotonic() + request.seconds if isinstance(request, Resume) else None
        while not ended:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if left is not None and not select.select([ours], [], [], left)[0]:
                late = True
                break
            body = packets.read_bytes(ours)
            if body is None:
                break
            packets.write_bytes(self._answers, body)
            ended = isinstance(packets.answers.decode(body), Ended)
        os.close(ours)
        if late:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if not ended:
            died = f"no end within {request.seconds:.0f} s" if late and isinstance(request, Resume) else _death(status)
            packets.write(self._answers, Ended(died=died))


def _loaded(load: Load) -> Program:
    source = Source(load.module, load.files)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            program = Program.load(source, library=own_library())
        program.prepare()
    except MidstreamError:
        raise
    except BaseException as error:
        place = failure.users_line(error.__traceback__, source.files)
        if not place:
            raise
        raise SourceError(failure.in_one_line(error), place=place) from error
    function = program.namespace.get(load.function)
    if not callable(function) or isinstance(function, type):
        raise SourceError(f"there is no function {load.function!r} in it", place=source.main_file)
    try:
        inspect.signature(function).bind(*load.args, **load.kwargs)
    except TypeError as error:
        raise UsageError(
            f"{load.function}{inspect.signature(function)}: {error}",
            place=source.main_file,
            remedy="""give its arguments as JSON: --args '[20, "hall"]' or --args '{"room": "hall"}'""",
        ) from None
    return program


def _make_rests(program: Program, image: bytes) -> None:
    """Compiles what an image will need, here, so that it is compiled once for all runs that need it."""
    for *fields, _ in from_cbor(image)["frames"]:
        record = Record.from_plain(fields)
        module = program.modules[record.module]
        function = module.code.function(record.function)
        assert function is not None
        program.continuation(module, function, record.entry, record.names)


def _live(program: Program, load: Load, request: Run | Resume, descriptor: int) -> None:
    life = Life(program.source, descriptor)
    match request:
        case Run(plain=True):
            life.untouched(load.function, load.args, load.kwargs)
        case Run():
            life.start(program, load, request)
        case Resume():
            life.resume(program, request)


def _fork(live: Callable[[], None], close: list[int]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _be_child(parent, live, close)
    return pid


def _be_child(parent: int, live: Callable[[], None], close: list[int]) -> NoReturn:
    status = _FAULT
    try:
        after_fork.die_with(parent)
        for descriptor in close:
            os.close(descriptor)
        live()
        status = 0
    except BrokenPipeError:
        status = 0  # the client is gone
    except BaseException:  # noqa: BLE001  (the last frame of a process that must not become a second server)
        import traceback

        os.write(2, traceback.format_exc().encode(errors="replace"))
    finally:
        os._exit(status)


def _death(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"its process was killed by {signal.Signals(-code).name}" if code < 0 else f"its process ended with {code}"


def _version() -> str:
    return "{}.{}.{}".format(*sys.version_info[:3])


def main() -> None:
    """Serves whoever is at the other end of standard input and output; the functions have neither."""
    requests, answers = os.dup(0), os.dup(1)
    nothing: Any = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    prepare_process()
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        Server(requests, answers).serve()

"""An interpreter in which functions are exercised: it loads a program and forks a process for each run.

    python -c "from devices.runtime.exercising.server import main; main()"

Two levels, so that one interpreter serves many programs: the first forks a process that imports a program and reads the
requests about it until there is another `Load`; that one forks one process for each run. Neither of them ever runs the
function. The program's code is made ready before the fork, and with it the rests of functions that images ask for.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys

import msgspec

from devices.errors import MidstreamError, RefusedError, SourceError
from devices.runtime import failure
from devices.runtime.exercising import packets
from devices.runtime.exercising.entry import check_entry
from devices.runtime.exercising.life import Life, own_library, prepare_process, state_of
from devices.runtime.exercising.packets import Ended, Load, Loaded, Refused, Request, Resume, Run
from devices.runtime.exercising.processes import LateError, Process, how_it_died
from devices.runtime.python.program import Program
from devices.runtime.python.records import Record
from devices.runtime.source import Source


class Server:
    """Reads requests from one descriptor and writes answers to another; to a third it says what it failed of."""

    def __init__(self, requests: int, answers: int, terminal: int) -> None:
        self._requests = requests
        self._answers = answers
        self._terminal = terminal
        self._made: set[bytes] = set()  # rests: those of captures that stood like this

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
        process = Process(lambda tells: self._be_program(load, tells), [], self._terminal)
        body = process.last_packet()
        code = process.end(by_itself=True)
        if code:
            packets.write(self._answers, Refused(_import_died(load, code).to_wire()))
            return self._next()
        return None if not body else packets.requests.decode(body)

    def _be_program(self, load: Load, tells: int) -> None:
        program: Program | None = None
        signal.setitimer(signal.ITIMER_REAL, load.seconds)
        try:
            program = _loaded(load)
        except MidstreamError as error:
            packets.write(self._answers, Refused(error.to_wire()))
        else:
            packets.write(self._answers, Loaded(_version(), state_of(program)))
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.collect()
        gc.freeze()  # a collection in a run would touch, and so copy, every page that it shares with us
        request = self._next()
        while program is not None and isinstance(request, Run | Resume):
            self._run(program, load, request)
            request = self._next()
        packets.write_bytes(tells, b"" if request is None else packets.encode(request))

    def _run(self, program: Program, load: Load, request: Run | Resume) -> None:
        if isinstance(request, Resume) and request.standing not in self._made:
            self._made.add(request.standing)
            _make_rests(program, request.standing)
        ours = [self._requests, self._answers]
        process = Process(lambda tells: _live(program, load, request, tells), ours, self._terminal)
        try:
            for body, last in process.packets(self._requests, request.seconds):
                packets.write_bytes(self._answers, body, last=last)
                if last:
                    process.end()
                    return
        except LateError:
            process.end()
            packets.write(self._answers, Ended(died=f"no end within {request.seconds:.0f} s", late=True))
        except BrokenPipeError:
            process.end()
            raise
        else:
            packets.write(self._answers, Ended(died=how_it_died(process.end(by_itself=True))))


def _import_died(load: Load, code: int) -> MidstreamError:
    place = f"{load.module}.py"
    if code == -signal.SIGALRM:
        return RefusedError(
            f"to import it has not come to an end within {load.seconds:g} s",
            place=place,
            remedy="what it does beside defining functions belongs into a function",
        )
    return RefusedError(f"it ends the process that imports it: {how_it_died(code)}", place=place)


def _loaded(load: Load) -> Program:
    source = Source(load.module, load.files)
    try:
        program = Program.load(source, library=own_library())
        program.prepare()
    except MidstreamError:
        raise
    except BaseException as error:
        place = failure.users_line(error.__traceback__, source.files)
        if not place:
            raise
        raise SourceError(failure.in_one_line(error), place=place) from error
    check_entry(program, load)
    return program


def _make_rests(program: Program, standing: bytes) -> None:
    """Compiles what an image will need, here, so that it is compiled once for all runs that need it."""
    for fields in msgspec.msgpack.decode(standing):
        record = Record.from_plain(fields)
        module = program.modules[record.module]
        function = module.code.function(record.function)
        assert function is not None
        program.continuation(module, function, record.entry, record.names)


def _live(program: Program, load: Load, request: Run | Resume, descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    life = Life(program.source, descriptor)
    match request:
        case Run(plain=True):
            life.untouched(load.function, load.arguments(), load.kwargs)
        case Run():
            life.start(program, load, request)
        case Resume():
            life.resume(program, request)


def _version() -> str:
    return "{}.{}.{}".format(*sys.version_info[:3])


def main() -> None:
    """Serves whoever is at the other end of standard input and output; the functions have neither.

    An interrupt from the keyboard is for the client, which then goes; a function's own interrupts are as always.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers, terminal = os.dup(0), os.dup(1), os.dup(2)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    prepare_process()
    with contextlib.suppress(BrokenPipeError):
        Server(requests, answers, terminal).serve()

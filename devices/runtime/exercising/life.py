"""One run, in a process of its own: what it does becomes an `Outcome`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any, SupportsIndex

from devices.errors import CannotStopError, MidstreamError, printable
from devices.runtime import failure, library
from devices.runtime.exercising import output, packets
from devices.runtime.exercising.no_hub import NoHub
from devices.runtime.exercising.output import Output
from devices.runtime.exercising.packets import Captured, Ended, Outcome, Picture
from devices.runtime.exercising.picture import picture, picture_of_error
from devices.runtime.exercising.untouched import UntouchedProgram
from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.loaded import LoadedModule
from devices.runtime.python.places import inside
from devices.runtime.python.program import Program
from devices.runtime.python.values import from_cbor, locks
from devices.runtime.source import Source

_NO_LIMIT = float("inf")


def sleep(seconds: float | SupportsIndex, /) -> None:
    """Is ``time.sleep`` while a function is exercised: its time is up at once."""
    if float(seconds) < 0:
        raise ValueError("sleep length must be non-negative")


def prepare_process() -> None:
    """Readies this process for the user's code, before any of it is imported."""
    time.sleep = sleep
    output.redirect()


def own_library() -> Library:
    """Returns what the runtime gives to a function."""
    given = library.registered()
    return Library(library.take_up, replace(given, named={**given.named, "time.sleep": sleep}))


class Stops(Execution):
    """An execution that is captured at every ``every``-th stop, until there are ``most`` captures.

    Args:
        program: the program.
        every: 0: it is not captured.
        most: captures.
        taken: gets each of them, and the number of stops so far.
        before: the image of where the run begins; to be stopped there again would lead nowhere.
    """

    def __init__(
        self, program: Program, *, every: int, most: int, taken: Callable[[Image, int], None], before: bytes = b""
    ) -> None:
        super().__init__(program)
        self.stops = 0
        self._every = every
        self._left = most
        self._tell = taken
        self._before = before
        self._ask()

    def _ask(self) -> None:
        if self._every and self._left > 0:
            self.request(self._taken, self._not_taken, _NO_LIMIT)

    def _visit(self, frame: FrameType) -> None:
        self.stops += 1
        if self.stops % self._every == 0:
            super()._visit(frame)

    def _taken(self, image: Image) -> None:
        if image.data == self._before:
            self.stops -= 1
        else:
            self._left -= 1
            self._tell(image, self.stops)
        self._ask()

    def _not_taken(self, error: MidstreamError) -> None:
        if isinstance(error, CannotStopError):
            return  # the function came to its end
        place = f"{error.place}: " if error.place else ""
        self.passed_by[printable(f"{place}{error.message}")] += 1
        self._ask()


class Life:
    """Runs a function once and tells about it.

    A child that the function forks lives on as the same function does, and tells nothing.

    Args:
        source: the program's.
        descriptor: where packets are written to.
    """

    def __init__(self, source: Source, descriptor: int) -> None:
        self._source = source
        self._descriptor = descriptor
        self._forked = False
        self._output = Output()
        self._no_hub = NoHub(source.files)
        self._no_hub.stand_in()
        os.register_at_fork(after_in_child=self._fall_silent)

    def untouched(self, function: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Runs it in plain Python."""
        program = UntouchedProgram.load(self._source, library=own_library())
        self._output.forget()  # what import has printed is not the function's
        run = program.namespace[function]
        self._end(program, lambda: run(*args, **kwargs))

    def start(self, program: Program, load: packets.Load, run: packets.Run) -> None:
        """Runs it in normal form."""
        execution = Stops(program, every=run.every, most=run.most, taken=self._taken(leave=run.leave))
        self._end(program, lambda: execution.start(load.function, load.arguments(), load.kwargs), execution)

    def resume(self, program: Program, asked: packets.Resume) -> None:
        """Runs the rest of it."""
        execution = Stops(
            program, every=asked.every, most=asked.most, taken=self._taken(leave=asked.leave), before=asked.image
        )
        self._end(program, lambda: execution.resume(asked.image), execution)

    def _fall_silent(self) -> None:
        os.close(self._descriptor)
        self._forked = True

    def _tell(self, packet: Captured | Ended) -> None:
        if not self._forked:
            packets.write(self._descriptor, packet)

    def _taken(self, *, leave: bool) -> Callable[[Image, int], None]:
        def taken(image: Image, stops: int) -> None:
            parts = from_cbor(image.data)
            standing = packets.encode([fields for *fields, _ in parts["frames"]])
            travels = [f"{module}.{name}" for module, name in parts["state"]]
            line = f"{image.place.file}:{image.place.line}"
            self._tell(Captured(image.data, standing, line, image.place.statement, self._output.new(), travels))
            if leave and not self._forked:
                self._tell(Ended(stops=stops))
                os._exit(0)

        return taken

    def _end(self, program: Program, run: Callable[[], Any], execution: Stops | None = None) -> None:
        result: Picture | None = None
        error: Picture | None = None
        told = ""
        try:
            result = picture(run(), "result")
        except BaseException as raised:  # noqa: BLE001  (whatever a function raises is what it did)
            error, told = picture_of_error(raised, self._source.files), self._told(raised)
        outcome = Outcome(result, error, self._output.all(), state_of(program))
        stops, passed_by = (execution.stops, dict(execution.passed_by)) if execution else (0, {})
        self._tell(Ended(outcome, stops, passed_by, raised=told, asked_at=self._no_hub.asked_at))

    def _told(self, raised: BaseException) -> str:
        line = failure.users_line(raised.__traceback__, self._source.files)
        return printable(failure.in_one_line(raised)) + (f" ({line})" if line else "")


def state_of(program: Program) -> dict[str, Picture]:
    """Returns the globals and class attributes that are not as import left them."""
    found: dict[str, Picture] = {}
    for module in program.modules.values():
        found |= _changed(module)
    return found


def _changed(module: LoadedModule) -> dict[str, Picture]:
    found: dict[str, Picture] = {}
    if module.fresh is None:
        return found
    visible = {name: value for name, value in module.namespace.items() if not name.startswith((".", "__"))}
    places = [(f"{module.name}.", visible, module.fresh)]
    places += [(f"{module.name}.{path}", inside(space.holder), space.fresh) for path, space in module.spaces.items()]
    for prefix, namespace, fresh in places:
        for name, value in namespace.items():
            if not fresh.is_unchanged(name, value):
                shown = picture(value, prefix + name)
                before = fresh.values.get(name)
                has_travelled = name in fresh.values and before is not value and fresh.is_unchanged(name, before)
                if has_travelled and picture(before, prefix + name) == shown:
                    continue  # it is again as import made it
                if name in fresh.states and type(value) is type(before) and locks.state_of(value) == fresh.states[name]:
                    continue  # a lock that has travelled while it was held
                found[prefix + name] = shown
        for name in fresh.values:
            if name not in namespace and not (prefix.endswith(".") and name.startswith(".")):
                found[prefix + name] = [(0, prefix + name, "deleted")]
    return found

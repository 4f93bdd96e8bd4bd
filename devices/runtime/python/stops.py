"""Stopping: events of single instructions, on demand and only until the first good place.

From 3.12 on `sys.monitoring`, on 3.11 `sys.settrace` with opcode events (`versions` says why). Both cost about twenty
times the speed while they are on, so they are switched off by the callback itself as soon as it has what it wants.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FrameType
from typing import Any, Final, Protocol

from devices.runtime.python.versions import MONITORING

Visit = Callable[[FrameType], None]
"""Called before each instruction at which the program's code may stop; ends it by `Stopper.disarm`."""
Stops = Callable[[CodeType], Mapping[int, object] | None]
"""The offsets at which a code object may stop; ``None``: not the program's."""

_TOOLS: Final = (3, 4)
"""The tools of `sys.monitoring` without a set purpose: debuggers have 0, coverage 1, profilers 2, optimizers 5."""


class Stopper(Protocol):
    """A way to be called at instructions."""

    def arm(self, frame: FrameType, stops: Stops, visit: Visit) -> None:
        """Begins, in the frames of this thread from ``frame`` on outwards and in all that are called from now on."""
        ...

    def disarm(self) -> None:
        """Ends: the code runs at full speed again."""
        ...


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _monitoring() -> Any:
    return vars(sys)["monitoring"]  # not by its name: types are checked with the eyes of 3.11


class Monitoring:
    """`sys.monitoring`: INSTRUCTION events on the program's code objects."""

    def __init__(self) -> None:
        self._codes: dict[int, CodeType] = {}
        self._tool: int | None = None

    def arm(self, frame: FrameType, stops: Stops, visit: Visit) -> None:
        """See `Stopper`."""
        monitoring = _monitoring()
        events = monitoring.events
        if self._tool is None:
            self._tool = next(tool for tool in _TOOLS if monitoring.get_tool(tool) is None)
            monitoring.use_tool_id(self._tool, "midstream")
        tool = self._tool

        def watch(code: CodeType) -> None:
            if id(code) not in self._codes and stops(code) is not None:
                self._codes[id(code)] = code
                monitoring.set_local_events(tool, code, events.INSTRUCTION)

        def at_instruction(code: CodeType, offset: int) -> None:
            found = stops(code)
            if found is not None and offset in found:
                visit(sys._getframe(1))  # noqa: SLF001  (the frame at hand)

        def at_start(code: CodeType, _offset: int) -> None:
            watch(code)

        monitoring.register_callback(tool, events.INSTRUCTION, at_instruction)
        monitoring.register_callback(tool, events.PY_START, at_start)
        monitoring.register_callback(tool, events.PY_RESUME, at_start)
        monitoring.set_events(tool, events.PY_START | events.PY_RESUME)
        for each in _stack(frame):
            watch(each.f_code)

    def disarm(self) -> None:
        """See `Stopper`."""
        monitoring = _monitoring()
        tool, self._tool = self._tool, None
        if tool is None:
            return
        monitoring.set_events(tool, 0)
        for code in self._codes.values():
            monitoring.set_local_events(tool, code, 0)
        self._codes.clear()
        for event in (monitoring.events.INSTRUCTION, monitoring.events.PY_START, monitoring.events.PY_RESUME):
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


class Tracing:
    """`sys.settrace`: opcode events in the program's frames.

    Objects must not live longer for having been looked at. A frame that is held keeps its variables alive, so none is
    that has returned or yielded. And each call of a trace function leaves a dict of the variables in the frame, with an
    exception perhaps that holds the frame in turn; so these dicts are emptied after each. Emptied at the stops alone they
    kept what a generator had held when it was closed under way to the next stop.
    """

    def __init__(self) -> None:
        self._frames: dict[int, FrameType] = {}
        self._visited: FrameType | None = None
        self._before: Any = None
        self._armed = False

    def _watching(self) -> bool:
        return self._armed

    def arm(self, frame: FrameType, stops: Stops, visit: Visit) -> None:
        """See `Stopper`."""

        def local(frame: FrameType, event: str, _argument: Any) -> Any:
            if not self._armed:
                return None
            if event == "return":
                self._frames.pop(id(frame), None)
            elif event == "opcode" and (found := stops(frame.f_code)) is not None and frame.f_lasti in found:
                self._visited = frame
                visit(frame)
                self._visited = None
            frame.f_trace = _Emptied(frame.f_locals)
            # a generator that is thrown into goes on without a call, so it is followed beyond its return
            return local if self._watching() else _over

        def at_call(frame: FrameType, _event: str, _argument: Any) -> Any:
            if not self._armed or stops(frame.f_code) is None:
                return None
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
            self._frames[id(frame)] = frame
            return local

        self._before = sys.gettrace()
        self._armed = True
        for each in _stack(frame):
            if stops(each.f_code) is not None:
                each.f_trace = local
                each.f_trace_lines, each.f_trace_opcodes = False, True
                self._frames[id(each)] = each
        sys.settrace(at_call)

    def disarm(self) -> None:
        """See `Stopper`."""
        if not self._armed:
            return
        self._armed = False
        sys.settrace(self._before)
        for frame in self._frames.values():
            _untrace(frame)
            if frame is not self._visited:
                frame.f_locals.clear()
        self._frames.clear()


class _Emptied:
    """Empties the dict of a frame's variables as soon as its trace function has returned, which is when this one goes.

    Not earlier: what stands in the dict by then is written back into the frame. A frame lets go of its old trace
    function just after that.
    """

    __slots__ = ("_variables",)

    def __init__(self, variables: dict[str, Any]) -> None:
        self._variables = variables

    def __call__(self, _frame: FrameType, _event: str, _argument: Any) -> None:
        """Is never called: another one takes its place."""

    def __del__(self) -> None:
        self._variables.clear()


def _over(_frame: FrameType, _event: str, _argument: Any) -> None:
    """The trace function of a frame that is not traced any more."""


def _untrace(frame: FrameType) -> None:
    frame.f_trace = None
    frame.f_trace_lines, frame.f_trace_opcodes = True, False


def stopper() -> Stopper:
    """Returns the way that this Python has."""
    return Monitoring() if MONITORING else Tracing()

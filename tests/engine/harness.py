"""Runs a program plain, then with a stop at every statement, and goes on from every stop in a fresh program.

Each run gives an outcome: result or exception with its chain and lines, and the log of what it did (`log`, the one
global that the programs append to; it is part of the state that travels).
"""

from __future__ import annotations

import linecache
import sys
import traceback
import types
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from devices.errors import CannotStopError, MidstreamError
from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.python.values import from_cbor
from devices.runtime.source import Source

EXTRA_FRAMES = ("<listcomp>", "<setcomp>", "<dictcomp>") if sys.version_info >= (3, 12) else ()
"""From 3.12 on comprehensions have no frame of their own; those that may stop have one in normal form."""

LATE_LINES = sys.version_info < (3, 12)
"""3.11 stores and loads in one instruction when code has become warm, and says the line of the store if it is the load
that fails: the line of an unbound variable can change between two runs of plain Python."""


@dataclass
class Outcome:
    """What a run did."""

    result: str
    error: list[str]
    log: list[str]


@dataclass
class Report:
    """What an exercise found."""

    stops: int = 0
    taken: int = 0
    equal: int = 0
    different: list[str] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)


def source_of(text: str, name: str = "program") -> Source:
    return Source(name, {f"{name}.py": text})


def described(error: BaseException | None, filename: str) -> list[str]:
    """The chain of an exception: types, texts and the lines of the program."""
    found: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        lines = [
            f"{entry.name}:{entry.lineno}"
            for entry in traceback.extract_tb(error.__traceback__)
            if entry.filename == filename and entry.name not in EXTRA_FRAMES
        ]
        kind = type(error).__name__
        if isinstance(error, UnboundLocalError):
            kind, lines = "NameError", lines[: -1 if LATE_LINES else None]
        text = str(error) if kind != "NameError" else ""
        found.append(f"{kind}({text}) {' '.join(lines)} suppress={error.__suppress_context__}")
        error = error.__cause__ or error.__context__
    return found


_CLOSED = repr("over")


def outcome(run: Callable[[], Any], namespace: dict[str, Any], filename: str) -> Outcome:
    """Runs; of a run that ends with an exception what it did until then, not what dies with the exception's frames.

    Generators that only these frames hold close when the exception goes. A traceback that has travelled holds none: there
    they close when the function ends. They say `_CLOSED`, so the end of the log must not tell the two apart.
    """
    try:
        result = shown(run())
    except Exception as raised:
        log = logged(namespace)
        while log and log[-1] == _CLOSED:
            log.pop()
        return Outcome("", described(raised, filename), log)
    return Outcome(result, [], logged(namespace))


def logged(namespace: dict[str, Any]) -> list[str]:
    return [shown(item) for item in namespace.get("log", [])]


def shown(value: Any) -> str:
    text = repr(value)
    return text if " at 0x" not in text else text.partition(" at 0x")[0]


def plain(source: Source, function: str = "main", args: tuple[Any, ...] = ()) -> Outcome:
    module = types.ModuleType(source.module)
    namespace = vars(module)
    text = source.files[source.main_file]
    linecache.cache[source.main_file] = (len(text), None, text.splitlines(keepends=True), source.main_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, source.module, module)  # where `enum.global_enum` looks for it
        exec(compile(text, source.main_file, "exec", dont_inherit=True), namespace)
        return outcome(lambda: namespace[function](*args), namespace, source.main_file)


class EveryStop:
    """Asks for the next stop as soon as one was taken."""

    def __init__(self, execution: Execution, every: int, most: int) -> None:
        self.execution = execution
        self.images: list[Image] = []
        self.logs: list[list[str]] = []  # what had been noted since import, where that does not travel
        self.noted_by_import = len(execution.program.namespace.get("log", []))
        self.refusals: list[MidstreamError] = []
        self.every = every
        self.most = most
        self.count = 0
        self.ask()

    def ask(self) -> None:
        self.execution.request(self.take, self.refuse, limit=1000.0)

    def take(self, image: Image) -> None:
        self.count += 1
        if self.count % self.every == 0 and len(self.images) < self.most:
            self.images.append(image)
            travels = [name for _, name in from_cbor(image.data)["state"]]
            log = self.execution.program.namespace.get("log", [])
            self.logs.append([] if "log" in travels else [shown(item) for item in log[self.noted_by_import :]])
        self.ask()

    def refuse(self, error: MidstreamError) -> None:
        if not (isinstance(error, CannotStopError) and "came to its end" in error.message):
            self.refusals.append(error)
            self.ask()


def captured(
    execution: Execution, run: Callable[[], Any], every: int = 1, most: int = 400
) -> tuple[EveryStop, Outcome]:
    """Runs with a capture at every stop."""
    stops = EveryStop(execution, every, most)
    program = execution.program
    return stops, outcome(run, program.namespace, program.source.main_file)


def exercise(
    source: Source,
    function: str = "main",
    args: tuple[Any, ...] = (),
    *,
    every: int = 1,
    most: int = 400,
    generations: int = 1,
    library: Library | None = None,
) -> Report:
    library = library or Library()
    report = Report()
    expected = plain(source, function, args)
    execution = Execution(Program.load(source, library=library))
    normal = outcome(lambda: execution.start(function, list(args), {}), execution.program.namespace, source.main_file)
    compare(report, "normal form", expected, normal)
    execution = Execution(Program.load(source, library=library))
    stops, live = captured(execution, lambda: execution.start(function, list(args), {}), every, most)
    compare(report, "captured live", expected, live)
    report.stops += stops.count + len(stops.refusals)
    report.stops += execution.passed_by.total()
    report.passed.update(execution.passed_by)
    for error in stops.refusals:
        report.passed[f"{type(error).__name__}: {error}"] += 1
    _resume_all(report, source, stops, expected, library, generations)
    return report


def _resume_all(
    report: Report, source: Source, stops: EveryStop, expected: Outcome, library: Library, generations: int
) -> None:
    for image, log in zip(stops.images, stops.logs, strict=True):
        report.taken += 1
        execution = Execution(Program.load(source, library=library))
        label = f"resumed at {image.place.function}:{image.place.line} {image.place.statement!r}"

        def run(execution: Execution = execution, data: bytes = image.data) -> Any:
            return execution.resume(data)

        if generations > 1:
            inner, found = captured(execution, run, every=3, most=4)
            inner.logs = [[*log, *each] for each in inner.logs]
            _resume_all(report, source, inner, expected, library, generations - 1)
        else:
            found = outcome(run, execution.program.namespace, source.main_file)
        at = noted_by_import(source)
        found.log[at:at] = log
        if compare(report, label, expected, found):
            report.equal += 1


def noted_by_import(source: Source) -> int:
    return len(Program.load(source, library=Library()).namespace.get("log", []))


def compare(report: Report, label: str, expected: Outcome, found: Outcome) -> bool:
    if found == expected:
        return True
    report.different.append(f"{label}:\n  expected {expected}\n  got      {found}")
    return False

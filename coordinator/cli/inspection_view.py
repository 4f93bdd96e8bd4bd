"""`midstream inspect` for people: facts, the stopped function as a traceback with values, mailbox, outputs.

On a terminal no line is longer than it is wide: what is long goes on below itself. In a pipe nothing is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from coordinator.cli import render, wording
from coordinator.cli.documents import (
    InspectedException,
    InspectedFrame,
    InspectedMessage,
    InspectedPlace,
    InspectedVariable,
    Inspection,
)
from devices.errors import printable

_WIDEST_NAME: Final = 20
_ROLES: Final = {
    "handled": "handling",
    "pending": "to be raised when its finally ends:",
    "cause": "caused by",
    "context": "raised while handling",
}


def show(inspection: Inspection, *, source: bool = False) -> None:
    """Writes it to stdout, on request with the whole source."""
    page = _Page(render.console())
    _facts(page, inspection)
    for name, text in inspection.files.items() if source else ():
        page.heading(name)
        page.source(text, _lines_in(name, inspection))
    if inspection.frames:
        page.heading("stopped (most recent call last):")
    for frame in inspection.frames:
        _frame(page, frame)
    if inspection.globals or inspection.deleted:
        page.heading("globals that are not as import makes them:")
        page.values([(f"{each.module}.{each.name}", each.value) for each in inspection.globals], indent=2)
        page.values([(name, "deleted") for name in inspection.deleted], indent=2)
    if inspection.process:
        page.heading("what it has changed in its process:")
        page.values(_pairs(inspection.process), indent=2)
    _mail(page, inspection)


class _Page:
    """Lines of a terminal's width, or of any in a pipe."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen

    def line(self, head: str | Text, body: str | Text = "", *, indent: int = 0) -> None:
        """Writes ``head`` and ``body``; what is too long for the width goes on below ``body``."""
        head, body = Text(" " * indent) + render.text(head), render.text(body)
        if not self._screen.is_terminal:
            self._screen.print(head + body, soft_wrap=True)
            return
        width = self._screen.width
        margin, first = head.cell_len, [head]
        if not body or margin > width * 2 // 3:
            margin = indent + 4
            first = list(head.wrap(self._screen, width))
        parts = list(body.wrap(self._screen, max(width - margin, 1))) if body else []
        if parts and margin == head.cell_len:
            first = [head + parts.pop(0)]
        for part in (*first, *(Text(" " * margin) + part for part in parts)):
            part.rstrip()
            self._screen.print(part, no_wrap=True)

    def blank(self) -> None:
        """Writes an empty line."""
        self._screen.print()

    def heading(self, words: str) -> None:
        """Writes a heading, apart from what is above."""
        self.blank()
        self.line(Text(printable(words), style="bold"))

    def values(self, named: Sequence[tuple[str, str]], *, indent: int) -> None:
        """Writes names and values."""
        width = min(max((len(name) for name, _ in named), default=0), _WIDEST_NAME)
        for name, value in named:
            self.line(Text(f"{printable(name):{width}}", style="cyan") + Text(" = "), value, indent=indent)

    def source(self, text: str, lines: set[int]) -> None:
        """Writes a file: on a terminal coloured; in a pipe with an arrow, so that the place is not lost."""
        if self._screen.is_terminal:
            syntax = Syntax(
                text, "python", line_numbers=True, highlight_lines=lines, background_color="default", word_wrap=True
            )
            self._screen.print(syntax)
            return
        for number, line in enumerate(text.splitlines(), start=1):
            self.line(f"{'->' if number in lines else '  '} {number:4} {line}")


def _facts(page: _Page, inspection: Inspection) -> None:
    for name, value in (
        ("checkpoint", inspection.checkpoint),
        ("instance", f"{inspection.instance}, epoch {inspection.epoch}"),
        ("parent", inspection.parent or "none: the first of its lineage"),
        ("made", f"{wording.clock(inspection.created)} on {inspection.hub}, {inspection.reason}"),
        ("size", wording.size(inspection.bytes)),
        ("signature", inspection.signature),
        ("function", f"{inspection.function}({_arguments(inspection)})"),
        ("engine", inspection.engine),
        ("stands at", f"{inspection.line}  {inspection.statement}" if inspection.line else "not started yet"),
        *([("waits for", inspection.waiting)] if inspection.waiting else []),
    ):
        page.line(Text(f"{name:12}", style="dim"), value)


def _arguments(inspection: Inspection) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in inspection.arguments.items())


def _lines_in(name: str, inspection: Inspection) -> set[int]:
    places = (place.rpartition(":") for place in (inspection.line, *(frame.line for frame in inspection.frames)))
    return {int(line) for file, _, line in places if file == name and line.isdecimal()}


def _frame(page: _Page, frame: InspectedFrame) -> None:
    _place(page, frame, indent=2)
    page.values(_pairs(frame.variables), indent=6)
    for loop in frame.loops:
        page.line(Text("in a loop over ", style="dim"), loop, indent=6)
    if frame.waiting:
        page.line(Text("waiting in ", style="dim"), frame.waiting, indent=6)
    for exception in frame.exceptions:
        _exception(page, exception)


def _place(page: _Page, place: InspectedFrame | InspectedPlace, *, indent: int) -> None:
    file, _, number = place.line.rpartition(":")
    page.line(
        Text(f'File "{printable(file)}", line {number}, in {printable(place.function)}', style="bold"), indent=indent
    )
    if place.statement:
        page.line(place.statement, indent=indent + 2)


def _exception(page: _Page, exception: InspectedException) -> None:
    page.line(Text(f"{_ROLES[exception.role]} ", style="dim"), Text(printable(exception.value), style="red"), indent=6)
    middle = len(exception.traceback) // 2
    for number, entry in enumerate(exception.traceback):
        if exception.left_out and number == middle:
            page.line(Text(f"... {exception.left_out} more ...", style="dim"), indent=8)
        _place(page, entry, indent=8)


def _pairs(variables: Iterable[InspectedVariable]) -> list[tuple[str, str]]:
    return [(variable.name, variable.value) for variable in variables]


def _mail(page: _Page, inspection: Inspection) -> None:
    unread = f"{len(inspection.unread)} unread of {inspection.arrivals}, {inspection.dropped} dropped"
    page.heading(f"mailbox: {unread}")
    for subscription in inspection.subscriptions:
        newest = " (only the newest of each topic)" if subscription.latest_only else ""
        page.line("subscribed to ", f"{', '.join(subscription.filters)}{newest}")
    _messages(page, inspection.unread)
    if inspection.outputs:
        page.heading(f"outputs that had not left: {len(inspection.outputs)}")
        _messages(page, inspection.outputs)


def _messages(page: _Page, messages: Iterable[InspectedMessage]) -> None:
    for message in messages:
        number = f"{message.sequence}  " if message.sequence is not None else ""
        kept = ", retained" if message.retain else ""
        payload = message.payload.replace("\n", "\\n")
        page.line(f"{number}{message.topic}  ", f"{payload}  (QoS {message.qos}{kept})", indent=2)

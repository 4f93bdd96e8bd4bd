"""`midstream inspect` for people: facts, the source with the lines where it stands, frames, mailbox, outputs."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from coordinator.cli import render, wording
from coordinator.cli.documents import InspectedFrame, InspectedMessage, Inspection


def show(inspection: Inspection) -> None:
    """Writes it to stdout."""
    screen = render.console()
    render.facts(
        (
            ("checkpoint", inspection.checkpoint),
            ("instance", f"{inspection.instance}, epoch {inspection.epoch}"),
            ("parent", inspection.parent or "none: the first of its lineage"),
            ("made", f"{wording.clock(inspection.created)} on {inspection.hub}, {inspection.reason}"),
            ("size", wording.size(inspection.bytes)),
            ("signature", inspection.signature),
            ("function", f"{inspection.function}({_arguments(inspection)})"),
            ("engine", inspection.engine),
            ("stands at", f"{inspection.line}  {inspection.statement}" if inspection.line else "not started yet"),
        )
    )
    for name, source in inspection.files.items():
        _heading(screen, name)
        screen.print(_source(screen, source, _lines_in(name, inspection)), soft_wrap=not screen.is_terminal)
    for frame in inspection.frames:
        _heading(screen, f"{frame.function}  {frame.line}  {frame.statement}")
        _variables(frame)
    _heading(screen, f"mailbox: {len(inspection.unread)} unread of {inspection.arrivals}, {inspection.dropped} dropped")
    for subscription in inspection.subscriptions:
        newest = " (only the newest of each topic)" if subscription.latest_only else ""
        render.line(f"subscribed to {', '.join(subscription.filters)}{newest}")
    _messages(inspection.unread)
    if inspection.outputs:
        _heading(screen, f"outputs that had not left: {len(inspection.outputs)}")
        _messages(inspection.outputs)


def _heading(screen: Console, words: str) -> None:
    screen.print(Text(f"\n{words}", style="bold"), soft_wrap=True)


def _arguments(inspection: Inspection) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in inspection.arguments.items())


def _lines_in(name: str, inspection: Inspection) -> set[int]:
    places = (place.rpartition(":") for place in (inspection.line, *(frame.line for frame in inspection.frames)))
    return {int(line) for file, _, line in places if file == name and line.isdecimal()}


def _source(screen: Console, source: str, lines: set[int]) -> Syntax | Text:
    """On a terminal coloured; in a pipe with an arrow, so that the place is not lost."""
    if screen.is_terminal:
        return Syntax(source, "python", line_numbers=True, highlight_lines=lines, background_color="default")
    numbered = enumerate(source.splitlines(), start=1)
    return Text("\n".join(f"{'->' if number in lines else '  '} {number:4} {line}" for number, line in numbered))


def _variables(frame: InspectedFrame) -> None:
    width = max((len(variable.name) for variable in frame.variables), default=0)
    for variable in frame.variables:
        render.line(f"  {variable.name.ljust(width)} = {variable.value}  ({variable.type})")


def _messages(messages: Iterable[InspectedMessage]) -> None:
    for message in messages:
        number = f"{message.sequence}  " if message.sequence is not None else ""
        kept = ", retained" if message.retain else ""
        render.line(f"  {number}{message.topic}  {message.payload}  (QoS {message.qos}{kept})")

"""The live view: hubs with their bars, instances, events. It draws a `Picture`; it holds no state of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from coordinator.cli import showing, wording
from coordinator.cli.picture import HubPicture, Picture
from coordinator.cli.render import Column, fitted, text
from devices.errors import printable
from devices.protocol.messages import HubMetrics, InstanceState, MoveReport

BAR: Final = 12  # characters
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_HOTTEST: Final = 100.0
"""Degrees Celsius at the end of the bar: where processors of small computers shut down."""


def bar(value: float | None, full: float = 100.0, *, words: str = "", width: int = BAR) -> Text:
    """A horizontal bar with its value behind it; green, then yellow from 65 %, red from 85 %."""
    if value is None:
        return Text(wording.NOTHING, style="dim")
    share = min(max(value / full, 0.0), 1.0)
    eighths = round(share * width * 8)
    drawn = _EIGHTHS[8] * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    style = "green" if share < 0.65 else "yellow" if share < 0.85 else "red"
    return Text(drawn.ljust(width), style=f"{style} on grey15") + Text(f" {words}")


def sparkline(values: Iterable[float], low: float, high: float, width: int) -> Text:
    """The newest ``width`` values as a line of blocks between ``low`` and ``high``."""
    span = (high - low) or 1.0
    steps = (min(max((value - low) / span, 0.0), 1.0) for value in list(values)[-width:])
    return Text("".join(_LEVELS[round(step * (len(_LEVELS) - 1))] for step in steps))


_HUBS: Final = tuple(map(Column, ("hub", "state", "cpu", "memory", "temperature", "load", "agent")))


def hubs_table(hubs: dict[str, HubPicture]) -> Table:
    """The hubs: state and bars."""
    rows = []
    for name in sorted(hubs):
        hub = hubs[name]
        cells = [Text(name, style="bold"), showing.state(hub.status.state if hub.status else "silent")]
        cells += _metrics_cells(hub.metrics) if hub.metrics else [Text(wording.NOTHING, style="dim")] * 5
        rows.append(cells)
    return fitted(_HUBS, rows)


def _metrics_cells(metrics: HubMetrics) -> list[Text]:
    return [
        bar(metrics.cpu, words=wording.percent(metrics.cpu)),
        bar(metrics.memory, words=wording.percent(metrics.memory)),
        bar(metrics.temperature, _HOTTEST, words=wording.degrees(metrics.temperature)),
        Text(f"{metrics.load:.2f}"),
        Text(wording.size(metrics.agent_memory)),
    ]


_INSTANCES: Final = (
    *map(Column, ("function", "hub", "state", "line")),
    Column("waiting for", flexible=True),
    Column("status", flexible=True),
    Column("lag", right=True),
    Column("last move"),
)


def instances_table(instances: dict[str, InstanceState], moves: dict[str, MoveReport]) -> Table:
    """The instances: where they are, at which line, what they wait for, and what the last move took."""
    rows = []
    for name in sorted(instances):
        instance, move = instances[name], moves.get(name)
        status = " ".join(filter(None, (instance.text, wording.pairs(instance.values))))
        moved = (
            f"{move.source} > {move.destination} {wording.milliseconds(move.downtime_ms)}"
            if move and move.source
            else ""
        )
        rows.append(
            [
                Text(name, style="bold"),
                text(instance.hub),
                showing.state(instance.state),
                text(instance.line),
                text(instance.waiting),
                text(status),
                text(str(instance.lag)),
                text(moved),
            ]
        )
    return fitted(_INSTANCES, rows)


def events_lines(picture: Picture, count: int) -> Group:
    """The newest events, the newest last."""
    newest = list(picture.events)[-count:] if count > 0 else []
    lines = [showing.event_line(event) for event in newest]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines) if lines else Group(Text("none yet", style="dim"))


def view(picture: Picture, *, title: str, footer: Iterable[str], height: int) -> RenderableType:
    """The whole screen, ``height`` lines of it: events take what hubs and instances leave."""
    hubs, instances = picture.hubs, picture.instances
    used = max(len(hubs), 1) + max(len(instances), 1) + 2 * 3 + 3 + 1  # tables with frame and head, frame, footer
    coordinator = picture.coordinator
    attention = (
        [Text(f"! {printable(sentence)}", style="yellow") for sentence in coordinator.attention] if coordinator else []
    )
    state = coordinator.state if coordinator else "silent"
    return Group(
        _panel(hubs_table(hubs), Text.assemble("hubs  coordinator ", showing.state(state))),
        _panel(
            instances_table(instances, picture.moves)
            if instances
            else Text("nothing runs; in another terminal: midstream run FILE", style="dim"),
            Text("functions"),
        ),
        *attention,
        _panel(events_lines(picture, max(height - used - len(attention), 1)), Text("events")),
        Text("  ".join((title, *footer)), style="dim", no_wrap=True, overflow="ellipsis"),
    )


def _panel(content: RenderableType, title: Text) -> Panel:
    return Panel(content, title=title, title_align="left", box=box.ROUNDED, border_style="grey37", padding=(0, 1))

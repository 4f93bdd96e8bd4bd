"""What the demo tells while it happens: a line for each step, and below them the hubs' temperatures as they are."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from coordinator.cli import live, wording
from coordinator.cli.documents import Proof
from coordinator.cli.evidence import Evidence, holds
from coordinator.cli.picture import Picture
from devices.errors import printable
from devices.protocol.commands import Restore
from devices.protocol.messages import CheckpointSummary, Event, MoveReport
from devices.simulators import heat

THRESHOLD: Final = 75.0
"""Degrees Celsius that the demo's rule watches for."""
_SPARKLINE: Final = 24
_CLOCK: Final = 6
_HEAD: Final = 9


class Story:
    """Tells the demo on a console.

    Args:
        console: where; ``None`` tells nothing (``--json``).
    """

    def __init__(self, console: Console | None) -> None:
        self.screen = console
        self._began = time.monotonic()

    def tell(self, head: str, text: Text | str, style: str = "") -> None:
        """One line: seconds since the start, what it is about, what happened."""
        if self.screen is None:
            return
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=_CLOCK, justify="right", style="dim")
        line.add_column(width=_HEAD, style="bold")
        line.add_column(overflow="fold")
        said = text if isinstance(text, Text) else Text(printable(text), style=style)
        line.add_row(f"{time.monotonic() - self._began:.1f} s", head, said)
        self.screen.print(line)

    def crossed(self, hub: str, temperatures: Iterable[float]) -> None:
        """The metric has crossed its threshold."""
        curve = live.sparkline(temperatures, heat.COOL, heat.HOT, _SPARKLINE)
        *_, newest = temperatures
        words = Text.assemble((f"{wording.degrees(newest)} ", "red"), curve, f"  above {wording.degrees(THRESHOLD)}")
        self.tell(hub, words)

    def event(self, event: Event) -> None:
        """The rule has fired."""
        self.tell("event", Text(printable(f"{event.rule}: {event.why}"), style="bold red"))
        self.tell("", event.did)

    def captured(self, summary: CheckpointSummary) -> None:
        """The function was stopped: where, in which frames, with which variables."""
        self.tell("captured", Text.assemble(("at ", ""), (summary.line, "yellow"), f"  {printable(summary.statement)}"))
        frames = " > ".join(summary.frames)
        names = ", ".join(f"{variable.name}: {variable.type}" for variable in summary.variables)
        self.tell("", f"frames {frames}" if frames else "")
        self.tell("", f"variables {names}", "dim")
        self.tell("blob", f"{wording.size(summary.bytes)} of CBOR, signed by {summary.hub}")
        self.tell("lineage", f"{summary.checkpoint}, child of {summary.parent or 'none'}, epoch {summary.epoch}")

    def restored(self, hub: str, command: Restore) -> None:
        """The restore command, as it was seen on the broker."""
        text = f"restore {command.checkpoint} on {hub}, claim for epoch {command.epoch} signed by the coordinator"
        self.tell("command", text)

    def moved(self, move: MoveReport) -> None:
        """The function goes on."""
        self.tell("running", Text(f"{move.instance} goes on at {move.destination}", style="bold green"))
        self.tell("gap", f"{wording.milliseconds(move.downtime_ms)} without a running statement")
        self.tell("", f"{wording.phases(move.phases)}  (ms)", "dim")

    def finished(self, hub: str, result: Any) -> None:
        """The function has returned."""
        self.tell("finished", f"on {hub}")
        totals = result.get("totals", {}) if isinstance(result, dict) else {}
        for device, total in totals.items():
            self.tell("totals", f"{device}: " + ", ".join(f"{name} {value:.10g}" for name, value in total.items()))

    def proved(self, proof: Proof) -> None:
        """The end: one line that says it all."""
        yes = "yes" if proof.equal else "NO"
        line = (
            f"moved {proof.moved}   sent {proof.sent}   applied {proof.applied}   missing {proof.missing}   "
            f"twice {proof.doubled}   equal to the unmoved run: {yes}   gap {wording.milliseconds(proof.downtime_ms)}"
        )
        self.tell("proof", Text(line, style="bold green" if holds(proof) else "bold red"))


def now_drawing(picture: Picture, evidence: Evidence, hubs: list[str], instance: str) -> RenderableType:
    """The lines below the story: each hub's temperature, and the function's numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    state = picture.instances.get(instance)
    for name in hubs:
        hub = picture.hubs.get(name)
        temperature = hub.metrics.temperature if hub and hub.metrics else None
        history = live.sparkline(hub.temperatures if hub else (), heat.COOL, heat.HOT, _SPARKLINE)
        history.stylize("red" if temperature is not None and temperature > THRESHOLD else "green")
        here = f"<- {instance}" if state is not None and state.hub == name and state.state != "finished" else ""
        table.add_row(Text(name, style="bold"), wording.degrees(temperature), history, Text(here, style="cyan"))
    sent, applied = evidence.sent.total(), evidence.applied.total()
    return Group(Text(), table, Text(f"readings: sent {sent}, applied {applied}", style="dim"))

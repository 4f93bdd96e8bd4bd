"""`triggers`: what is started by messages and times, when next, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from coordinator.cli.options import COMMON, target

if TYPE_CHECKING:
    from rich.text import Text

    from coordinator.views.trigger_rows import TriggerRow


@click.command(
    epilog="\b\nExamples:\n  midstream triggers\n  midstream triggers lights\n"
    "  midstream triggers --json | jq '.[] | select(.missed > 0)'"
)
@click.argument("trigger", required=False, default="")
@COMMON
def triggers(trigger: str, **given: Any) -> None:
    """What is started by messages and times: when next, what runs, what waits, what was missed or left out.

    `midstream run FILE` makes one of a function with on=, every=, at= or cron=. `suspend`, `resume`, `upgrade` and `stop`
    take its name as they take an instance's.
    """
    from coordinator.cli.requests import ask
    from coordinator.views.answers import TriggersAsk

    whom = target(given)
    rows = ask(whom, "triggers", TriggersAsk(trigger=trigger))
    from coordinator.cli import render

    if whom.as_json:
        render.json_document(rows)
    elif trigger:
        for row in rows:
            render.facts(facts(row))
    elif rows:
        show(rows)
    else:
        render.line('nothing is started by a trigger: write one, as in @function(every="15m"), and midstream run FILE')


def show(rows: list[TriggerRow]) -> None:
    """Prints triggers as a table."""
    from coordinator.cli import render
    from coordinator.cli.render import Column

    columns = (
        Column("trigger"),
        Column("starts", flexible=True),
        Column("next", right=True),
        Column("runs", flexible=True),
        Column("waiting", right=True),
        Column("last", flexible=True),
        Column("left out", right=True),
        Column("note", flexible=True),
    )
    render.table(columns, map(_cells, rows))


def _cells(row: TriggerRow) -> list[Text | str]:
    from coordinator.cli import wording

    return [
        row.trigger + (" (suspended)" if row.state == "suspended" else ""),
        row.starts,
        wording.clock(row.due) if row.due else wording.NOTHING,
        ", ".join(row.running) or wording.NOTHING,
        str(row.waiting),
        f"{row.last}: {row.last_state}" if row.last else wording.NOTHING,
        str(row.ignored + row.dropped),
        row.waits_for or row.note or wording.NOTHING,
    ]


_MODES: Final = {
    "single": "one run at a time; what comes meanwhile is left out",
    "restart": "one run at a time; what comes meanwhile takes its place",
    "queued": "one run after the other",
    "parallel": "side by side",
}


def facts(row: TriggerRow) -> Iterator[tuple[str, Text | str]]:
    """All about one trigger."""
    from coordinator.cli import showing, wording

    yield "trigger", row.trigger
    yield "function", row.function + (f", declared in {row.declared}/functions.toml" if row.declared else "")
    yield "state", f"{row.state} for {wording.since(row.since)}"
    yield "starts", row.starts
    yield "next", wording.clock(row.due) if row.due else ""
    yield "runs are", _MODES[row.mode] + (f", at most {row.limit}" if row.limit else "")
    yield "hub", row.hub
    yield "running", ", ".join(row.running)
    yield "waiting", str(row.waiting) if row.waiting else ""
    yield "in the way", row.waits_for
    yield "so far", f"{row.started} started, {row.failed} failed, {row.ignored} left out, {row.dropped} dropped"
    yield "missed", f"{row.missed}" if row.missed else ""
    yield "note", row.note
    if row.last and row.last_state:
        yield "last run", showing.state(row.last_state) + f" {row.last}, {wording.since(row.last_since)} ago"
    yield "reason", row.last_reason

"""`hubs`: what is there, and how it is."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli.options import COMMON, target


@click.command(epilog="\b\nExamples:\n  midstream hubs\n  midstream hubs nas --json | jq '.[0].temperature'")
@click.argument("hub", required=False, default="")
@COMMON
def hubs(hub: str, **given: Any) -> None:
    """Which hubs there are, what they run, how hot and how full they are; with HUB everything about one."""
    from coordinator.cli.requests import ask
    from coordinator.views.answers import HubsAsk

    whom = target(given)
    rows = ask(whom, "hubs", HubsAsk(hub=hub))
    from coordinator.cli import render, showing

    if whom.as_json:
        render.json_document(rows)
    elif hub:
        for row in rows:
            render.facts(showing.hub_facts(row))
    elif rows:
        render.table(showing.HUB_COLUMNS, map(showing.hub_cells, rows))
    else:
        render.line("no hub has ever been here; start one on each machine: midstream hub --name NAME")

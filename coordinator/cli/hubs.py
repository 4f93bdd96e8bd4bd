"""`hubs`: what is there, and how it is."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli.options import COMMON, Target, target


@click.command(
    epilog="\b\nExamples:\n  midstream hubs\n  midstream hubs nas --json | jq '.[0].temperature'\n"
    "  midstream hubs nas --if-lost"
)
@click.argument("hub", required=False, default="")
@click.option("--if-lost", is_flag=True, help="What would go where if HUB were gone now, and what would be lost.")
@COMMON
def hubs(hub: str, *, if_lost: bool, **given: Any) -> None:
    """Which hubs there are, what they run, how hot and how full they are; with HUB everything about one."""
    from coordinator.cli.requests import ask
    from coordinator.views.answers import HubsAsk

    whom = target(given)
    if if_lost:
        _if_lost(whom, hub)
        return
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


def _if_lost(whom: Target, hub: str) -> None:
    from coordinator.cli.requests import ask
    from coordinator.views.answers import IfLostAsk
    from devices.errors import UsageError

    if not hub:
        raise UsageError("--if-lost is about one hub", remedy="name it: midstream hubs nas --if-lost")
    rows = ask(whom, "if-lost", IfLostAsk(hub=hub))
    from coordinator.cli import render, showing

    if whom.as_json:
        render.json_document(rows)
    elif rows:
        render.table(showing.IF_LOST_COLUMNS, map(showing.if_lost_cells, rows))
    else:
        render.line(f"{hub} holds no function: nothing would be lost")

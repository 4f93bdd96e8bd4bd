"""`midstream up`: the whole system on this machine, left running, with a live view."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from coordinator.cli.options import COMMON

if TYPE_CHECKING:  # `midstream up --help` must not pay for MQTT
    from coordinator.cli.installation import Installation, Plan

USUAL_PORT: Final = 1883


@click.command(
    epilog="\b\nExamples:\n  midstream up\n  midstream up --hubs 3\n"
    "  midstream up --broker mqtt://user:password@mqtt.lan:1883"
)
@click.option("--hubs", metavar="N", type=click.IntRange(1, 8), default=2, help="How many hubs (2): hub-a, hub-b ...")
@click.option("--embedded", is_flag=True, help="The broker from the wheel, even where a Mosquitto is installed.")
@click.option("--port", type=click.IntRange(1, 65535), default=USUAL_PORT, help="Of the broker that is started (1883).")
@click.option(
    "--rules",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Threshold rules, TOML files.",
)
@click.option(
    "--functions",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What runs always, functions.toml and its sources.",
)
@click.option(
    "--folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything is kept (the user's data folder), for the next 'up' to go on with.",
)
@COMMON
def up(
    *,
    hubs: int,
    embedded: bool,
    port: int,
    rules: Path | None,
    functions: Path | None,
    folder: Path | None,
    **given: Any,
) -> int:
    """Starts a broker (unless --broker names yours), the coordinator and hubs, and shows what happens; q leaves.

    Functions that run when you leave go on with the next 'midstream up'. In another terminal 'midstream ps' finds it.
    """
    from coordinator.cli.folders import data_folder, running_here
    from coordinator.cli.installation import HubPlan, Plan
    from coordinator.cli.options import one_broker, target
    from coordinator.cli.running import run_to_the_end
    from devices.errors import RefusedError, UsageError

    whom = target(given)
    if whom.as_json:
        raise UsageError("'up' has no JSON", remedy="ask beside it: midstream ps --json, midstream events -f --json")
    there = running_here()
    if there is not None:
        raise RefusedError(
            f"'midstream up' runs here already, on {there}", remedy="leave it with q, or ask it: midstream ps"
        )
    plan = Plan(
        folder=folder or data_folder(),
        prefix=whom.prefix,
        hubs=tuple(HubPlan(f"hub-{'abcdefgh'[number]}", ("--metrics-every", "1s")) for number in range(hubs)),
        broker=one_broker(whom, embedded=embedded),
        embedded=embedded,
        port=port,
        coordinator_options=(
            *(("--rules", str(rules.resolve())) if rules else ()),
            *(("--functions", str(functions.resolve())) if functions else ()),
        ),
    )
    return run_to_the_end(_up(plan))


async def _up(plan: Plan) -> int:
    from coordinator.cli.folders import announced
    from coordinator.cli.installation import Installation, broker_for
    from coordinator.cli.picture import Picture
    from coordinator.cli.running import beside

    plan.folder.mkdir(parents=True, exist_ok=True)
    with broker_for(plan) as (address, broker), announced(address):
        installation = Installation(plan, address, broker, Picture(plan.prefix))
        try:
            installation.start_parts()
            await beside(_shown(installation), installation.watch(), installation.guard())
        finally:
            await installation.stop()
    return 0


async def _shown(installation: Installation) -> None:
    import asyncio

    from coordinator.cli import live, render, screen

    console = render.console()
    where = f"{installation.broker} at {installation.address}"
    if not console.is_terminal:
        await _told(installation, where)
        return
    left = asyncio.Event()

    def draw() -> Any:
        footer = ("q leaves", "another terminal: midstream ps, run, migrate")
        return live.view(installation.picture, title=where, footer=footer, height=console.height)

    with screen.keys(lambda key: left.set() if key in "qQ" else None):
        async with screen.drawn(console, draw, whole_screen=True):
            await left.wait()


async def _told(installation: Installation, where: str) -> None:
    """Without a terminal: a line for each thing that happens, until a signal ends us."""
    from coordinator.cli import render, showing

    render.line(f"broker: {where}")
    await installation.until(installation.ready, "coordinator and hubs did not come")
    render.line(f"ready: {', '.join(hub.name for hub in installation.plan.hubs)}")
    seen = 0
    while True:
        fresh = installation.picture.heard - seen
        for event in list(installation.picture.events)[-fresh:] if fresh else ():
            render.line(showing.event_line(event))
        seen = installation.picture.heard
        installation.changed.clear()
        await installation.changed.wait()

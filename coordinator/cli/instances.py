"""`ps`, and what can be done to a running instance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.options import COMMON, target
from devices.errors import RefusedError

if TYPE_CHECKING:  # `midstream suspend --help` must not pay for MQTT
    from coordinator.views.answers import InstanceAsk


@click.command(
    epilog="\b\nExamples:\n  midstream ps\n  midstream ps washer\n  midstream ps --all --json | jq '.[].state'"
)
@click.argument("instance", required=False, default="")
@click.option("--all", "ended", is_flag=True, help="Also those that finished, failed or were stopped.")
@click.option("--local", is_flag=True, help="What the hubs of this machine hold, asked of themselves.")
@COMMON
def ps(instance: str, *, ended: bool, local: bool, **given: Any) -> None:
    """Which functions run where, since when, and what they wait for; with INSTANCE everything about one.

    Below stands what is started by messages and times, which `midstream triggers` tells alone.

    With --local no coordinator and no broker is needed: the hubs of this machine are asked, or the one of --config; of a
    hub that does not run, its spool says what it will go on from.
    """
    if local:
        _local(target(given).as_json, given.get("config"), instance)
        return
    from coordinator.cli.requests import ask
    from coordinator.cli.triggers import show
    from coordinator.views.answers import PsAsk, TriggersAsk

    whom = target(given)
    try:
        rows = ask(whom, "ps", PsAsk(instance=instance, ended=ended))
    except RefusedError:
        if not any(it.trigger == instance for it in ask(whom, "triggers", TriggersAsk())):
            raise
        raise RefusedError(
            f"{instance} is a trigger: it holds nothing between its runs", remedy=f"midstream triggers {instance}"
        ) from None
    from coordinator.cli import render, showing

    if whom.as_json:
        render.json_document(rows)
    elif instance:
        for row in rows:
            render.facts(showing.instance_facts(row))
    else:
        triggers = ask(whom, "triggers", TriggersAsk())
        if rows:
            render.table(showing.INSTANCE_COLUMNS, map(showing.instance_cells, rows))
        if triggers:
            render.line("" if rows else "nothing runs now")
            show(triggers)
        if not rows and not triggers:
            render.line("nothing runs; start a function: midstream run FILE")


def _local(as_json: bool, config: Path | None, instance: str) -> None:
    from coordinator.cli import local, render

    hubs = local.look(config, instance)
    if as_json:
        render.json_document(hubs)
    else:
        local.show(hubs)


@click.command(epilog="\b\nExample:\n  midstream checkpoint washer")
@click.argument("instance")
@COMMON
def checkpoint(instance: str, **given: Any) -> None:
    """Makes an instance's state durable now; it runs on."""
    from coordinator.views.answers import InstanceAsk

    _capture("checkpoint", InstanceAsk(instance=instance), given)


@click.command(
    epilog="\b\nExamples:\n  midstream suspend washer && midstream resume washer --to nas\n"
    '  midstream suspend photos --until "hub.cpu < 50 for 2m or after 22:00"\n'
    '  midstream suspend photos --until "nas is back"      # or: any hub with label gpu, after 2h, there is room'
)
@click.argument("instance")
@click.option(
    "--until", metavar="CONDITION", default="", help="What lets it go on by itself; said again, it is another one."
)
@COMMON
def suspend(instance: str, until: str, **given: Any) -> None:
    """Stops an instance where it stands; its messages are kept until `resume`, or until CONDITION holds."""
    from coordinator.views.answers import SuspendAsk

    _capture("suspend", SuspendAsk(instance=instance, until=until), given, f"until {until}" if until else "")


def _capture(question: str, asked: InstanceAsk, given: dict[str, Any], more: str = "") -> None:
    from coordinator.cli.requests import ask

    whom = target(given)
    made = ask(whom, question, asked)
    from coordinator.cli import render, wording

    if whom.as_json:
        render.json_document(made)
        return
    if not made.checkpoint:
        render.line(f"{made.instance}: {made.state}; nothing starts it until: midstream resume {made.instance}")
        return
    render.line(f"{made.instance}: {made.state} at {made.line}, {wording.size(made.bytes)}, {made.checkpoint}")
    for words in filter(None, (made.statement, more)):
        render.line(f"  {words}")


@click.command(epilog="\b\nExamples:\n  midstream resume washer\n  midstream resume washer --to nas")
@click.argument("instance")
@click.option("--to", "hub", metavar="HUB", default="", help="Where; without it placement decides.")
@click.option("--accept-loss", is_flag=True, help="Give up the messages that its dead hub alone has.")
@COMMON
def resume(instance: str, hub: str, *, accept_loss: bool, **given: Any) -> None:
    """Lets a suspended instance go on at the next statement."""
    from coordinator.cli.requests import ask
    from coordinator.cli.showing import started
    from coordinator.views.answers import PlaceAsk

    whom = target(given)
    started(ask(whom, "resume", PlaceAsk(instance=instance, hub=hub, accept_loss=accept_loss)), as_json=whom.as_json)


@click.command(
    epilog="\b\nExamples:\n  midstream migrate washer --to nas\n  midstream migrate washer   # placement decides"
)
@click.argument("instance")
@click.option("--to", "hub", metavar="HUB", default="", help="Where; without it placement decides.")
@click.option("--accept-loss", is_flag=True, help="Give up what its dead hub alone has, and wait for no absent one.")
@COMMON
def migrate(instance: str, hub: str, *, accept_loss: bool, **given: Any) -> None:
    """Moves a running instance: it is stopped in the middle of what it does and goes on there."""
    from coordinator.cli.requests import ask
    from coordinator.views.answers import PlaceAsk

    whom = target(given)
    moved = ask(whom, "migrate", PlaceAsk(instance=instance, hub=hub, accept_loss=accept_loss))
    from coordinator.cli import render, wording

    if whom.as_json:
        render.json_document(moved)
        return
    render.line(
        f"{moved.instance}: {moved.source} -> {moved.destination}, stopped at {moved.line}, "
        f"{wording.size(moved.bytes)}, {wording.milliseconds(moved.downtime_ms)}"
    )
    render.facts(
        (
            ("statement", moved.statement),
            ("came along", ", ".join(moved.variables)),
            ("phases, ms", wording.phases(moved.phases)),
            ("why there", moved.why),
        )
    )


@click.command(epilog="\b\nExample:\n  midstream stop washer")
@click.argument("instance")
@COMMON
def stop(instance: str, **given: Any) -> None:
    """Ends an instance for good; its checkpoints stay, and `restore` can go back to one."""
    from coordinator.cli.requests import ask
    from coordinator.views.answers import InstanceAsk

    whom = target(given)
    stopped = ask(whom, "stop", InstanceAsk(instance=instance))
    from coordinator.cli import render

    if whom.as_json:
        render.json_document(stopped)
    else:
        render.line(f"{stopped.instance}: {stopped.state}")

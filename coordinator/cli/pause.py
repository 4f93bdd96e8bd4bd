"""`pause`: nothing moves by itself."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli.options import COMMON, target


@click.command(epilog="\b\nExamples:\n  midstream pause\n  midstream pause --off")
@click.option("--off", is_flag=True, help="Things move by themselves again.")
@COMMON
def pause(*, off: bool, **given: Any) -> None:
    """Stops all that moves by itself: rules and failover neither move, suspend nor resume.

    What you ask for is done all the same, and rules still tell what they see. It lasts, over restarts, until --off.
    """
    from coordinator.cli.requests import ask
    from coordinator.views.answers import PauseAsk

    whom = target(given)
    status = ask(whom, "pause", PauseAsk(off=off))
    from coordinator.cli import render, wording

    if whom.as_json:
        render.json_document(status)
    elif status.paused:
        render.line(f"nothing moves by itself since {wording.clock(status.paused)}; midstream pause --off ends that")
    else:
        render.line("things move by themselves again")

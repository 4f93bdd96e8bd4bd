"""`midstream demo`: the finite proof. It leaves nothing behind: no process, no file, nothing kept at the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coordinator.cli.options import COMMON

if TYPE_CHECKING:  # `midstream demo --help` must not pay for MQTT
    from coordinator.cli.documents import Proof
    from coordinator.cli.options import Target


@click.command(
    epilog="\b\nExamples:\n  midstream demo\n  midstream demo --embedded --json\n"
    "  midstream demo --broker mqtt://user:password@mqtt.lan:1883"
)
@click.option("--embedded", is_flag=True, help="The broker from the wheel, even where a Mosquitto is installed.")
@COMMON
def demo(*, embedded: bool, **given: Any) -> int:
    """Proves in half a minute that a running function moves, and that nothing is lost or done twice.

    Starts a broker (an installed Mosquitto, else the embedded one; with --broker yours, where everything of the demo
    stands under a prefix of its own and is cleared away), the coordinator, two hubs and four simulated devices; lets
    hub-a overheat, and compares what the devices sent with what changed the function's state. Exit status 0 only if
    the proof holds.
    """
    from coordinator.cli import render
    from coordinator.cli.evidence import holds
    from coordinator.cli.options import target
    from coordinator.cli.running import run_to_the_end

    whom = target(given)
    proofs: list[Proof] = []
    status = run_to_the_end(_proved(whom, embedded=embedded, into=proofs))
    if not proofs:
        return status
    if whom.as_json:
        render.json_document(proofs[0])
    return 0 if holds(proofs[0]) else 1


async def _proved(whom: Target, *, embedded: bool, into: list[Proof]) -> int:
    import tempfile
    from pathlib import Path

    from coordinator.cli import render
    from coordinator.cli.options import one_broker
    from coordinator.cli.performance import perform
    from coordinator.cli.story import Story

    broker = one_broker(whom, embedded=embedded)
    story = Story(None if whom.as_json else render.console())
    with tempfile.TemporaryDirectory(prefix="midstream-demo-") as folder:
        into.append(await perform(Path(folder), story, broker=broker, embedded=embedded))
    story.proved(into[0])
    return 0

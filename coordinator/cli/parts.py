"""`broker`, `coordinator`, `hub`, `simulate`: each part alone, in the foreground, until a signal ends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devices.errors import UnreachableError

if TYPE_CHECKING:  # `midstream broker --help` must not pay for MQTT
    from devices.mqtt.broker import Broker


@click.command(epilog="\b\nExamples:\n  midstream broker\n  midstream broker --embedded --port 1884")
@click.option("--embedded", is_flag=True, help="The broker from the wheel, even where a Mosquitto is installed.")
@click.option("--port", type=click.IntRange(0, 65535), default=1883, help="TCP port (1883); 0 takes a free one.")
@click.option(
    "--folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="For its database and log (the user's data folder).",
)
def broker(*, embedded: bool, port: int, folder: Path | None) -> int:
    """Runs an MQTT 5 broker on this machine's loopback.

    It is an installed Mosquitto with Midstream's settings, or the embedded one from the wheel, which is for a first
    look: it keeps nothing over a restart.

    For a whole house use the system's Mosquitto; broker-config/mosquitto.conf says with which settings and why.
    """
    from coordinator.cli.folders import data_folder
    from coordinator.cli.running import run_to_the_end
    from devices.mqtt.broker import Embedded, Mosquitto, find_mosquitto

    kind = Embedded if embedded or find_mosquitto() is None else Mosquitto
    return run_to_the_end(_serve(kind(folder or data_folder() / "broker", port)))


async def _serve(broker: Broker) -> int:
    import asyncio
    import os

    with broker:
        click.echo(f"{broker.kind} {broker.version} listens at {broker.address}")
        ended = asyncio.Event()
        pidfd = os.pidfd_open(broker.pid)
        asyncio.get_running_loop().add_reader(pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            asyncio.get_running_loop().remove_reader(pidfd)
            os.close(pidfd)
    raise UnreachableError(f"the broker at {broker.address.place} has ended", remedy=f"its log: {broker.log_path}")

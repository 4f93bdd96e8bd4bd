"""`broker`, `coordinator`, `hub`, `simulate`: each part alone, in the foreground, until a signal ends it."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devices.errors import UnreachableError

if TYPE_CHECKING:  # `midstream broker --help` must not pay for MQTT
    from devices.hub.config import HubConfig
    from devices.mqtt.address import BrokerAddress
    from devices.mqtt.broker import Broker
    from devices.simulators.device import Device


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
    from devices.mqtt.broker import Embedded, Mosquitto, find_mosquitto

    kind = Embedded if embedded or find_mosquitto() is None else Mosquitto
    return _served(_serve(kind(folder or data_folder() / "broker", port)))


_CONFIG = click.option(
    "--config", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Settings, a TOML file."
)
_BROKER = click.option("--broker", "broker_url", metavar="URL", help="The broker: mqtt://user:password@host:1883.")
_PREFIX = click.option("--prefix", metavar="LEVEL", help="The first topic level, if it is not 'midstream'.")
_VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Also tell what goes well.")
_FOLDER = click.option("--folder", metavar="FOLDER", help="What it keeps (in the user's data folder).")


@click.command(
    epilog="\b\nExamples:\n  midstream coordinator --config /etc/midstream/coordinator.toml\n"
    "  midstream coordinator --broker mqtt://mqtt.lan --rules rules\n\n"
    "Environment: MIDSTREAM_BROKER, MIDSTREAM_PREFIX, MIDSTREAM_COORDINATOR_* as in MIDSTREAM_COORDINATOR_STORE_URL."
)
@_CONFIG
@_BROKER
@_PREFIX
@_FOLDER
@_VERBOSE
@click.option("--rules", metavar="FOLDER", help="Threshold rules, TOML files; watched.")
@click.option("--functions", metavar="FOLDER", help="What runs always, functions.toml and its sources; watched.")
def coordinator(
    *,
    config: Path | None,
    broker_url: str | None,
    prefix: str | None,
    folder: str | None,
    verbose: bool,
    rules: str | None,
    functions: str | None,
) -> int:
    """Runs the coordinator: it watches hubs and telemetry, keeps the lineage, and moves functions."""
    from os import environ

    from coordinator.app import main
    from coordinator.config import read_config

    options = {
        "broker.url": broker_url,
        "prefix": prefix,
        "folder": folder,
        "folders.rules": rules,
        "folders.functions": functions,
    }
    return _served(main(read_config(config, environ, options)), verbose=verbose)


@click.command(
    epilog="\b\nExamples:\n  midstream hub --config /etc/midstream/hub.toml\n"
    "  midstream hub --name nas --broker mqtt://mqtt.lan --label big\n\n"
    "Environment: MIDSTREAM_BROKER, MIDSTREAM_PREFIX, MIDSTREAM_HUB_* as in MIDSTREAM_HUB_SPOOL_PATH."
)
@_CONFIG
@_BROKER
@_PREFIX
@_FOLDER
@_VERBOSE
@click.option("--name", metavar="HUB", help="The hub's name (the machine's).")
@click.option("--label", "labels", metavar="LABEL", multiple=True, help="What it is good for; repeatable.")
@click.option("--metrics-every", metavar="DURATION", help="How often it tells its metrics (5s).")
@click.option("--temperature", metavar="FILE", help="The temperature sensor, if it is not the processor's.")
def hub(
    *,
    config: Path | None,
    broker_url: str | None,
    prefix: str | None,
    folder: str | None,
    verbose: bool,
    name: str | None,
    labels: tuple[str, ...],
    metrics_every: str | None,
    temperature: str | None,
) -> int:
    """Runs a hub agent: functions run on this machine, in a process each."""
    from os import environ

    from devices.hub.config import read_config

    options = {
        "broker.url": broker_url,
        "prefix": prefix,
        "folder": folder,
        "name": name,
        "labels": list(labels) or None,
        "metrics.every": metrics_every,
        "metrics.temperature": temperature,
    }
    return _served(_hub(read_config(config, environ, options)), verbose=verbose)


async def _hub(config: HubConfig) -> None:
    """A hub leaves in order, with checkpoints of what it runs: a signal asks it to, and waits; a second one does not."""
    import asyncio

    from devices.hub.agent import run

    stop, hurry = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(run(config, stop, hurry), name=f"hub {config.name}")
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            hurry.set()
            await running
        raise


def _served(part: Coroutine[Any, Any, None], *, verbose: bool = False) -> int:
    """Runs a part, which logs to stderr; a service manager's SIGTERM is its ordinary end."""
    import logging

    from coordinator.cli.running import TERMINATED, run_to_the_end

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    for ours in ("coordinator", "devices") if verbose else ():
        logging.getLogger(ours).setLevel(logging.INFO)
    status = run_to_the_end(_until_its_end(part))
    return 0 if status == TERMINATED else status


async def _until_its_end(part: Coroutine[Any, Any, None]) -> int:
    await part
    return 0


@click.command(
    epilog="\b\nExamples:\n  midstream simulate\n  midstream simulate tasmota shelly --every 1 --site garden"
)
@click.argument("firmwares", metavar="[tasmota|zigbee2mqtt|shelly|esphome]...", nargs=-1)
@click.option("--broker", "broker_url", metavar="URL", help="The broker: mqtt://user:password@host:1883.")
@click.option("--every", metavar="SECONDS", type=click.FloatRange(0.01), default=10.0, help="Between readings (10).")
@click.option("--readings", metavar="N", type=click.IntRange(1), help="Of all devices together; without it no end.")
@click.option("--site", metavar="LEVEL", default="", help="A level before all topics.")
def simulate(firmwares: tuple[str, ...], broker_url: str | None, every: float, readings: int | None, site: str) -> int:
    """Runs devices that publish as real firmware does: its topics, QoS and retain flags, from recorded messages."""
    from coordinator.cli.options import target
    from coordinator.cli.running import run_to_the_end
    from devices.simulators.house import FIRMWARES, furnish

    devices = furnish(site, firmwares or FIRMWARES)
    return run_to_the_end(_simulate(target({"broker": broker_url}).address, devices, every, readings))


async def _simulate(address: BrokerAddress, devices: list[Device], every: float, readings: int | None) -> int:
    from devices.simulators.house import clear, simulate

    try:
        await simulate(address, devices, every=every, readings=readings, log=click.echo)
    finally:
        await clear(address, devices)
    return 0


async def _serve(broker: Broker) -> None:
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

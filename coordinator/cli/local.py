"""`ps --local`: what the hubs of this machine run, asked of themselves: without coordinator, without broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from coordinator.cli import render, showing, wording
from coordinator.cli.render import Column
from devices.errors import RefusedError
from devices.hub import door
from devices.hub.local import LocalHub, LocalInstance
from devices.hub.local_view import kept

NOT_RUNNING: Final = "not running"
COLUMNS: Final = (
    Column("hub"),
    Column("instance"),
    Column("state"),
    Column("since", right=True),
    Column("line"),
    Column("waiting for", flexible=True),
    Column("lag", right=True),
    Column("checkpoint"),
    Column("reason", flexible=True),
)


def look(config: Path | None, instance: str) -> list[LocalHub]:
    """Returns the hubs of this machine: the one of a configuration file, or all in the user's data folder.

    Args:
        config: a `hub.toml`.
        instance: only this one; empty for all.

    Raises:
        RefusedError: there is no hub here, or no such instance on it.
        ConfigurationError: the file cannot be read.
    """
    folders = _folders(config)
    hubs = [_ask(name, folder, spool) for name, folder, spool in folders]
    if instance:
        for hub in hubs:
            hub.instances = [row for row in hub.instances if row.instance == instance]
        hubs = [hub for hub in hubs if hub.instances]
    if not hubs:
        what = f"no hub on this machine holds {instance}" if instance else "there is no hub on this machine"
        raise RefusedError(what, remedy="name its file: midstream ps --local --config /etc/midstream/hub.toml")
    return hubs


def show(hubs: list[LocalHub]) -> None:
    """Writes them as a table, with a line about each hub."""
    if any(hub.instances for hub in hubs):
        render.table(COLUMNS, (_cells(hub, row) for hub in hubs for row in hub.instances))
    for hub in hubs:
        broker = "connected to the broker" if hub.broker else "no broker"
        coordinator = "the coordinator is there" if hub.coordinator else "no coordinator"
        words = [hub.state, *([] if hub.state == NOT_RUNNING else [broker, coordinator])]
        render.line(f"{hub.hub}: {', '.join(words)}" + ("" if hub.instances else "; it holds no function"))


def _cells(hub: LocalHub, row: LocalInstance) -> list[Any]:
    return [
        hub.hub,
        row.instance,
        showing.state(row.state),
        wording.since(row.since),
        row.line or wording.NOTHING,
        row.waiting or wording.NOTHING,
        str(row.lag),
        row.checkpoint + ("" if row.stored else " (here alone)"),
        _ahead(row) or row.reason or row.text or wording.NOTHING,
    ]


def _ahead(row: LocalInstance) -> str:
    return f"ahead of the coordinator's store for {wording.since(row.ahead)}" if row.ahead else ""


def _ask(name: str, folder: Path, spool: Path) -> LocalHub:
    told = door.ask(folder)
    if told is None:
        return LocalHub(hub=name, state=NOT_RUNNING, instances=kept(spool))
    return msgspec.json.decode(told, type=LocalHub)


def _folders(config: Path | None) -> list[tuple[str, Path, Path]]:
    from os import environ

    from coordinator.cli.folders import data_folder
    from devices.hub.config import read_config

    if config is not None or "MIDSTREAM_HUB_FOLDER" in environ:
        one = read_config(config, environ, {})
        return [(one.name, one.folder, one.spool)]
    return [(it.name, it, it / "spool") for it in sorted((data_folder() / "hubs").glob("*")) if it.is_dir()]

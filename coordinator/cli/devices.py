"""`devices`: what was heard of each device, or what a recording of one's own traffic means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from coordinator.cli.options import COMMON, target


@click.command(
    epilog="\b\nExamples:\n  midstream devices\n  midstream devices plug\n"
    "  midstream devices --json | jq '.[] | select(.liveness != \"online\")'\n"
    "  midstream devices --from-recording traffic.jsonl --json"
)
@click.argument("device", required=False, default="")
@click.option(
    "--from-recording",
    "recording",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What the messages of a recording mean, one after the other; neither broker nor coordinator is asked.",
)
@COMMON
def devices(device: str, *, recording: Path | None, **given: Any) -> None:
    """Every device that was heard: its firmware, whether it is there and why we think so, its readings with unit and age.

    With DEVICE (its name, or the last levels of it) all readings of that one, and why there is no number where there is
    none. A recording is a line of JSON a message: {"time", "topic", "payload" or "payload_b64", "retain", "qos"}.
    """
    whom = target(given)
    if recording is not None:
        _from_recording(recording, device, as_json=whom.as_json)
        return
    from coordinator.cli.requests import ask
    from coordinator.views.observed import DevicesAsk

    rows = ask(whom, "devices", DevicesAsk(device=device))
    from coordinator.cli import render, showing_devices

    if whom.as_json:
        render.json_document(rows)
    elif device:
        for row in rows:
            render.facts(showing_devices.device_facts(row))
            render.table(showing_devices.READING_COLUMNS, map(showing_devices.reading_cells, row.readings))
    elif rows:
        render.table(showing_devices.DEVICE_COLUMNS, map(showing_devices.device_cells, rows))
    else:
        render.line("no device has been heard yet; docs/devices.md says which topics are listened to")


def _from_recording(path: Path, device: str, *, as_json: bool) -> None:
    from coordinator.cli import render, showing_devices
    from coordinator.dialects.interpreter import Interpreter
    from coordinator.recording import read_recording
    from coordinator.views.observed import interpreted

    interpreter = Interpreter()
    meant = []
    for message in read_recording(path):
        at = message.time or 0.0
        found = interpreter.interpret(message.topic, message.payload, retained=message.retain, at=at)
        if device in ("", found.device):
            meant.append(interpreted(message.topic, found, message.time))
    if as_json:
        render.json_document(meant)
    else:
        rows = (cells for each in meant for cells in showing_devices.message_cells(each))
        render.table(showing_devices.MESSAGE_COLUMNS, rows)

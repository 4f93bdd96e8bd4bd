"""`inspect`: look into a checkpoint. Everything is decoded on this machine, and nothing in it is run.

Values never travel as JSON: the blob's parts come over MQTT to this command alone, and are checked against the digest
that the coordinator names and the key of the hub that signed it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from coordinator.cli.options import COMMON, target


@click.command(
    epilog="\b\nExamples:\n  midstream inspect washer                 # its newest checkpoint\n"
    "  midstream inspect 01JD3Q7 --json\n  midstream inspect washer --save washer.cbor && midstream inspect washer.cbor"
)
@click.argument("checkpoint", metavar="CHECKPOINT|INSTANCE|FILE")
@click.option(
    "--save", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Also writes the blob to a file."
)
@click.option("--source", is_flag=True, help="Also shows the function's files, with the lines where it stands.")
@COMMON
def inspect(checkpoint: str, save: Path | None, source: bool, **given: Any) -> None:
    """Shows a checkpoint: the stopped function as a traceback with values, its mailbox and outputs.

    CHECKPOINT is an id or the head of one, an instance's name for its newest one, or a blob in a file.
    """
    from coordinator.cli import render
    from coordinator.cli.inspection import inspected
    from devices.errors import MidstreamError, UsageError

    whom = target(given)
    file = Path(checkpoint)
    if file.is_file():
        blob, public = _read(file), None
    else:
        import asyncio

        blob, public = asyncio.run(_fetched(whom, checkpoint))
    if save is not None:
        try:
            save.write_bytes(blob)
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", place=str(save)) from None
    try:
        shown = inspected(blob, public)
    except MidstreamError as error:
        error.place = error.place or checkpoint
        raise
    if whom.as_json:
        render.json_document(shown)
    else:
        from coordinator.cli.inspection_view import show

        show(shown, source=source)


def _read(file: Path) -> bytes:
    from devices.errors import UsageError
    from devices.protocol import limits

    try:
        with file.open("rb") as opened:
            blob = opened.read(limits.BLOB + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", place=str(file)) from None
    if len(blob) > limits.BLOB:
        raise UsageError(f"larger than a checkpoint can be: {limits.BLOB // limits.MIB} MB", place=str(file))
    return blob


async def _fetched(whom: Any, checkpoint: str) -> tuple[bytes, bytes | None]:
    from coordinator.cli.requests import Requests
    from devices.errors import DamagedError
    from devices.protocol.checkpoint import blob_digest

    async with Requests(whom) as requests:
        told, blob = await requests.blob(checkpoint)
    if len(blob) != told.size or blob_digest(blob).hex() != told.digest:
        raise DamagedError("the bytes that came do not fit the digest", place=told.checkpoint, remedy="ask again")
    return blob, bytes.fromhex(told.signer) if told.signer else None

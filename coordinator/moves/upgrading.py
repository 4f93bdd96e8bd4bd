"""A function onto changed source, where it stands: a move from its hub to that very hub.

It goes through the steps of any move, so that a death of the coordinator at any of them finishes it or undoes it: the
function is frozen behind a checkpoint, the coordinator makes a child of that on the changed source, and the claim with the
next epoch names the child. Up to there the hub can let the function go on as it was. A child that cannot be restored
leads back to its parent, which has the same state on the source of before: nothing is lost by a try.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from coordinator.ingest.checkpoints import Verified, row_of
from coordinator.moves import changing, founding
from coordinator.moves.changing import Change
from coordinator.moves.ground import Ground
from coordinator.moves.starting import ENGINE, remember
from coordinator.store import checkpoints, instances
from coordinator.store.checkpoints import UPGRADE
from coordinator.store.schema import Checkpoint, Move
from devices.errors import RefusedError
from devices.protocol import checkpoint as blobs
from devices.protocol import sealing
from devices.protocol.checkpoint import Header
from devices.runtime.python.upgrading.image import Upgrade


@dataclass(frozen=True, slots=True)
class Child:
    """The checkpoint that an upgrade goes on from, and what became of the frames."""

    header: Header
    blob: bytes
    upgrade: Upgrade


def is_upgrade(move: Move) -> bool:
    """Tells whether a move is one onto changed source."""
    return move.kind == UPGRADE


def code_of(change: Change | None) -> Change:
    """Returns what an upgrade shall change.

    Raises:
        RefusedError: this coordinator has not heard it: it was restarted.
    """
    if change is None:
        raise RefusedError("the coordinator was restarted before the function was stopped", remedy="ask again")
    return change


async def ahead(ground: Ground, blob: bytes, change: Change) -> tuple[Header, bytes]:
    """Returns a checkpoint that has the changed source and no state: what the hub gets ready with.

    Args:
        ground: the coordinator's parts.
        blob: any checkpoint of the instance.
        change: has the source.

    Raises:
        MidstreamError: it cannot be read.
    """
    assert change.code is not None
    old, _ = blobs.decode_header(blob)
    record = changing.record_of(old.function, change.code, started=True)
    return await asyncio.to_thread(founding.first_of, old.instance, record, ENGINE, ground.key)


async def child(ground: Ground, verified: Verified, change: Change) -> Child:
    """Returns what a frozen function goes on from.

    Raises:
        RefusedError: something does not land; the function goes on as it was.
        MidstreamError: the checkpoint or the source cannot be read.
    """
    changed = await asyncio.to_thread(changing.changed, verified.blob, change)
    header, blob = founding.upgrade_of(changed.header, changed.packed, ground.key)
    return Child(header, blob, changed.upgrade)


async def renewed(ground: Ground, checkpoint: Checkpoint, change: Change) -> None:
    """Makes a child on changed source the newest checkpoint of an instance that nobody holds.

    Raises:
        RefusedError: something does not land.
        MidstreamError: the checkpoint or the source cannot be read.
    """
    blob = await ground.store.read(checkpoints.blob, checkpoint.id)
    changed = await asyncio.to_thread(changing.changed, blob, change)
    made = Child(*founding.upgrade_of(changed.header, changed.packed, ground.key), changed.upgrade)
    await ground.store.write(add, made, ground.key, checkpoint.variables)


def add(session: Session, made: Child, key: Ed25519PrivateKey, variables: list[Any]) -> None:
    """Adds a child to the lineage, as the newest checkpoint of its instance; ``variables`` are as of its parent."""
    row = row_of(made.header, made.blob, sealing.public_bytes(key))
    row.variables = variables
    checkpoints.add(session, row, made.blob)
    instance = instances.find(session, made.header.instance)
    assert instance is not None
    instance.newest = row.id


def take_code(session: Session, instance: str, checkpoint: str) -> None:
    """Notes which function an instance is of: that of the checkpoint from which it goes on."""
    header, _ = blobs.decode_header(checkpoints.blob(session, checkpoint))
    row = instances.find(session, instance)
    assert row is not None
    row.function, row.settings = remember(session, header.function), header.function.settings


def undo(session: Session, move: Move) -> None:
    """Takes a cancelled upgrade's child back: the function goes on as it was, behind the child's parent."""
    instance = instances.find(session, move.instance)
    newest = checkpoints.find(session, instance.newest) if instance is not None else None
    if instance is not None and newest is not None and newest.reason == UPGRADE and newest.parent == move.checkpoint:
        instance.newest = newest.parent


def upgrades(session: Session, checkpoint: str) -> str:
    """Returns the checkpoint whose state this one is on changed source; empty if it is none."""
    row = checkpoints.find(session, checkpoint)
    return row.parent if row is not None and row.reason == UPGRADE else ""

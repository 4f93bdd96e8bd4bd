"""A coordinator that comes is told what is here, and given what its store lacks (`docs/protocol.md`, rule 22)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from devices.errors import RefusedError
from devices.hub import checkpoints
from devices.hub.control import Control
from devices.hub.life import Life
from devices.protocol import checkpoint as blobs
from devices.protocol.answers import Captured, Holding
from devices.protocol.commands import Offer


async def offer(lives: Mapping[str, Life], command: Offer, control: Control, hub: str) -> Captured:
    """Sends a kept checkpoint up in parts, and the answer behind them.

    Args:
        lives: the instances here.
        command: which one is wanted.
        control: the way up.
        hub: this hub's name.

    Raises:
        RefusedError: it is not kept here, or no longer.
        MidstreamError: it is damaged.
    """
    life = lives.get(command.instance)
    spool = life.instance.spool if life is not None else None
    blob = await asyncio.to_thread(spool.read, command.checkpoint) if spool is not None else None
    if blob is None:
        raise RefusedError(f"checkpoint {command.checkpoint} of {command.instance} is not on hub {hub}")
    header, _ = blobs.decode_header(blob)
    place = header.place
    told = checkpoints.fit(
        Captured(
            hub=hub,
            id=command.id,
            instance=header.instance,
            epoch=header.epoch,
            checkpoint=header.checkpoint,
            parent=header.parent,
            reason=header.reason,
            parts=control.upload(header.checkpoint, blob),
            size=len(blob),
            digest=blobs.blob_digest(blob).hex(),
            line=place.line if place else "",
            statement=place.statement if place else "",
            frames=place.frames if place else [],
            offered=True,
        )
    )
    control.answer(told)
    return told


def holding(lives: Mapping[str, Life]) -> list[Holding]:
    """Returns what the coordinator is told of the instances here, at each start and reconnect."""
    return [
        Holding(
            instance=name,
            epoch=it.epoch,
            state=it.state,
            checkpoint=it.header.checkpoint,
            move=it.move,
            published=it.outbox.published,
            muted=it.outbox.muted,
            until=it.until,
        )
        for name, it in ((name, life.instance) for name, life in lives.items())
    ]


def announce_unconfirmed(lives: Mapping[str, Life]) -> None:
    """Tells a coordinator that has come what it may have missed; outputs and acknowledgements wait for its word."""
    for life in lives.values():
        for taken in life.captures.pending:
            life.captures.announce_again(taken.id)

"""A coordinator whose store is new, or an older copy, is given what this hub keeps (`docs/protocol.md`, rule 22)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from devices.errors import RefusedError
from devices.hub import checkpoints
from devices.hub.control import Control
from devices.hub.life import Life
from devices.protocol import checkpoint as blobs
from devices.protocol.messages import Captured, Offer


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

"""Late mail: what a source heard at QoS 0 after the capture, which no broker sends again (`docs/protocol.md`, rule 13).

The source tells it once. It is in the store before it is acknowledged, and goes to the destination when the function
runs there, in order, each piece until it is answered. A list that will never come (the source died) is closed with an
empty piece, so that the destination does not wait for ever, and an event says what may be missing.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.moment import now
from coordinator.moves.ground import Ground
from coordinator.moves.journey import Journey
from coordinator.store import commands, moves
from coordinator.store.schema import Command
from devices.errors import MidstreamError
from devices.protocol.answers import Done, LateMail
from devices.protocol.commands import Late

_HELD: Final = ""  # the hub of a row that is sent by `pass_on`, not by `Commands.deliver`


def keep(session: Session, told: LateMail) -> str:
    """Keeps a piece of a late list; returns the id of its move, empty if there is none that waits for it."""
    move = moves.unfinished_of(session, told.instance)
    if move is None or told.epoch not in (move.epoch, move.claimed):
        return ""
    piece = Late(
        id=f"{move.id}-late-{told.index}",
        instance=told.instance,
        epoch=0,  # known when the function runs
        index=told.index,
        total=told.total,
        messages=told.messages,
    )
    commands.add(session, hub=_HELD, move=move.id, body=msgspec.to_builtins(piece), at=now())
    return move.id


def _pieces(session: Session, move: str) -> list[Late]:
    rows = session.scalars(select(Command).where(Command.move == move, Command.hub == _HELD).order_by(Command.number))
    return sorted((msgspec.convert(row.body, Late) for row in rows), key=lambda piece: piece.index)


async def pass_on(ground: Ground, journey: Journey) -> None:
    """Passes the whole late list of a move to the hub where the function runs now."""
    move = journey.move
    pieces = await _complete(ground, journey)
    for piece in pieces:
        addressed = msgspec.structs.replace(piece, id=f"{piece.id}-{move.claimed}", epoch=move.claimed)
        try:
            await ground.commands.ask(move.destination, addressed, Done)
        except MidstreamError as error:
            await _tell_loss(ground, journey, f"{move.destination} did not take it: {error}")
            break
    for piece in pieces:
        await ground.store.write(commands.answered, piece.id, "passed on", now())


async def _complete(ground: Ground, journey: Journey) -> list[Late]:
    """Waits for all pieces, or for the source's death; what is missing is replaced by empty pieces."""
    move = journey.move
    gone = asyncio.ensure_future(ground.hubs[move.source].gone())
    try:
        while True:
            journey.late.clear()
            pieces = await ground.store.read(_pieces, move.id)
            total = pieces[0].total if pieces else 1
            if len(pieces) >= total:
                return pieces
            if gone.done():
                break
            come = asyncio.ensure_future(journey.late.wait())
            await asyncio.wait([come, gone], return_when=asyncio.FIRST_COMPLETED)
            come.cancel()
    finally:
        gone.cancel()
    await _tell_loss(ground, journey, f"{move.source} went away before it told it")
    have = {piece.index: piece for piece in pieces}
    return [have.get(index) or _empty(move.id, move.instance, index, total) for index in range(total)]


def _empty(move: str, instance: str, index: int, total: int) -> Late:
    return Late(id=f"{move}-late-{index}", instance=instance, epoch=0, index=index, total=total, messages=[])


async def _tell_loss(ground: Ground, journey: Journey, why: str) -> None:
    move = journey.move
    await ground.journal.tell(
        "move",
        did="messages at QoS 0 that came during the move may be missing",
        why=why,
        severity="warning",
        instance=move.instance,
        hub=move.source,
        details={"move": move.id},
    )

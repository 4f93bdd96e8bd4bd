"""What is done when a hub cannot take a function: the next place, until it runs somewhere.

Before the commit point another destination is taken, or the move is cancelled and the function stays. After it the
function is nobody's until it runs: the next best hub, for it was to leave its source, and then back to the source; where
a person had named the destination, no other hub was wanted, and the source comes first. Then the same with the parent
checkpoint, and so on to the first one, which is a clean start; what the newer ones had consumed is put back into its
mailbox (`setting_back`). While hubs that have not been tried are away the move waits for them: never nowhere, and never
given up because of the time of day.
"""

from __future__ import annotations

import asyncio
from typing import Final

from sqlalchemy.orm import Session

from coordinator.journal import Severity
from coordinator.moves import decisions, setting_back
from coordinator.moves.ground import Ground
from coordinator.moves.journey import Journey
from coordinator.moves.setting_back import SetBack
from coordinator.placement import choice, tenants
from coordinator.placement.score import Place
from coordinator.store import checkpoints, moves
from coordinator.store.checkpoints import UPGRADE
from coordinator.store.schema import Move
from devices.errors import MidstreamError
from devices.protocol import sealing

ANCESTORS: Final = 4
"""Older checkpoints that are tried before the first one."""


async def other_destination(ground: Ground, move: Move, failure: MidstreamError) -> Move:
    """Returns the move with another destination, before anything was frozen.

    Raises:
        MidstreamError: there is none, or the one that failed was named by a person; the reason is in it.
    """
    why = MidstreamError(f"{move.destination} cannot take it: {failure.message}", remedy=failure.remedy)
    if move.named or not ground.hubs.online(move.source):
        raise why from failure
    wanted, everybody = await ground.store.read(tenants.wishes_and_every, move.instance)
    tried = [*move.tried, _key(move.checkpoint, move.destination)]
    excluded = {_hub_of(key) for key in tried} | {move.source}
    others = [hub for hub in ground.hubs.every() if hub.name not in excluded]
    places = choice.rank(others, wanted, ground.promised(everybody, move.instance))
    if not places:
        raise why from failure
    ground.promise(move.instance, places[0].hub, wanted.asks, used_at=move.source)
    refused = {**move.refused, move.destination: f"cannot take it: {failure.message}"}
    return await ground.store.write(_redirect, move, places[0], tried, refused)


def _redirect(session: Session, move: Move, place: Place, tried: list[str], refused: dict[str, str]) -> Move:
    changes = {"destination": place.hub, "tried": tried, "place": place.why, "refused": refused}
    row = moves.advance(session, move, "requested", "requested", **changes)
    if row is None:
        raise decisions.LostDecisionError("the move has gone another way meanwhile")
    return row


async def next_place(ground: Ground, journey: Journey, failure: MidstreamError) -> None:
    """Claims the function for the next place after a failed restore; waits where only absent hubs are left.

    The move ends as failed when every hub that fits has failed with every checkpoint: then it is the function's own
    doing, and the reason is kept.
    """
    move = journey.move
    tried = [*move.tried, _key(move.checkpoint, move.destination)]
    await ground.lease_over(move.destination)  # it may run there, and nobody hears it
    while True:
        came = ground.hubs.came
        chain = await ground.store.read(_chain, move.checkpoint, tried)
        wanted, everybody = await ground.store.read(tenants.wishes_and_every, move.instance)
        places = choice.rank(ground.hubs.every(), wanted, ground.promised(everybody, move.instance))
        found = _first_untried(ground, move, chain, tried, places)
        if found is not None:
            break
        absent = [hub.name for hub in ground.hubs.every() if not hub.online]
        if not absent:
            await _give_up(ground, journey, failure)
            return
        if not journey.waits:
            journey.waits = f"waits for a hub: {', '.join(absent)} away"
            await _tell(ground, journey, failure, journey.waits, "problem")
        await came.wait()
    journey.waits = ""
    hub, checkpoint = found
    ground.promise(move.instance, hub, wanted.asks)
    journey.sent_to = ""
    if checkpoint == move.checkpoint:
        await _tell(ground, journey, failure, f"goes on at {hub} from checkpoint {checkpoint}", "warning")
        late_mail = move.late_mail and (hub != move.source or move.handover == "disconnect")
        claimed = await ground.store.write(
            decisions.claim,
            ground.claims,
            move,
            destination=hub,
            tried=tried,
            failure=str(failure),
            late_mail=late_mail,
            refused=_and_this(move, failure),
        )
        if claimed.move.checkpoint != move.checkpoint:  # the hub that failed had run it all the same, and stored more
            journey.blob = None
    else:
        claimed = await _set_back(ground, journey, failure, found, tried)
    ground.commands.deliver(claimed.fences)
    journey.move = claimed.move


async def _set_back(
    ground: Ground, journey: Journey, failure: MidstreamError, place: tuple[str, str], tried: list[str]
) -> decisions.Claimed:
    """Claims the function for a hub with an older state, and what the newer ones had consumed waiting for it."""
    move, (hub, older) = journey.move, place
    blob = await ground.store.read(checkpoints.blob, older)
    newer = await ground.store.read(setting_back.newer_than, older, move.checkpoint)
    why = f"set back: {failure.message}"
    back = await asyncio.to_thread(setting_back.make, blob, newer, move.claimed, why, ground.key)
    did = f"goes on at {hub} from the older checkpoint {older}; {_in_words(back)}"
    await _tell(ground, journey, failure, did, "problem")
    journey.blob = back.blob
    return await ground.store.write(
        decisions.claim_set_back,
        ground.claims,
        move,
        back,
        sealing.public_bytes(ground.key),
        destination=hub,
        tried=tried,
        failure=str(failure),
        late_mail=False,
        refused=_and_this(move, failure),
    )


def _and_this(move: Move, failure: MidstreamError) -> dict[str, str]:
    return {**move.refused, move.destination: f"could not let it go on: {failure.message}"}


def _in_words(back: SetBack) -> str:
    put_back = f"messages received since are put back: {back.put_back}"
    if not back.lost:
        return f"{put_back}; none is lost"
    return (
        f"{put_back}; up to {back.lost} more are lost, so its outputs are muted until "
        f"`midstream restore {back.header.instance} --unmute`"
    )


def _first_untried(
    ground: Ground, move: Move, chain: list[str], tried: list[str], places: list[Place]
) -> tuple[str, str] | None:
    source = move.source
    names = [place.hub for place in places if place.hub != source]
    if source and ground.hubs.online(source):  # one that is draining takes its own function back
        names.insert(0 if move.named else len(names), source)
    keys = ((hub, checkpoint) for checkpoint in chain for hub in names)
    return next(((hub, checkpoint) for hub, checkpoint in keys if _key(checkpoint, hub) not in tried), None)


def _chain(session: Session, checkpoint: str, tried: list[str]) -> list[str]:
    """Returns a checkpoint, its nearest ancestors whose bytes are kept, and the first one of all.

    One that was tried with what had come since, see `setting_back`, is not tried again.
    """
    row = checkpoints.find(session, checkpoint)
    assert row is not None
    older, child = [], row
    for parent in checkpoints.parents(session, row):
        if parent.instance != row.instance:
            break
        if not setting_back.is_one(child) and checkpoints.is_kept(session, parent.id):
            older.append(parent.id)
        child = parent
    left = max(0, ANCESTORS + 1 - len({_checkpoint_of(key) for key in tried}))
    itself = [] if row.reason == UPGRADE else [checkpoint]  # its parent has the same state, on source that has run
    return [*itself, *older[:left], *older[left:][-1:]]


async def _give_up(ground: Ground, journey: Journey, failure: MidstreamError) -> None:
    move = journey.move
    why = f"every hub that fits has failed with every checkpoint, the last one, {move.destination}: {failure}"
    journey.move = await ground.store.write(decisions.fail, move, why)
    await _tell(ground, journey, failure, "failed; its checkpoints are kept", "problem")


async def _tell(ground: Ground, journey: Journey, failure: MidstreamError, did: str, severity: Severity) -> None:
    move = journey.move
    await ground.journal.tell(
        "move",
        did=did,
        why=f"{move.instance} could not go on at {move.destination}: {failure}",
        severity=severity,
        instance=move.instance,
        hub=move.destination,
        details={"move": move.id, "checkpoint": move.checkpoint},
    )


def _key(checkpoint: str, hub: str) -> str:
    return f"{checkpoint} {hub}"


def _checkpoint_of(key: str) -> str:
    return key.partition(" ")[0]


def _hub_of(key: str) -> str:
    return key.rpartition(" ")[2]

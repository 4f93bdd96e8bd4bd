"""What is done when a hub cannot take a function: the next place, until it runs somewhere.

Before the commit point another destination is taken, or the move is cancelled and the function stays. After it the
function is nobody's until it runs: the next best hub, for it was to leave its source, and then back to the source; where
a person had named the destination, no other hub was wanted, and the source comes first. Then the same with the parent
checkpoint, and so on to the first one, which is a clean start; what the newer ones had consumed is put back into its
mailbox (`setting_back`). While hubs that have not been tried are away the move waits for them: never nowhere, and never
given up because of the time of day.

What is lost by not waiting decides for how long: an older checkpoint that loses nothing is taken at once; one that loses
messages waits for the absent hubs that could take the newest one, as long as the function's ``failover`` waits for a hub;
and what a hub alone has, because it is ahead of the store, waits until it is back. A person may end each of these waits
(``--accept-loss``).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import Final

from sqlalchemy.orm import Session

from coordinator.ingest.ahead import what
from coordinator.journal import Severity
from coordinator.moves import decisions, setting_back
from coordinator.moves.commands import HubGoneError
from coordinator.moves.giving_up import give_up
from coordinator.moves.ground import Ground
from coordinator.moves.journey import Journey
from coordinator.moves.setting_back import SetBack
from coordinator.placement import choice, tenants
from coordinator.placement.score import Place
from coordinator.store import checkpoints, instances, moves
from coordinator.store.checkpoints import UPGRADE
from coordinator.store.schema import Function, Instance, Move
from devices.errors import MidstreamError
from devices.protocol import sealing
from devices.protocol.checkpoint import Header
from devices.runtime.settings import Settings

_GONE: Final = "gone "
"""Stands before the first try that ended because the hub went away: that says nothing of the checkpoint."""
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
    journey.sent_to = ""
    if await _is_ahead(ground, journey, failure):
        return  # the same hub is asked again: nobody else has what it has
    gone_once = f"{_GONE}{_key(move.checkpoint, move.destination)}"
    is_gone = isinstance(failure, HubGoneError) and gone_once not in move.tried
    tried = [*move.tried, gone_once if is_gone else _key(move.checkpoint, move.destination)]
    await ground.lease_over(move.destination)  # it may run there, and nobody hears it
    began = time.monotonic()
    while True:
        came = ground.hubs.came
        chain = await ground.store.read(_chain, move.checkpoint, tried)
        wanted, everybody = await ground.store.read(tenants.wishes_and_every, move.instance)
        places = choice.rank(ground.hubs.every(), wanted, ground.promised(everybody, move.instance))
        found = _first_untried(ground, move, chain, tried, places)
        absent = [hub.name for hub in ground.hubs.every() if not hub.online]
        if found is None and not absent:
            await _give_up(ground, journey, failure)
            return
        untried = [hub for hub in absent if _key(move.checkpoint, hub) not in tried]
        until = math.inf
        if found is not None:
            until = began + await _worth_waiting(ground, journey, found[1], untried)
            if until <= time.monotonic() or journey.accepts_loss:
                break
        if not journey.waits:
            journey.waits = f"waits for a hub: {', '.join(absent if found is None else untried)} away"
            await _tell(ground, journey, failure, journey.waits, "problem")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if until == math.inf else until - time.monotonic()):
                await came.wait()
    journey.waits = ""
    hub, checkpoint = found
    ground.promise(move.instance, hub, wanted.asks)
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


async def _is_ahead(ground: Ground, journey: Journey, failure: MidstreamError) -> bool:
    """Waits for a hub that is gone and alone has what counts; returns whether it is to be asked again.

    One that is there and cannot go on has lost it, which is told.
    """
    move = journey.move
    while (word := ground.ahead.since(move.instance, move.epoch)) and word.hub == move.destination:
        came = ground.hubs.came
        if journey.accepts_loss:
            await give_up(ground, move.instance, move.epoch, "the loss was accepted with --accept-loss")
        elif not ground.hubs.online(word.hub):
            if not journey.waits:
                journey.waits = f"waits for {word.hub}, which alone has {what(word)}"
                await _tell(ground, journey, failure, journey.waits, "problem")
            await came.wait()
        elif journey.waits or isinstance(failure, HubGoneError):
            journey.waits = ""
            return True
        else:
            await give_up(ground, move.instance, move.epoch, f"{word.hub} cannot let it go on: {failure.message}")
    return False


async def _worth_waiting(ground: Ground, journey: Journey, checkpoint: str, absent: list[str]) -> float:
    """Returns for how many seconds absent hubs are waited for, which could take the newest checkpoint, before an older one."""
    move = journey.move
    if checkpoint == move.checkpoint or not absent:
        return 0.0
    blob, newer, patience = await ground.store.read(_what_waits, move, checkpoint)
    back = await asyncio.to_thread(setting_back.make, blob, newer, move.claimed, "", ground.key)
    return patience if back.lost else 0.0


def _what_waits(session: Session, move: Move, older: str) -> tuple[bytes, list[Header | None], float]:
    row = session.get(Instance, move.instance)
    assert row is not None
    function = session.get(Function, row.function)
    assert function is not None
    after = Settings.from_plain(instances.settings_of(row, function)).failover_after
    patience = math.inf if after is None else after
    return checkpoints.blob(session, older), setting_back.newer_than(session, older, move.checkpoint), patience


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
    left = max(0, ANCESTORS + 1 - len({_checkpoint_of(key) for key in tried if not key.startswith(_GONE)}))
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

"""The steps of a move: for each state one function that brings it to the next, and that may be run again.

Each does what its state leaves to be done, from what the store says: after a crash of the coordinator the same function
is called again, its commands carry the same ids, and hubs answer a repeat with what they did. Between two steps lie
named crash points.

What was tried and given up: a command written to the store before it is sent (a synced write more on the critical path,
and after a crash nothing is known that the state does not say); a state for "the capture command is out" (the same).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, cast

from coordinator.ingest.checkpoints import Verified
from coordinator.moves import decisions, fallback, late_mail, machine, upgrading
from coordinator.moves.commands import HubGoneError
from coordinator.moves.ground import Ground, Handover
from coordinator.moves.journey import Journey
from coordinator.moves.machine import State
from coordinator.store import checkpoints
from coordinator.store.trouble import StoreError
from devices.errors import MidstreamError
from devices.protocol import limits, messages
from devices.protocol.answers import Captured, Done, Released, Running
from devices.protocol.checkpoint import blob_digest
from devices.protocol.commands import Capture, Prepare, Restore, Stored

CRASH_POINTS: Final = (
    "after-requested",
    "after-prepared",
    "after-captured",
    "after-stored",
    "after-released",
    "after-claimed",
    "after-restored",
    "after-running",
)
_log = logging.getLogger(__name__)


async def capture(ground: Ground, journey: Journey) -> None:
    """Requested -> stored: gets the destination ready, freezes the function, makes its checkpoint durable."""
    machine.crash_point("after-requested")
    try:
        await _prepare(ground, journey)
        machine.crash_point("after-prepared")
        told = await _captured(ground, journey)
        machine.crash_point("after-captured")
        verified = await ground.uploads.verified(told, ground.hubs[journey.move.source].key)
        journey.told, journey.blob = told, verified.blob
        if upgrading.is_upgrade(journey.move):
            journey.child = await upgrading.child(ground, verified, upgrading.code_of(journey.change))
            journey.blob = journey.child.blob
            summary = verified.summary()
            ground.line.publish(ground.topics.summary(summary.checkpoint), messages.encode(summary))
        else:
            journey.ahead = asyncio.create_task(_send_ahead(ground, journey, verified), name=f"{told.instance} ahead")
        journey.move = await ground.store.write(decisions.store, journey.move, verified, journey.child, ground.key)
    except MidstreamError as error:
        await cancel(ground, journey, error)
        return
    journey.mark("stored")
    machine.crash_point("after-stored")


async def _send_ahead(ground: Ground, journey: Journey, verified: Verified) -> None:
    """Sends the checkpoint to the destination while it is being committed, so that it can check and decode ahead.

    It runs nothing without the claim; if the move is cancelled, it has some parts that nobody asks for.
    """
    destination = journey.move.destination
    if ground.hubs.online(destination):
        await ground.send_blob(verified.header.checkpoint, verified.blob)
        journey.sent_to = destination
    summary = verified.summary()
    ground.line.publish(ground.topics.summary(summary.checkpoint), messages.encode(summary))


async def _prepare(ground: Ground, journey: Journey) -> None:
    """Gets the destination ready, or the next best one if it was not named; not on the clock.

    Raises:
        MidstreamError: none gets ready.
    """
    move = journey.move
    while True:
        row, blob = await ground.store.read(decisions.smallest, move.instance)
        checkpoint = row.id
        if upgrading.is_upgrade(move):
            header, blob = await upgrading.ahead(ground, blob, upgrading.code_of(journey.change))
            checkpoint = header.checkpoint
        prepare = Prepare(
            id=f"{move.id}-prepare-{move.destination}",
            instance=move.instance,
            checkpoint=checkpoint,
            parts=-(-len(blob) // limits.PART),
            size=len(blob),
            digest=blob_digest(blob).hex(),
        )
        sending = asyncio.create_task(ground.send_blob(checkpoint, blob), name=f"{move.instance} prepare")
        try:
            async with asyncio.timeout(limits.PREPARED):
                await ground.commands.ask(move.destination, prepare, Done)
        except (MidstreamError, TimeoutError) as error:
            failed = error if isinstance(error, MidstreamError) else MidstreamError("it did not get ready in time")
            journey.move = move = await fallback.other_destination(ground, move, failed)
        else:
            return
        finally:
            await sending


async def _captured(ground: Ground, journey: Journey) -> Captured:
    move = journey.move
    command = Capture(
        id=f"{move.id}-capture",
        instance=move.instance,
        epoch=move.epoch,
        reason=move.why,
        hold=True,
        move=move.id,
        handover=cast("Handover", move.handover),
    )
    journey.mark("asked")
    told = await ground.commands.ask(move.source, command, Captured)
    journey.mark("told")
    return told


async def release(ground: Ground, journey: Journey) -> None:
    """Stored -> claimed: the source lets go (the commit point), and the claim is made with its word.

    A source that dies here has the function frozen, so its checkpoint is its newest state: the move goes on.
    """
    move = journey.move
    command = Stored(id=f"{move.id}-stored", instance=move.instance, checkpoint=move.checkpoint, epoch=move.epoch)
    try:
        released = await ground.commands.ask(move.source, command, Released)
    except HubGoneError as error:
        journey.move = await ground.store.write(decisions.release, move, failure=error.message)
        await ground.journal.tell(
            "move",
            did=f"goes on from checkpoint {move.checkpoint}",
            why=f"{move.source} went away while it held {move.instance}: {error.message}",
            severity="warning",
            instance=move.instance,
            hub=move.source,
        )
        return
    except MidstreamError as error:
        await cancel(ground, journey, error)
        return
    machine.crash_point("after-released")
    if journey.ahead is not None:
        await journey.ahead  # `Restore` must arrive behind it
    passes_on = move.source != move.destination or move.handover == "disconnect"  # else it keeps its mailbox
    late_mail_comes = ground.hubs.online(move.source) and passes_on
    await _claim(ground, journey, published=released.published, late_mail=late_mail_comes)


async def claim(ground: Ground, journey: Journey) -> None:
    """Released -> claimed: where nobody holds the function, or the coordinator died between the two."""
    if journey.move.kind == "failover":  # asked for by a person it has not waited yet
        await ground.lease_over(journey.move.source)
    await _claim(ground, journey)


async def _claim(ground: Ground, journey: Journey, *, published: int = 0, late_mail: bool = False) -> None:
    move = journey.move
    claimed = await ground.store.write(
        decisions.claim,
        ground.claims,
        move,
        destination=move.destination,
        published=published,
        late_mail=late_mail,
    )
    journey.mark("claimed")
    journey.move = claimed.move
    await _restore(ground, journey, claimed)


async def restore(ground: Ground, journey: Journey) -> None:
    """Claimed -> running, after a restart of the coordinator."""
    await _restore(ground, journey, await ground.store.read(decisions.again, journey.move))


async def _restore(ground: Ground, journey: Journey, claimed: decisions.Claimed) -> None:
    """Claimed -> running: the destination is told to go on; if it cannot, another one or an older checkpoint."""
    ground.claims.publish(claimed.claim)
    ground.commands.deliver(claimed.fences)
    machine.crash_point("after-claimed")
    try:
        async with asyncio.timeout(limits.RESTORED):
            running = await _running(ground, journey, claimed)
        machine.crash_point("after-restored")
    except StoreError:
        raise  # it is not the destination that failed
    except TimeoutError:
        failure = MidstreamError(f"no answer within {limits.RESTORED:.0f} s")
        await fallback.next_place(ground, journey, failure)
    except MidstreamError as failure:
        await fallback.next_place(ground, journey, failure)
    else:
        journey.mark("running")
        await _note_running(ground, journey, running)
        machine.crash_point("after-running")


async def _running(ground: Ground, journey: Journey, claimed: decisions.Claimed) -> Running:
    move = claimed.move
    parts = 0
    if journey.sent_to != move.destination:
        if journey.blob is None:
            journey.blob = await ground.store.read(checkpoints.blob, move.checkpoint)
        parts = await ground.send_blob(move.checkpoint, journey.blob)
        journey.sent_to = move.destination
    command = Restore(
        id=f"{move.id}-restore-{move.claimed}",
        instance=move.instance,
        epoch=move.claimed,
        checkpoint=move.checkpoint,
        claim=claimed.claim,
        parts=parts,
        size=claimed.size,
        digest=claimed.digest,
        move=move.id,
        published=claimed.published,
        late_mail=move.late_mail,
        muted=claimed.muted,
        upgrades=await ground.store.read(upgrading.upgrades, move.checkpoint) if upgrading.is_upgrade(move) else "",
    )
    return await ground.commands.ask(move.destination, command, Running)


async def _note_running(ground: Ground, journey: Journey, running: Running) -> None:
    values: dict[str, object] = {"phases": journey.phases(running.phases)}
    if "asked" in journey.moments:
        values["downtime_ms"] = journey.downtime_ms()
    journey.move, fences = await ground.store.write(decisions.run, journey.move, **values)
    ground.ahead.forget_older(journey.move.instance, journey.move.claimed)
    ground.commands.deliver(fences)


async def finish(ground: Ground, journey: Journey) -> None:
    """Running -> done: what the source heard after the capture has reached the destination, or is known to be lost."""
    if journey.move.late_mail:
        await late_mail.pass_on(ground, journey)
    journey.move = await ground.store.write(decisions.finish, journey.move)


async def cancel(ground: Ground, journey: Journey, error: MidstreamError) -> None:
    """Ends a move before its commit point: the function goes on where it is, and the event says why."""
    move = journey.move
    journey.move, told = await ground.store.write(decisions.cancel, move, str(error))
    ground.commands.deliver(told)
    await ground.journal.tell(
        "move",
        did=f"{move.instance} stays on {move.source}",
        why=f"it could not be moved to {move.destination}: {error}",
        severity="warning",
        instance=move.instance,
        hub=move.source,
        details={"move": move.id, "wanted": move.why},
    )


STEPS: Final[dict[State, Callable[[Ground, Journey], Awaitable[None]]]] = {
    "requested": capture,
    "captured": capture,
    "stored": release,
    "released": claim,
    "claimed": restore,
    "running": finish,
}
"""What is to be done in each state that is no end. ``captured`` is never seen alone: it is passed in one transaction."""

"""From its start, under the name of an instance that there is already: its lineage stays, and gets another root.

One that runs is stopped first, and its hub has said so before anything else is done: its session at the broker must be
gone, or the new one would get messages of subscriptions that it never made. The new root has no parent, so that nothing
leads back to the state that was given up; it counts its outputs on from where they were, because their keys are
(instance, sequence) (`docs/protocol.md`, rule 17).
"""

from __future__ import annotations

import msgspec
from sqlalchemy.orm import Session

from coordinator.ingest.checkpoints import row_of
from coordinator.moment import now
from coordinator.moves import decisions, founding, starting
from coordinator.moves.commands import HubGoneError
from coordinator.moves.giving_up import require_nothing_ahead
from coordinator.moves.ground import Ground
from coordinator.moves.starting import Code, Planting
from coordinator.store import checkpoints, instances, moves
from coordinator.store import commands as rows
from coordinator.store.schema import Command, Instance, Move
from devices.errors import RefusedError
from devices.protocol import sealing
from devices.protocol.answers import Done
from devices.protocol.commands import AnyCommand, Stop


async def begin(ground: Ground, planting: Planting, instance: Instance, code: Code) -> Move:
    """Ends an instance if it has not ended, and opens the move that starts its function from the start.

    Raises:
        RefusedError: its hub is away, so that nobody can say whether it has ended.
        LostDecisionError: something else was decided meanwhile; ask again.
    """
    if instance.state not in ("finished", "stopped"):
        await _stop(ground, instance, planting.intent.why)
    return await ground.store.write(_plant, planting, instance, code)


async def _stop(ground: Ground, instance: Instance, why: str) -> None:
    if not ground.hubs.online(instance.hub):
        raise RefusedError(
            f"{instance.hub}, where {instance.id} is, is away",
            remedy=f"midstream migrate {instance.id}, then ask again; or wait for {instance.hub}",
        )
    await require_nothing_ahead(ground, instance, accepts_loss=False)
    row = await ground.store.write(_end, instance.id, instance.epoch, why)
    try:
        await ground.commands.ask(row.hub, msgspec.convert(row.body, AnyCommand), Done)
    except HubGoneError:
        ground.commands.deliver([row])
        raise
    await ground.store.write(rows.answered, row.id, "done", now())
    ground.claims.withdraw(instance.id)


def _end(session: Session, name: str, epoch: int, why: str) -> Command:
    """Ends an instance that is wanted all the same: whoever looks next begins it, should we die in between."""
    if not instances.change(session, name, epoch, state="stopped", wanted="running", since=now(), reason=why):
        raise decisions.LostDecisionError(f"{name} has moved meanwhile", remedy="ask again")
    instance = instances.find(session, name)
    assert instance is not None
    stop = Stop(id=f"stop-{name}-{epoch}", instance=name, epoch=epoch, reason=why)
    return decisions.durable(session, instance.hub, "", stop)


def _plant(session: Session, planting: Planting, before: Instance, code: Code) -> Move:
    instance = instances.find(session, before.id)
    assert instance is not None
    if instance.epoch != before.epoch or instance.state not in ("finished", "stopped"):
        raise decisions.LostDecisionError(f"{instance.id} is {instance.state} meanwhile", remedy="ask again")
    newest = checkpoints.find(session, instance.newest)
    sequence = max(instance.published, newest.sequence if newest is not None else 0)
    record = starting.record(code, planting.timezone)
    header, blob = founding.first_of(
        instance.id, record, starting.ENGINE, planting.key, epoch=instance.epoch, sequence=sequence
    )
    checkpoints.add(session, row_of(header, blob, sealing.public_bytes(planting.key)), blob)
    instance.function = instances.remember_function(session, starting.row_of_function(record, code.declaration))
    instance.settings, instance.newest, instance.published = record.settings, header.checkpoint, sequence
    instance.state, instance.wanted, instance.muted = "starting", "running", False
    instance.since, instance.reason, instance.result, instance.error = now(), planting.intent.why, None, ""
    named = bool(planting.intent.hub)
    move = starting.new_move(instance, "start", planting.intent, source="", place=planting.place, named=named)
    move.handover = planting.handover
    moves.open_one(session, move)
    return move

"""A hub tells what it holds, at its start and at each connection; store and hub are brought to agree.

The store decides. A hub that holds what was given to somebody else is fenced; one that holds what was ended ends it;
one that lost what the store says it has (a new disk) gets it again from the newest checkpoint, in a new epoch. Only a
higher epoch than the store knows wins over it: then the store is an old backup (`docs/protocol.md`, rule 4).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC

import msgspec
from sqlalchemy.orm import Session

from coordinator.moves import adopting, decisions
from coordinator.moves.claims import raise_epoch
from coordinator.moves.giving_up import give_up
from coordinator.moves.ground import Ground
from coordinator.moves.moving import Moves
from coordinator.placement import resuming
from coordinator.placement.resuming import Wish
from coordinator.store import checkpoints, instances, moves, triggers
from coordinator.store import commands as command_rows
from coordinator.store.database import until_stored
from coordinator.store.schema import Command, Instance, Move
from devices.errors import RefusedError, UsageError
from devices.protocol.answers import Holding, Report
from devices.protocol.commands import Capture, Fenced, GoOn, Stop
from devices.runtime import clock


@dataclass(slots=True)
class _Settlement:
    commands: list[Command] = field(default_factory=list)
    lost: list[Move] = field(default_factory=list)  # to be given to the hub again
    words: list[str] = field(default_factory=list)
    unknown: list[Holding] = field(default_factory=list)  # the store has never heard of it
    gone: list[tuple[str, int]] = field(default_factory=list)  # the hub has lost it: name and epoch
    fenced: list[tuple[str, int]] = field(default_factory=list)  # it is another hub's: name and epoch
    suspended: list[tuple[str, str]] = field(default_factory=list)  # by the hub itself, and until when
    late: list[Holding] = field(default_factory=list)  # its checkpoint is not in the store, or not yet


async def settle(ground: Ground, moving: Moves, report: Report) -> None:
    """Brings store and hub to agree."""
    await ground.ready.wait()
    ground.hubs[report.hub].holding = {holding.instance: holding for holding in report.holding}
    settlement = await until_stored(lambda: ground.store.write(_settle, report))
    ground.commands.deliver(settlement.commands)
    for sentence in settlement.words:
        await ground.journal.tell(
            "hub", did="the higher epoch counts", why=sentence, severity="warning", hub=report.hub
        )
    for name, until in settlement.suspended:
        why = f"its hub protected itself while there was no coordinator; it goes on when {until}"
        did = f"suspended {name}"
        await ground.journal.tell("hub", did=did, why=why, severity="warning", instance=name, hub=report.hub)
    for name, epoch in settlement.fenced:
        ground.ahead.forget_older(name, epoch)
    for name, epoch in settlement.gone:
        await give_up(ground, name, epoch, f"{report.hub} does not have it any more")
    await asyncio.gather(
        _give_again(moving, settlement.lost),
        *(adopting.adopt(ground, moving, report.hub, it, known=True) for it in settlement.late),
        *(adopting.adopt(ground, moving, report.hub, it, known=False) for it in settlement.unknown),
    )


async def _give_again(moving: Moves, lost: list[Move]) -> None:
    for move in lost:
        try:
            await moving.carried(await moving.open(move))
        except RefusedError:
            continue  # somebody moves it meanwhile


def _settle(session: Session, report: Report) -> _Settlement:
    settlement = _Settlement()
    for holding in report.holding:
        _settle_one(session, report.hub, holding, settlement)
    held = {holding.instance for holding in report.holding}
    for instance, _ in instances.every(session):
        gone = instance.hub == report.hub and instance.id not in held and instance.state in ("running", "suspended")
        if not gone or moves.unfinished_of(session, instance.id) is not None:
            continue
        settlement.gone.append((instance.id, instance.epoch))
        if instance.wanted == "running":
            settlement.lost.append(adopting.lost(instance, report.hub, f"{report.hub} does not have it any more"))
    return settlement


def _settle_one(session: Session, hub: str, holding: Holding, settlement: _Settlement) -> None:
    instance = instances.find(session, holding.instance)
    if instance is None and triggers.has_ended(session, holding.instance):
        why = "this run has ended"
        stop = Stop(id=f"stop-{holding.instance}-{hub}", instance=holding.instance, epoch=holding.epoch, reason=why)
        settlement.commands.append(_anew(session, hub, stop))
        return
    if instance is None:
        settlement.unknown.append(holding)
        return
    about = f"{instance.id}-{instance.epoch}-{hub}"
    if holding.epoch > instance.epoch:
        settlement.words.append(f"{hub} holds {instance.id} in epoch {holding.epoch}, the store knew {instance.epoch}")
        raise_epoch(session, instance, holding.epoch, hub, holding.checkpoint)
    elif (holding.epoch, hub) != (instance.epoch, instance.hub):
        fence = Fenced(id=f"fenced-{about}", instance=instance.id, epoch=instance.epoch, hub=instance.hub)
        settlement.commands.append(_anew(session, hub, fence))
        if instance.hub != hub:
            settlement.fenced.append((instance.id, instance.epoch))
    elif instance.state == "stopped":
        stop = Stop(id=f"stop-{about}", instance=instance.id, epoch=instance.epoch, reason="it was stopped")
        settlement.commands.append(_anew(session, hub, stop))
    elif holding.state == "held" and holding.move:
        move = moves.look_up(session, holding.move)
        if move is None or move.state == "cancelled":
            why = move.failure if move is not None else "this store does not know the move"
            go_on = GoOn(id=f"go-on-{about}", instance=instance.id, epoch=holding.epoch, move=holding.move, reason=why)
            settlement.commands.append(_anew(session, hub, go_on))
    _compare(session, instance, hub, holding, settlement)


def _compare(session: Session, instance: Instance, hub: str, holding: Holding, settlement: _Settlement) -> None:
    """Brings what the holder of the newest epoch does and has to what the store says, or the other way round."""
    if (holding.epoch, hub) != (instance.epoch, instance.hub) or instance.state in instances.ENDED:
        return
    if checkpoints.find(session, holding.checkpoint) is None:
        settlement.late.append(holding)
    if moves.unfinished_of(session, instance.id) is not None:
        return
    if instance.state == "suspended" and holding.state == "running" and (instance.resume or {}).get("by_hub"):
        instance.state, instance.wanted, instance.resume = "running", "running", None
    elif instance.state == "suspended" and holding.state == "running" and instance.wanted == "suspended":
        # Its checkpoint was stored, and its hub began again before it had heard that.
        again = Capture(
            id=f"suspend-{holding.checkpoint}",
            instance=instance.id,
            epoch=instance.epoch,
            reason="it is suspended",
            hold=True,
        )
        settlement.commands.append(_anew(session, hub, again))
    elif instance.state in ("moving", "starting") and holding.state == "running":
        instance.state = "running"
    elif instance.state == "running" and holding.state == "suspended":
        instance.state = instance.wanted = "suspended"  # the store is an older copy, or the hub was alone
        if holding.until:
            _keep_until(instance, holding.until, settlement)


def _keep_until(instance: Instance, until: str, settlement: _Settlement) -> None:
    """Notes for what an instance waits that its hub has suspended by itself; what cannot be read waits for a person."""
    settlement.suspended.append((instance.id, until))
    wish = Wish(text=until, since=clock.wall(), by_hub=True)
    try:
        resuming.parse(wish.text, wish.since, UTC)
    except UsageError:
        return
    instance.resume = msgspec.to_builtins(wish)


def _anew(session: Session, hub: str, command: Fenced | Stop | GoOn | Capture) -> Command:
    """Adds a command that must arrive, although one of the same id may have been answered before."""
    command_rows.forget(session, command.id)
    return decisions.durable(session, hub, "", command)

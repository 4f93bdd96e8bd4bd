"""A hub tells what it holds, at its start and at each connection; store and hub are brought to agree.

The store decides. A hub that holds what was given to somebody else is fenced; one that holds what was ended ends it;
one that lost what the store says it has (a new disk) gets it again from the newest checkpoint, in a new epoch. Only a
higher epoch than the store knows wins over it: then the store is an old backup (`docs/protocol.md`, rule 4).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from coordinator.moves import decisions, founding
from coordinator.moves.claims import raise_epoch
from coordinator.moves.giving_up import give_up
from coordinator.moves.ground import Ground
from coordinator.moves.moving import Moves
from coordinator.store import commands as command_rows
from coordinator.store import instances, moves
from coordinator.store.schema import Command, Move
from devices.errors import RefusedError
from devices.protocol.messages import Fenced, GoOn, Holding, Report, Stop


@dataclass(slots=True)
class _Settlement:
    commands: list[Command] = field(default_factory=list)
    lost: list[Move] = field(default_factory=list)  # to be given to the hub again
    words: list[str] = field(default_factory=list)


async def settle(ground: Ground, moving: Moves, report: Report) -> None:
    """Brings store and hub to agree."""
    await ground.ready.wait()
    settlement = await ground.store.write(_settle, report)
    ground.commands.deliver(settlement.commands)
    for sentence in settlement.words:
        await ground.journal.tell(
            "hub", did="the higher epoch counts", why=sentence, severity="warning", hub=report.hub
        )
    for move in settlement.lost:
        await give_up(ground, move.instance, move.epoch, f"{report.hub} does not have it any more")
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
        if gone and instance.wanted == "running" and moves.unfinished_of(session, instance.id) is None:
            settlement.lost.append(
                Move(
                    id=founding.new_id(),
                    instance=instance.id,
                    kind="restore",
                    state="released",
                    by="coordinator",
                    why=f"{report.hub} does not have it any more",
                    source="",
                    destination=report.hub,
                    epoch=instance.epoch,
                    checkpoint=instance.newest,
                    tried=[],
                )
            )
    return settlement


def _settle_one(session: Session, hub: str, holding: Holding, settlement: _Settlement) -> None:
    instance = instances.find(session, holding.instance)
    if instance is None:
        settlement.words.append(f"{hub} holds {holding.instance}, which this store does not know; it is left alone")
        return
    about = f"{instance.id}-{instance.epoch}-{hub}"
    if holding.epoch > instance.epoch:
        settlement.words.append(f"{hub} holds {instance.id} in epoch {holding.epoch}, the store knew {instance.epoch}")
        raise_epoch(session, instance, holding.epoch, hub, holding.checkpoint)
        instance.state = "running" if holding.state in ("starting", "running", "capturing") else holding.state
    elif (holding.epoch, hub) != (instance.epoch, instance.hub):
        fence = Fenced(id=f"fenced-{about}", instance=instance.id, epoch=instance.epoch, hub=instance.hub)
        settlement.commands.append(_anew(session, hub, fence))
    elif instance.state == "stopped":
        stop = Stop(id=f"stop-{about}", instance=instance.id, epoch=instance.epoch, reason="it was stopped")
        settlement.commands.append(_anew(session, hub, stop))
    elif holding.state == "held" and holding.move:
        move = moves.look_up(session, holding.move)
        if move is None or move.state == "cancelled":
            why = move.failure if move is not None else "this store does not know the move"
            go_on = GoOn(id=f"go-on-{about}", instance=instance.id, epoch=holding.epoch, move=holding.move, reason=why)
            settlement.commands.append(_anew(session, hub, go_on))


def _anew(session: Session, hub: str, command: Fenced | Stop | GoOn) -> Command:
    """Adds a command that must arrive, although one of the same id may have been answered before."""
    command_rows.forget(session, command.id)
    return decisions.durable(session, hub, "", command)

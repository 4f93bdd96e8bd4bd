"""The decisions of a move, each one transaction: what changes together, changes together or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.ingest.checkpoints import Verified
from coordinator.moment import now
from coordinator.moves.claims import Claims
from coordinator.moves.commands import plain
from coordinator.moves.machine import State, advance
from coordinator.store import checkpoints, commands, instances, moves
from coordinator.store.schema import Checkpoint, Command, Instance, Move
from devices.errors import RefusedError
from devices.protocol.messages import AnyCommand, Claim, Fenced, GoOn


class LostDecisionError(RefusedError):
    """Something else was decided meanwhile."""

    slug = "decided"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim that was made, with what a `Restore` must say beside it."""

    move: Move
    claim: Claim
    checkpoint: Checkpoint
    published: int
    muted: bool
    fences: list[Command]


def smallest(session: Session, instance: str) -> tuple[Checkpoint, bytes]:
    """Returns the smallest checkpoint that carries an instance's code, for a hub that gets ready for it."""
    row = session.scalars(select(Checkpoint).where(Checkpoint.instance == instance).order_by(Checkpoint.size)).first()
    assert row is not None, "an instance starts with a checkpoint"
    return row, checkpoints.blob(session, row.id)


def store(session: Session, move: str, verified: Verified) -> Move:
    """Commits the checkpoint of a move: requested -> captured -> stored.

    Raises:
        LostDecisionError: the move was cancelled meanwhile.
        FencedError: the source does not hold the newest epoch.
    """
    header = verified.header
    checkpoints.commit(session, verified.row(), verified.blob)
    instance = _instance(session, header.instance)
    instance.state, instance.since = "moving", now()
    return _must(advance(session, move, "requested", "captured", "stored", checkpoint=header.checkpoint))


def release(session: Session, /, move: str, **values: Any) -> Move:
    """Passes the commit point: stored -> released.

    Raises:
        LostDecisionError: it is not in that state.
    """
    return _must(advance(session, move, "stored", "released", **values))


def claim(
    session: Session, /, claims: Claims, row: Move, old: State, *, destination: str, checkpoint: str, **values: Any
) -> Claimed:
    """Gives the instance to a hub: (stored -> released ->) claimed, with the next epoch.

    A hub that had the claim before is fenced by a command that goes out with this decision.

    Args:
        session: the transaction.
        claims: signs.
        row: the move, as it was last seen.
        old: the state that the move is in.
        destination: the hub.
        checkpoint: what it goes on from.
        **values: further columns of the move; ``published`` goes to the instance.

    Raises:
        LostDecisionError: the move is not in that state.
    """
    published = values.pop("published", 0)
    instance = _instance(session, row.instance)
    given = checkpoints.find(session, checkpoint)
    assert given is not None, "only a checkpoint of the store is claimed"
    instance.published = max(instance.published, published)
    if instance.newest != checkpoint:
        instance.newest = checkpoint
        instance.muted = True  # rule 18: what a rolled-back state publishes waits until somebody confirms it
    issued = claims.issue(instance, destination, given)
    instance.state = "starting" if row.kind == "start" else "moving"
    instance.since, instance.reason = now(), row.why
    way: list[State] = ["stored", "released", "claimed"] if old == "stored" else [old, "claimed"]
    values |= {"claimed": instance.epoch, "destination": destination, "checkpoint": checkpoint}
    moved = _must(advance(session, row.id, *way, **values))
    failed = row.destination if old == "claimed" and row.destination != destination else ""
    fences = [_fence(session, moved, failed, instance)] if failed else []
    return Claimed(moved, issued, given, instance.published, instance.muted, fences)


def again(session: Session, move: str) -> Claimed:
    """Returns the claim that stands for a move, after a restart of the coordinator."""
    row = moves.find(session, move)
    instance = _instance(session, row.instance)
    given = checkpoints.find(session, row.checkpoint)
    assert given is not None
    return Claimed(row, _claim_of(instance), given, instance.published, instance.muted, [])


def run(session: Session, /, move: str, **values: Any) -> tuple[Move, list[Command]]:
    """Notes that the function goes on: claimed -> running; and tells the source that it is fenced.

    Raises:
        LostDecisionError: another claim was made meanwhile.
    """
    row = _must(advance(session, move, "claimed", "running", **values))
    instance = _instance(session, row.instance)
    instance.state, instance.since, instance.wanted = "running", now(), "running"
    instance.error, instance.result = "", None
    travelled = row.kind in ("move", "failover") and row.destination != row.source
    instance.moves += travelled
    fences = [_fence(session, row, row.source, instance)] if row.source and row.source != row.destination else []
    return row, fences


def finish(session: Session, /, move: str, **values: Any) -> Move:
    """Ends a move well: running -> done."""
    return _must(advance(session, move, "running", "done", ended=now(), **values))


def cancel(session: Session, move: str, old: State, failure: str) -> tuple[Move, list[Command]]:
    """Ends a move before its commit point; source and destination are told, and the function goes on where it was.

    Raises:
        LostDecisionError: it is not in that state any more.
    """
    row = _must(advance(session, move, old, "cancelled", failure=failure, ended=now()))
    instance = _instance(session, row.instance)
    if instance.state == "moving":
        instance.state = "suspended" if instance.wanted == "suspended" else "running"
    told = []
    for name, hub in (("source", row.source), ("destination", row.destination)):
        go_on = GoOn(id=f"{move}-go-on-{name}", instance=row.instance, epoch=row.epoch, move=move, reason=failure)
        told.append(durable(session, hub, move, go_on))
    return row, told


def fail(session: Session, move: str, failure: str) -> Move:
    """Ends a move for which nothing worked: claimed -> failed; the instance is failed, its lineage stays."""
    row = _must(advance(session, move, "claimed", "failed", failure=failure, ended=now()))
    instance = _instance(session, row.instance)
    instance.state, instance.since, instance.reason = "failed", now(), failure
    return row


def durable(session: Session, hub: str, move: str, command: AnyCommand) -> Command:
    """Adds a command that must arrive; returns its row, to be delivered after the transaction."""
    commands.add(session, hub=hub, move=move, body=plain(command), at=now())
    session.flush()
    return session.scalars(select(Command).where(Command.id == command.id)).one()


def _fence(session: Session, move: Move, hub: str, instance: Instance) -> Command:
    command = Fenced(
        id=f"{move.id}-fenced-{instance.epoch}-{hub}", instance=instance.id, epoch=instance.epoch, hub=instance.hub
    )
    return durable(session, hub, move.id, command)


def _instance(session: Session, name: str) -> Instance:
    instance = instances.find(session, name)
    assert instance is not None, "a move is of an instance"
    return instance


def _claim_of(instance: Instance) -> Claim:
    return msgspec.convert(instance.claim, Claim)


def _must(landed: Move | None) -> Move:
    if landed is None:
        raise LostDecisionError("the move has gone another way meanwhile")
    return landed

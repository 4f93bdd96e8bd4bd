"""The decisions of a move, each one transaction: what changes together, changes together or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from coordinator.ingest.checkpoints import Verified, row_of
from coordinator.moment import now
from coordinator.moves import upgrading
from coordinator.moves.claims import Claims
from coordinator.moves.commands import plain
from coordinator.moves.machine import State, advance
from coordinator.moves.setting_back import SetBack
from coordinator.moves.upgrading import Child
from coordinator.store import checkpoints, commands, instances
from coordinator.store.schema import Checkpoint, Command, Instance, Move
from devices.errors import RefusedError
from devices.protocol.commands import AnyCommand, Fenced, GoOn
from devices.protocol.messages import Claim

_HELD: Final = select(Instance.epoch, Instance.published, Instance.muted, Instance.newest).where(
    Instance.id == bindparam("wanted")
)
_GIVEN: Final = select(Checkpoint.size, Checkpoint.digest).where(Checkpoint.id == bindparam("wanted"))


class LostDecisionError(RefusedError):
    """Something else was decided meanwhile."""

    slug = "decided"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim that was made, with what a `Restore` must say beside it."""

    move: Move
    claim: Claim
    size: int  # bytes of the blob
    digest: str
    published: int
    muted: bool
    fences: list[Command]


def smallest(session: Session, instance: str) -> tuple[Checkpoint, bytes]:
    """Returns the smallest checkpoint that carries an instance's code, for a hub that gets ready for it."""
    row = session.scalars(select(Checkpoint).where(Checkpoint.instance == instance).order_by(Checkpoint.size)).first()
    assert row is not None, "an instance starts with a checkpoint"
    return row, checkpoints.blob(session, row.id)


def store(session: Session, move: Move, verified: Verified, child: Child | None, key: Ed25519PrivateKey) -> Move:
    """Commits the checkpoint of a move: requested -> captured -> stored; and what an upgrade made of it.

    Raises:
        LostDecisionError: the move was cancelled meanwhile.
        FencedError: the source does not hold the newest epoch.
    """
    checkpoints.commit(session, verified.row(), verified.blob, state="moving", since=now())
    if child is not None:
        upgrading.add(session, child, key, verified.row().variables)
    return _must(advance(session, move, "requested", "captured", "stored", checkpoint=verified.header.checkpoint))


def release(session: Session, /, move: Move, **values: Any) -> Move:
    """Passes the commit point: stored -> released.

    Raises:
        LostDecisionError: it is not in that state.
    """
    return _must(advance(session, move, "stored", "released", **values))


def claim(
    session: Session,
    /,
    claims: Claims,
    move: Move,
    *,
    destination: str,
    checkpoint: str = "",
    muted: bool = False,
    **values: Any,
) -> Claimed:
    """Gives the instance to a hub: (stored -> released ->) claimed, with the next epoch.

    A hub that had the claim before is fenced by a command that goes out with this decision.

    Args:
        session: the transaction.
        claims: signs.
        move: as it was last seen: stored, released or claimed.
        destination: the hub.
        checkpoint: what it goes on from; the newest one if that is not said. A hub that is taken for dead may have
            had a newer one stored since the move was opened, and have acknowledged what that one covers.
        muted: whether its outputs wait until somebody confirms them, because messages are lost (rule 18).
        **values: further columns of the move; ``published`` goes to the instance.

    Raises:
        LostDecisionError: the move, or the instance's epoch, is not what it was.
    """
    old = cast("State", move.state)
    now_held = session.connection().execute(_HELD, {"wanted": move.instance}).one()
    checkpoint = checkpoint or now_held.newest
    given = session.connection().execute(_GIVEN, {"wanted": checkpoint}).one()
    epoch, published = now_held.epoch + 1, max(now_held.published, values.pop("published", 0))
    muted = muted or now_held.muted
    issued = claims.issue(move.instance, epoch, destination, checkpoint, given.digest)
    changed = instances.change(
        session,
        move.instance,
        now_held.epoch,
        epoch=epoch,
        hub=destination,
        claim=msgspec.to_builtins(issued),
        newest=checkpoint,
        published=published,
        muted=muted,
        resume=None,
        state="starting" if move.kind == "start" else "moving",
        since=now(),
        reason=move.why,
    )
    way: list[State] = ["stored", "released", "claimed"] if old == "stored" else [old, "claimed"]
    values |= {"claimed": epoch, "destination": destination, "checkpoint": checkpoint}
    moved = _must(advance(session, move, *way, **values) if changed else None)
    if upgrading.is_upgrade(move):
        upgrading.take_code(session, move.instance, checkpoint)
    failed = move.destination if old == "claimed" and move.destination != destination else ""
    fences = [_fence(session, moved, failed)] if failed else []
    return Claimed(moved, issued, given.size, given.digest, published, muted, fences)


def again(session: Session, move: Move) -> Claimed:
    """Returns the claim that stands for a move, after a restart of the coordinator or a failed restore."""
    instance = instances.find(session, move.instance)
    given = checkpoints.find(session, move.checkpoint)
    assert instance is not None
    assert given is not None
    issued = msgspec.convert(instance.claim, Claim)
    return Claimed(move, issued, given.size, given.digest, instance.published, instance.muted, [])


def claim_set_back(
    session: Session, /, claims: Claims, move: Move, back: SetBack, signer: bytes, *, destination: str, **values: Any
) -> Claimed:
    """Adds the checkpoint with which the function goes back, and gives the instance to a hub with it, as `claim` does.

    Args:
        session: the transaction.
        claims: signs.
        move: as it was last seen.
        back: the checkpoint.
        signer: the public key that fits.
        destination: the hub.
        **values: as of `claim`.

    Raises:
        LostDecisionError: the move, or the instance's epoch, is not what it was.
    """
    checkpoints.add(session, row_of(back.header, back.blob, signer), back.blob)
    return claim(
        session,
        claims,
        move,
        destination=destination,
        checkpoint=back.header.checkpoint,
        published=back.published,
        muted=bool(back.lost),
        **values,
    )


def run(session: Session, /, move: Move, **values: Any) -> tuple[Move, list[Command]]:
    """Notes that the function goes on: claimed -> running; and tells the source that it is fenced.

    Raises:
        LostDecisionError: another claim was made meanwhile.
    """
    row = _must(advance(session, move, "claimed", "running", **values))
    instance = _instance(session, row.instance)
    if instance.state not in instances.ENDED:  # a function may end before its start is noted
        instance.state, instance.since, instance.wanted = "running", now(), "running"
        instance.error, instance.result = "", None
    elsewhere = row.source not in ("", row.destination)
    instance.moves += elsewhere and row.kind in ("move", "failover")
    return row, [_fence(session, row, row.source)] if elsewhere else []


def finish(session: Session, /, move: Move) -> Move:
    """Ends a move well: running -> done."""
    return _must(advance(session, move, "running", "done", ended=now()))


def cancel(session: Session, move: Move, failure: str) -> tuple[Move, list[Command]]:
    """Ends a move before its commit point; source and destination are told, and the function goes on where it was.

    Raises:
        LostDecisionError: it is not in that state any more.
    """
    row = _must(advance(session, move, cast("State", move.state), "cancelled", failure=failure, ended=now()))
    upgrading.undo(session, row)
    instance = _instance(session, row.instance)
    if instance.state == "moving":
        instance.state = "suspended" if instance.wanted in instances.AT_REST else "running"
    told = []
    for name, hub in (("source", row.source), ("destination", row.destination)):
        go_on = GoOn(id=f"{row.id}-go-on-{name}", instance=row.instance, epoch=row.epoch, move=row.id, reason=failure)
        told.append(durable(session, hub, row.id, go_on))
    return row, told


def fail(session: Session, move: Move, failure: str) -> Move:
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


def _fence(session: Session, move: Move, hub: str) -> Command:
    command = Fenced(
        id=f"{move.id}-fenced-{move.claimed}-{hub}", instance=move.instance, epoch=move.claimed, hub=move.destination
    )
    return durable(session, hub, move.id, command)


def _instance(session: Session, name: str) -> Instance:
    instance = instances.find(session, name)
    assert instance is not None, "a move is of an instance"
    return instance


def _must(landed: Move | None) -> Move:
    if landed is None:
        raise LostDecisionError("the move has gone another way meanwhile")
    return landed

"""Durable checkpoints: commit, find, and the chain of parents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from coordinator.store.guard import landed, table_of, values_of
from coordinator.store.schema import Blob, Checkpoint, Instance
from devices.errors import FencedError, RefusedError

ROOT_HUB = "coordinator"
"""The "hub" of an instance's first checkpoint, which the coordinator makes itself."""
UPGRADE: Final = "upgrade"
"""The reason of a checkpoint that the coordinator made of its parent: the same state, on changed source."""
_INSTANCES: Final = table_of(Instance)
_ADD: Final = insert(table_of(Checkpoint))
_ADD_BLOB: Final = insert(table_of(Blob))
_KNOWN: Final = select(Checkpoint.digest, Checkpoint.instance).where(Checkpoint.id == bindparam("wanted"))


def commit(session: Session, /, checkpoint: Checkpoint, data: bytes, **values: Any) -> bool:
    """Makes a checkpoint its instance's newest; returns ``False`` if it was committed before.

    Args:
        session: the transaction.
        checkpoint: its row.
        data: its bytes.
        **values: columns of the instance that change with it.

    Raises:
        FencedError: its epoch is not the instance's newest, or another hub holds that.
        RefusedError: no such instance, or the id is taken by other bytes.
    """
    known = session.connection().execute(_KNOWN, {"wanted": checkpoint.id}).one_or_none()
    if known is not None:
        if tuple(known) != (checkpoint.digest, checkpoint.instance):
            raise RefusedError(f"checkpoint {checkpoint.id} exists already, with other bytes")
        return False
    holder = (Instance.id == checkpoint.instance, Instance.epoch == checkpoint.epoch, Instance.hub == checkpoint.hub)
    if not landed(session, update(_INSTANCES).where(*holder).values(newest=checkpoint.id, **values)):
        raise _refusal(session, checkpoint)
    add(session, checkpoint, data)
    return True


def _refusal(session: Session, checkpoint: Checkpoint) -> RefusedError:
    instance = session.get(Instance, checkpoint.instance)
    if instance is None:
        return RefusedError(f"there is no instance {checkpoint.instance}")
    return FencedError(
        f"a checkpoint of {instance.id} from {checkpoint.hub}, epoch {checkpoint.epoch}, is not taken: "
        f"epoch {instance.epoch} at {instance.hub} is the newest"
    )


def add(session: Session, checkpoint: Checkpoint, data: bytes) -> None:
    """Adds a checkpoint and its blob."""
    session.connection().execute(_ADD, values_of(checkpoint))
    session.connection().execute(_ADD_BLOB, {"checkpoint": checkpoint.id, "data": data})


def find(session: Session, checkpoint: str) -> Checkpoint | None:
    """Returns a checkpoint by its id."""
    return session.scalar(select(Checkpoint).where(Checkpoint.id == checkpoint))


def named(session: Session, text: str) -> Checkpoint:
    """Returns the checkpoint that a person means: its id, the head of it, or an instance for its newest one.

    Raises:
        RefusedError: none, or more than one.
    """
    instance = session.get(Instance, text)
    exact = find(session, instance.newest if instance is not None else text)
    if exact is not None:
        return exact
    found = list(session.scalars(select(Checkpoint).where(Checkpoint.id.startswith(text, autoescape=True)).limit(3)))
    if text and len(found) == 1:
        return found[0]
    if text and found:
        raise RefusedError(f"more than one checkpoint starts with {text}", remedy="give more of its id")
    raise RefusedError(f"there is no checkpoint {text}", remedy="`midstream lineage INSTANCE` lists them")


def blob(session: Session, checkpoint: str) -> bytes:
    """Returns a checkpoint's bytes.

    Raises:
        RefusedError: retention has thinned them out, or there is no such checkpoint.
    """
    data = session.scalar(select(Blob.data).where(Blob.checkpoint == checkpoint))
    if data is None:
        raise RefusedError(
            f"the bytes of checkpoint {checkpoint} are no longer kept",
            remedy="`midstream lineage INSTANCE` shows which ones are; [retention] in coordinator.toml says how many",
        )
    return data


def is_kept(session: Session, checkpoint: str) -> bool:
    """Tells whether a checkpoint's bytes are there."""
    return session.scalar(select(Blob.checkpoint).where(Blob.checkpoint == checkpoint)) is not None


def parents(session: Session, checkpoint: Checkpoint) -> Iterator[Checkpoint]:
    """Yields the ancestors of a checkpoint, the nearest first."""
    seen = {checkpoint.id}
    parent = checkpoint.parent
    while parent and parent not in seen:
        seen.add(parent)
        found = find(session, parent)
        if found is None:
            return
        yield found
        parent = found.parent


def counts(session: Session) -> dict[str, int]:
    """Returns the number of checkpoints by instance."""
    rows = session.execute(select(Checkpoint.instance, func.count()).group_by(Checkpoint.instance))
    return {instance: count for instance, count in rows}  # noqa: C416 - `dict(rows)` has rows for a type


def newest(session: Session) -> dict[str, Checkpoint]:
    """Returns each instance's newest checkpoint."""
    rows = session.scalars(select(Checkpoint).join(Instance, Instance.newest == Checkpoint.id))
    return {checkpoint.instance: checkpoint for checkpoint in rows}

"""Deletes the blobs that need not be kept.

What may still be gone on from without asking is never thinned out: an instance's newest checkpoint, its root (a clean
start), what an open move is about, and what a person has pinned.
"""

from __future__ import annotations

import logging
from itertools import groupby
from typing import Final

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from coordinator.moment import age, seconds
from coordinator.retention import Kept, Retention, surplus
from coordinator.store.schema import OPEN_MOVE, Blob, Checkpoint, Instance, Move, Pin
from devices import timekeeping
from devices.timekeeping import Machine

_AT_ONCE: Final = 500
"""Blobs deleted in one transaction: others wait for the writing thread meanwhile."""
_log = logging.getLogger(__name__)


def prune(session: Session, retention: Retention, machine: Machine = Machine()) -> int:  # noqa: B008 -- immutable
    """Deletes blobs that need not be kept, not too many at once, and returns how many; none by a clock that is wrong."""
    rows = session.execute(
        select(Checkpoint.instance, Checkpoint.id, Checkpoint.created, Checkpoint.size, Checkpoint.parent)
        .join(Blob, Blob.checkpoint == Checkpoint.id)
        .order_by(Checkpoint.instance, Checkpoint.number.desc())
    ).all()
    if doubt := timekeeping.doubt(max((seconds(row.created) or 0.0 for row in rows), default=0.0), machine):
        _log.warning("no checkpoint is thinned out: the coordinator %s", doubt)
        return 0
    needed = _needed(session)
    gone: list[str] = []
    for _, of_instance in groupby(rows, key=lambda row: row.instance):
        kept = [Kept(row.id, age(row.created) or 0.0, row.size) for row in of_instance if row.parent]
        gone += [checkpoint for checkpoint in surplus(kept, retention) if checkpoint not in needed]
    gone = gone[:_AT_ONCE]
    if gone:
        session.execute(delete(Blob).where(Blob.checkpoint.in_(gone)))
    return len(gone)


def _needed(session: Session) -> set[str]:
    return {
        *session.scalars(select(Instance.newest)),
        *session.scalars(select(Move.checkpoint).where(text(OPEN_MOVE))),
        *session.scalars(select(Pin.checkpoint)),
    }

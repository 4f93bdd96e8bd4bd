"""Thins out runs that have ended: thousands of them a day must fill neither the store nor the broker.

What is kept of each trigger are its last runs, and the last that failed. One that a person may still go back to stays:
pinned, or the root of a branch; and one that a hub has not heard the end of.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Delete, delete, func, select
from sqlalchemy.orm import Session

from coordinator.moment import age
from coordinator.store import instances
from coordinator.store.schema import Blob, Checkpoint, Command, Event, Instance, Move, Pin, Run

KEPT: Final = 10
"""Runs of a trigger that are kept, and as many that failed."""
_ROWS_KEPT: Final = 1000
"""Ends of runs that are remembered, so that a hub that tells one late is answered."""
_AT_ONCE: Final = 200
"""Runs deleted in one transaction: others wait for the writing thread meanwhile."""
SETTLED: Final = 60.0
"""Seconds after its end that a run is kept in any case: its hub may still be telling it."""


def surplus(session: Session, settled: float = SETTLED) -> list[str]:
    """Returns the instances of runs that need not be kept. It only reads: what idles must not write to an SD card."""
    every = session.scalars(select(Instance.trigger).where(Instance.trigger != "").distinct()).all()
    return [name for trigger in every for name in _surplus(session, trigger, settled)]


def thin(session: Session, gone: list[str]) -> list[str]:
    """Deletes runs, not too many at once; returns the names of their instances."""
    gone = gone[:_AT_ONCE]
    for statement in _deletions(gone):
        session.execute(statement)
    for trigger in session.scalars(select(Run.trigger).distinct()).all():
        _forget_rows(session, trigger)
    return gone


def _surplus(session: Session, trigger: str, settled: float) -> list[str]:
    ended = select(Instance.id, Instance.state, Instance.since).where(
        Instance.trigger == trigger, Instance.state.in_(instances.ENDED)
    )
    rows = session.execute(ended.order_by(Instance.created.desc(), Instance.id.desc())).all()
    kept = {row.id for row in rows[:KEPT]} | {row.id for row in [it for it in rows if it.state == "failed"][:KEPT]}
    rest = [row.id for row in rows if row.id not in kept and (age(row.since) or 0.0) >= settled]
    return [name for name in rest if not _needed(session, name)]


def _needed(session: Session, name: str) -> bool:
    checkpoints = select(Checkpoint.id).where(Checkpoint.instance == name)
    wanted: list[Any] = [
        select(Command.number).where(Command.instance == name, Command.answered == ""),
        select(Pin.checkpoint).where(Pin.checkpoint.in_(checkpoints)),
        select(Instance.id).where(Instance.origin.in_(checkpoints)),
    ]
    return any(session.execute(query.limit(1)).first() is not None for query in wanted)


def _deletions(gone: list[str]) -> list[Delete]:
    checkpoints = select(Checkpoint.id).where(Checkpoint.instance.in_(gone))
    return [
        delete(Blob).where(Blob.checkpoint.in_(checkpoints)),
        delete(Checkpoint).where(Checkpoint.instance.in_(gone)),
        delete(Move).where(Move.instance.in_(gone)),
        delete(Command).where(Command.instance.in_(gone)),
        delete(Event).where(Event.instance.in_(gone)),
        delete(Instance).where(Instance.id.in_(gone)),
    ]


def _forget_rows(session: Session, trigger: str) -> None:
    ended = (Run.trigger == trigger, Run.state == "ended")
    if (session.scalar(select(func.count()).where(*ended)) or 0) > 2 * _ROWS_KEPT:
        newest = select(Run.number).where(*ended).order_by(Run.number.desc()).limit(_ROWS_KEPT)
        session.execute(delete(Run).where(*ended, Run.number.not_in(newest)))

"""The rows of moves; which changes are allowed stands in `coordinator.moves.machine`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from coordinator.store.schema import OPEN_MOVE, Move
from devices.errors import RefusedError


def open_one(session: Session, move: Move) -> None:
    """Adds a move.

    Raises:
        RefusedError: the instance has an open one already.
    """
    session.add(move)
    try:
        session.flush()
    except IntegrityError as error:
        raise RefusedError(
            f"{move.instance} is being moved already", remedy="wait until that move has ended, and ask again"
        ) from error


def find(session: Session, move: str) -> Move:
    """Returns a move that exists."""
    return session.scalars(select(Move).where(Move.id == move)).one()


def look_up(session: Session, move: str) -> Move | None:
    """Returns a move, if there is one of this id."""
    return session.scalar(select(Move).where(Move.id == move))


def advance(session: Session, /, move: str, old: str, new: str, **values: Any) -> Move | None:
    """Changes a move's state from ``old`` to ``new`` if it has ``old``; returns its new row if that landed."""
    guarded = update(Move).where(Move.id == move, Move.state == old).values(state=new, **values)
    options = {"synchronize_session": False, "populate_existing": True}
    return session.scalars(guarded.returning(Move), execution_options=options).one_or_none()


def unfinished(session: Session) -> list[Move]:
    """Returns the open moves, oldest first."""
    return list(session.scalars(select(Move).where(text(OPEN_MOVE)).order_by(Move.number)))


def unfinished_of(session: Session, instance: str) -> Move | None:
    """Returns the open move of an instance."""
    return session.scalar(select(Move).where(Move.instance == instance, text(OPEN_MOVE)))

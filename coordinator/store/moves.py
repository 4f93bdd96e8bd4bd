"""The rows of moves; which changes are allowed stands in `coordinator.moves.machine`."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from coordinator.store.guard import landed, table_of, values_of
from coordinator.store.schema import OPEN_MOVE, Instance, Move
from devices.errors import RefusedError

_MOVES: Final = table_of(Move)


def open_one(session: Session, move: Move) -> None:
    """Adds a move.

    Raises:
        RefusedError: the instance has an open one already, or has had one since it was looked at for this move.
    """
    instance = session.get(Instance, move.instance)
    if instance is not None and instance.epoch != move.epoch:
        raise RefusedError(f"{move.instance} has been moved meanwhile", remedy="look where it is now, and ask again")
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


def advance(session: Session, /, move: Move, old: str, new: str, **values: Any) -> Move | None:
    """Changes a move's state from ``old`` to ``new`` if it has ``old``; returns its new row if that landed.

    Args:
        session: the transaction.
        move: as it was last seen; it is left as it is.
        old: the state that it must have.
        new: the state that it gets.
        **values: further columns.
    """
    values["state"] = new
    if not landed(session, update(_MOVES).where(Move.id == move.id, Move.state == old).values(**values)):
        return None
    return Move(**(values_of(move) | values))


def of(session: Session, instance: str) -> list[Move]:
    """Returns all moves of an instance, oldest first."""
    return list(session.scalars(select(Move).where(Move.instance == instance).order_by(Move.number)))


def unfinished(session: Session) -> list[Move]:
    """Returns the open moves, oldest first."""
    return list(session.scalars(select(Move).where(text(OPEN_MOVE)).order_by(Move.number)))


def unfinished_of(session: Session, instance: str) -> Move | None:
    """Returns the open move of an instance."""
    return session.scalar(select(Move).where(Move.instance == instance, text(OPEN_MOVE)))

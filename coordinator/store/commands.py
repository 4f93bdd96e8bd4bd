"""Commands that must arrive: kept from the decision that they carry out until their hub has answered."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from coordinator.store.guard import landed, table_of
from coordinator.store.schema import Command

_COMMANDS: Final = table_of(Command)


def add(session: Session, *, hub: str, move: str, body: dict[str, Any], at: str) -> None:
    """Records a command, once by its id."""
    if session.scalar(select(Command.number).where(Command.id == body["id"])) is None:
        session.add(Command(id=body["id"], hub=hub, instance=body["instance"], move=move, body=body, created=at))


def answered(session: Session, command: str, answer: str, at: str) -> bool:
    """Records the first answer; returns whether it was one that was waited for."""
    guarded = update(_COMMANDS).where(Command.id == command, Command.answered == "").values(answered=at, answer=answer)
    return landed(session, guarded)


def unanswered(session: Session) -> list[Command]:
    """Returns the commands that no hub has answered yet, oldest first."""
    return list(session.scalars(select(Command).where(Command.answered == "").order_by(Command.number)))


def forget(session: Session, command: str) -> None:
    """Removes a command, so that it can be sent anew under its id."""
    session.execute(delete(Command).where(Command.id == command))

"""Whether somebody has paused what moves by itself, and since when."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from coordinator.store.schema import Meta

_NAME: Final = "paused"


def since(session: Session) -> str:
    """Returns since when it is paused, RFC 3339; empty if it is not."""
    found = session.get(Meta, _NAME)
    return "" if found is None else found.value


def begin(session: Session, at: str) -> str:
    """Notes the pause; returns since when, which is earlier if there is one already."""
    found = session.get(Meta, _NAME)
    if found is None:
        found = Meta(name=_NAME, value=at)
        session.add(found)
    return found.value


def end(session: Session) -> None:
    """Notes that there is none."""
    found = session.get(Meta, _NAME)
    if found is not None:
        session.delete(found)

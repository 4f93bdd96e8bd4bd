"""A guarded UPDATE: changes a row only from the state that the caller believes in, and says whether it landed."""

from __future__ import annotations

from sqlalchemy import CursorResult, Update
from sqlalchemy.orm import Session


def landed(session: Session, update: Update) -> bool:
    """Runs an UPDATE whose WHERE names the row and its expected state; returns whether it changed that row."""
    result = session.execute(update)
    assert isinstance(result, CursorResult)
    return result.rowcount == 1

"""A guarded UPDATE: changes a row only from the state that the caller believes in, and says whether it landed.

It goes past the ORM's unit of work, as do the other statements of a move's critical path: there each transaction is a
handful of statements, and what the unit of work adds to each costs more than the disk does.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, Update, inspect
from sqlalchemy.orm import Session

from coordinator.store.schema import Base


def landed(session: Session, update: Update) -> bool:
    """Runs an UPDATE whose WHERE names the row and its expected state; returns whether it changed that row."""
    return session.connection().execute(update).rowcount == 1


def table_of(kind: type[Base]) -> Table:
    """Returns the table behind a model."""
    table = inspect(kind).local_table
    assert isinstance(table, Table)
    return table


def values_of(row: Base) -> dict[str, Any]:
    """Returns the columns of a row that were set, by name."""
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}

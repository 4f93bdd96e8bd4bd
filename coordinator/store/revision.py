"""Which revision a store has, read without Alembic."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine, inspect

NEWEST: Final = "0010"
"""The head of ``versions/``; a test compares."""


def revision_of(engine: Engine) -> str:
    """Returns the store's revision; empty for a new one."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or ""

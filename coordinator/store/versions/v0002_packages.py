"""Checkpoints say with which packages they were made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the column; of older checkpoints nothing is known, so that every hub suits them as before."""
    op.add_column("checkpoints", sa.Column("packages", sa.JSON(), nullable=False, server_default="{}"))

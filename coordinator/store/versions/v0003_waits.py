"""Checkpoints say for what the function waits, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column; of older checkpoints nothing is known."""
    op.add_column("checkpoints", sa.Column("wait", sa.JSON(), nullable=True))

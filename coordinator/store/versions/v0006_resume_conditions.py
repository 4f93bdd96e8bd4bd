"""A suspended instance may wait for something, and goes on by itself when that has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds the column; what is suspended already waits for a person, as before."""
    op.add_column("instances", sa.Column("resume", sa.JSON(), nullable=True))

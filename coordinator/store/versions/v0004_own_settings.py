"""Instances have settings of their own: those of the function, with the defaults that counted when they were started."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the column; older instances have those of their function."""
    op.add_column("instances", sa.Column("settings", sa.JSON(), nullable=True))

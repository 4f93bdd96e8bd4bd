"""Moves keep why their destination was chosen, and why other hubs were not: `midstream why` tells it the next morning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the columns; of older moves nothing is known."""
    op.add_column("moves", sa.Column("place", sa.String(), nullable=False, server_default=""))
    op.add_column("moves", sa.Column("refused", sa.JSON(), nullable=False, server_default="{}"))

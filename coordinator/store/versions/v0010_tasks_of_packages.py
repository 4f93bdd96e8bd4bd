"""Permission packages say which tasks they name: a function that runs under one is moved only where there is one for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds the column; of older packages nothing is known until they are deployed again."""
    op.add_column("deployments", sa.Column("names", sa.JSON(), nullable=False, server_default="[]"))

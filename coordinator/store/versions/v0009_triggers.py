"""Triggers, and the runs that they start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Adds the tables; the instances that are there were started by people."""
    op.add_column("instances", sa.Column("trigger", sa.String(), nullable=False, server_default=""))
    op.create_index(op.f("ix_instances_trigger"), "instances", ["trigger"])
    op.create_table(
        "triggers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("function", sa.Integer(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("hub", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("anchor", "due", "fired")),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("started", "failed", "ignored", "dropped", "missed")
        ),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("note", "since", "created")),
        sa.ForeignKeyConstraint(["function"], ["functions.number"]),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("qos", sa.Integer(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("instance", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["trigger"], ["triggers.name"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(op.f("ix_runs_instance"), "runs", ["instance"])
    op.create_index("runs_of_a_trigger", "runs", ["trigger", "state"])
    op.create_table(
        "heard",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("packet", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )

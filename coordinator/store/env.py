"""Alembic's environment: it runs on the connection that `migration.upgrade` hands over, and nothing else."""

from __future__ import annotations

from alembic import context

from coordinator.store.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

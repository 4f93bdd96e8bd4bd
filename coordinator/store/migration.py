"""Brings a store to the newest revision with Alembic; the revisions travel in the package.

An SQLite file is copied beside itself before an existing schema is changed, so that there is a way back.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from coordinator.store import versions
from coordinator.store.trouble import StoreError


def configuration() -> Config:
    """Returns Alembic's configuration, without a file of its own."""
    config = Config()
    folder = Path(versions.__file__).parent
    config.set_main_option("script_location", str(folder.parent))
    config.set_main_option("version_locations", str(folder))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine, found: str) -> None:
    """Runs the missing revisions in one transaction.

    Args:
        engine: the writing engine.
        found: the revision that the store has; empty for a new one.

    Raises:
        StoreError: the store was made by a newer version.
    """
    config = configuration()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    place = str(engine.url.database)
    if found and found not in known:
        raise StoreError(
            f"the store was made by a newer midstream (revision {found})",
            place=place,
            remedy="upgrade midstream here, or put the backup of the older store in its place",
        )
    if found and engine.url.get_backend_name() == "sqlite":
        _copy(Path(place), Path(f"{place}.before-upgrade-from-{found}"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _copy(file: Path, target: Path) -> None:
    with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)

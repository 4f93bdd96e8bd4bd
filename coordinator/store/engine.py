"""Databases set up in one place: SQLite for a home, PostgreSQL by its URL.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit is on the disk when it returns, which is what "stored"
promises to a hub. The write-ahead log is brought into the database by `tidy`, beside the writing thread: SQLite's own
way, within whichever commit makes it 4 MB long, writes a large checkpoint twice while a function stands still. Every writing transaction starts with ``BEGIN IMMEDIATE``: one that reads first and writes later
would otherwise fail at once with "database is locked" (a snapshot cannot be upgraded, and no time-out helps).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from coordinator.store.trouble import DamagedStoreError, in_words
from devices.errors import ConfigurationError

_BUSY: Final = 5_000
"""Milliseconds that SQLite waits for a lock: only a backup program or a person with `sqlite3` can hold one."""
_LONGEST_LOG: Final = 65_536
"""Pages of 4 KiB after which SQLite tidies its write-ahead log itself, if nobody else does."""


def open_engine(url: str, *, writing: bool) -> Engine:
    """Returns an engine for ``url``; nothing is connected yet.

    Args:
        url: ``sqlite:////absolute/path`` or ``postgresql+psycopg://...``.
        writing: whether its transactions write; a reading one takes no lock and sees a snapshot.

    Raises:
        ConfigurationError: no such kind of database, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"connect_args": {"check_same_thread": False}} if sqlite else {}
        engine = create_engine(parsed, pool_size=1, max_overflow=0, **options)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(
            f"{url!r} is no database that can be used: {error}",
            place="[store] url",
            remedy="write it like sqlite:////var/lib/midstream/home.sqlite",
        ) from error
    if sqlite:
        _as_we_need_sqlite(engine, writing=writing)
    return engine


def file_of(url: str) -> Path | None:
    """Returns the file of an SQLite URL; ``None`` for other databases."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def check_integrity(engine: Engine) -> None:
    """Looks through an SQLite file for damage; other databases look after themselves.

    Raises:
        DamagedStoreError: it is damaged, or no database at all; names the file. Nothing was changed.
    """
    place = str(engine.url.database)
    if engine.url.get_backend_name() != "sqlite":
        return
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    except DatabaseError as error:
        trouble = in_words(error, place)
        if trouble is not None and not isinstance(trouble, DamagedStoreError):
            raise trouble from error
        found = str(error.orig)
    if found != "ok":
        raise DamagedStoreError(
            f"the store is damaged: {found}",
            place=place,
            remedy="move it aside and put a backup in its place; hubs keep their instances and go on meanwhile",
        )


def tidy(engine: Engine) -> None:
    """Brings SQLite's write-ahead log into the database file, as far as nobody reads it; others tidy themselves."""
    if engine.url.get_backend_name() == "sqlite":
        connection = engine.raw_connection()  # a checkpoint of the log cannot be part of a transaction
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        finally:
            connection.close()


def _as_we_need_sqlite(engine: Engine, *, writing: bool) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # sqlite3's own BEGIN stays out of the way
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"wal_autocheckpoint={_LONGEST_LOG}",
            f"busy_timeout={_BUSY}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

"""A database that refuses, in words: locked by somebody, full, read-only, damaged.

Nothing that failed is half done: a transaction is rolled back whole. What the coordinator wanted is tried again by whoever
wanted it; a damaged file is nothing that trying again mends, so it ends the coordinator, and the next start puts it aside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from coordinator.moment import now
from devices.errors import MidstreamError

_OURS: Final = (IntegrityError, ProgrammingError, DataError)
"""These say that a statement is wrong, not that the database is in trouble."""
_DAMAGED: Final = ("malformed", "not a database", "corrupt")
_ASIDE: Final = ".corrupt-"
_BESIDE: Final = ("", "-wal", "-shm")
"""SQLite's files: a write-ahead log belongs to its database, and must not meet another one."""


class StoreError(MidstreamError):
    """The store cannot be opened, read or written."""

    slug = "store"


class DamagedStoreError(StoreError):
    """The store's file is damaged, or no database at all."""

    slug = "store-damaged"


def in_words(error: DBAPIError, place: str) -> StoreError | None:
    """Returns what is wrong with a database and what can be done; ``None`` if it is the statement that is wrong.

    Args:
        error: the driver's.
        place: the file or host, for the message.
    """
    if isinstance(error, _OURS):
        return None
    said = str(error.orig)
    if any(sign in said for sign in _DAMAGED):
        return DamagedStoreError(
            f"the store is damaged: {said}",
            place=place,
            remedy="start the coordinator again: it keeps the damaged file aside and begins anew from what the hubs hold",
        )
    if "locked" in said:
        what, remedy = "another program holds the store locked", "end it: a backup program, or sqlite3 left open"
    elif "full" in said:
        what, remedy = "there is no room left for the store", "make room on its disk"
    elif "readonly" in said or "read-only" in said:
        what, remedy = "the store is read-only", "let the coordinator's user write the file and its folder"
    else:
        what, remedy = f"the store cannot be used: {said}", "look after its disk or its server"
    return StoreError(f"{what}; nothing is decided until it works again", place=place, remedy=remedy)


def set_aside(file: Path) -> Path:
    """Renames a damaged SQLite store, so that a new one can begin in its place; returns the copy's name.

    Raises:
        StoreError: the folder cannot be written.
    """
    aside = file.with_name(f"{file.name}{_ASIDE}{now().replace(':', '')[:17]}")
    try:
        for ending in _BESIDE:
            beside = file.with_name(file.name + ending)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + ending))
    except OSError as error:
        raise StoreError(f"the damaged store cannot be put aside: {error.strerror}", place=str(file)) from error
    return aside


def attention(file: Path | None) -> list[str]:
    """Returns a sentence for each damaged store that lies aside, until somebody removes it."""
    if file is None:
        return []
    return [
        f"the store was damaged and began anew from what hubs and claims tell: older checkpoints, events and what had ended "
        f"are not known any more; the damaged one is kept as {aside}, remove it when you no longer need it"
        for aside in sorted(file.parent.glob(f"{file.name}{_ASIDE}*"))
        if not aside.name.endswith(("-wal", "-shm"))
    ]

"""The store's two doors: `write` runs a transaction in the one writing thread, `read` one in the reading thread.

The event loop never waits for a disk. What a transaction does is a plain function that takes a `Session` first and
stands in the module of its table; it commits when the function returns, and leaves nothing behind when it raises.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, Final, ParamSpec, Self, TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.orm import Session

from coordinator.retention import Retention
from coordinator.store import events, schema
from coordinator.store.engine import check_integrity, file_of, open_engine, tidy
from coordinator.store.pruning import prune
from coordinator.store.trouble import DamagedStoreError, StoreError, attention, in_words, set_aside
from devices.protocol import structs

_log = logging.getLogger(__name__)
_PAUSE: Final = 1.0
"""Seconds until what must reach the store is tried again; the database itself has waited for a lock before."""
P = ParamSpec("P")
R = TypeVar("R")


class Store:
    """An open store. Make one with `Store.open`, end it with `close`.

    Args:
        writing: the engine of the writing thread.
        reading: that of the reading thread.
        generation: tells this store from any other, also from an older backup's successor.

    Attributes:
        written: how often `write` was called: who has seen this number knows whether there may be news.
        trouble: why the last transaction failed; ``None`` if it did not.
    """

    def __init__(self, writing: Engine, reading: Engine, generation: str) -> None:
        self.generation = generation
        self.written = 0
        self.trouble: StoreError | None = None
        self._file = file_of(str(writing.url))
        self._tidied = 0
        self._engines = {"write": writing, "read": reading}
        structs.prepare()
        self._threads = {
            name: ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"store-{name}") for name in self._engines
        }

    @classmethod
    def open(cls, url: str) -> Self:
        """Opens the store, made or brought up to date if need be; blocks, so call it before the loop has work.

        Raises:
            ConfigurationError: no such kind of database, or a file that cannot be there.
            StoreError: it is damaged, or was made by a newer version.
        """
        writing, reading = open_engine(url, writing=True), open_engine(url, writing=False)
        file = file_of(url)
        try:
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            if file is not None and file.exists():
                check_integrity(writing)
            _bring_up_to_date(writing)
            with Session(writing) as session, session.begin():
                generation = _generation(session)
        except OSError as error:
            raise StoreError(f"there can be no store: {error.strerror}", place=str(file)) from error
        except DatabaseError as error:
            writing.dispose()
            raise in_words(error, str(file or writing.url.host)) or error from error
        except BaseException:
            writing.dispose()
            raise
        return cls(writing, reading, generation)

    @classmethod
    def open_or_begin_anew(cls, url: str) -> Self:
        """Opens the store as `open` does; a damaged file is kept aside, and an empty store begins in its place.

        Raises:
            ConfigurationError: no such kind of database, or a file that cannot be there.
            StoreError: it cannot be used, or was made by a newer version.
        """
        file = file_of(url)
        try:
            return cls.open(url)
        except DamagedStoreError as error:
            if file is None:
                raise
            _log.error("%s; it is kept as %s", error.message, set_aside(file))
            return cls.open(url)

    def attention(self) -> list[str]:
        """Returns sentences for people: what is wrong with the store, or was."""
        return [*([str(self.trouble)] if self.trouble is not None else []), *attention(self._file)]

    async def write(self, work: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs ``work(session, ...)`` as one transaction in the writing thread; durable when this returns.

        Raises:
            StoreError: the database refuses; nothing is changed.
        """
        self.written += 1
        return await self._in_thread("write", work, *args, **kwargs)

    async def read(self, work: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs ``work(session, ...)`` on a snapshot in the reading thread."""
        return await self._in_thread("read", work, *args, **kwargs)

    async def tidy(self, retention: Retention) -> None:
        """Deletes blobs and events that need not be kept, and does what the database puts off; both only after writes.

        The latter runs in the reading thread: writers need not wait for it.
        """
        if self.written != self._tidied:
            self._tidied = self.written
            await self._in_thread("write", prune, retention)
            await self._in_thread("write", events.prune)
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads["read"], tidy, self._engines["read"])
            except sqlite3.Error as error:
                _log.warning("the write-ahead log is tidied another time: %s", error)

    async def _in_thread(
        self, door: str, work: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        def transaction() -> R:
            with Session(self._engines[door], expire_on_commit=False) as session, session.begin():
                return work(session, *args, **kwargs)

        try:
            done = await asyncio.get_running_loop().run_in_executor(self._threads[door], transaction)
        except DBAPIError as error:
            trouble = in_words(error, str(self._file or self._engines[door].url.host))
            if trouble is None:
                raise
            self.trouble = trouble
            raise trouble from error
        if door == "write":
            self.trouble = None
        return done

    def close(self) -> None:
        """Waits for what is being written, and closes."""
        for name, thread in self._threads.items():
            thread.submit(self._engines[name].dispose).result()
            thread.shutdown()


async def until_stored(work: Callable[[], Awaitable[R]]) -> R:
    """Does what must reach the store, again and again while the store refuses.

    Raises:
        DamagedStoreError: trying again mends nothing.
    """
    while True:
        try:
            return await work()
        except DamagedStoreError:
            raise
        except StoreError as error:
            _log.warning("%s", error)
            await asyncio.sleep(_PAUSE)


def _bring_up_to_date(engine: Engine) -> None:
    """Runs the migrations that are missing; Alembic, 40 ms to import, is loaded only if there are any."""
    from coordinator.store.revision import NEWEST, revision_of

    found = revision_of(engine)
    if found != NEWEST:
        from coordinator.store.migration import upgrade

        upgrade(engine, found)


def _generation(session: Session) -> str:
    found = session.scalar(select(schema.Meta.value).where(schema.Meta.name == "generation"))
    if found is None:
        found = uuid.uuid4().hex
        session.add(schema.Meta(name="generation", value=found))
    return found

"""The functions folder, watched: what is safe is done on save and at the start, the rest is said until somebody decides it.

Safe is what touches nothing that somebody has counted, stopped or started by hand (`plan`): a start, changed source that
lands where the function stands, another hub. A file that cannot be read changes nothing. What failed is not started again
by itself, so nothing goes round in circles; what could not be done because of hubs is tried when one comes or goes.

A look costs a few calls of stat. Files are read when two looks in a row saw the same change, for an editor or `git pull`
writes one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from coordinator.declared import asking, file
from coordinator.declared.applying import Applying
from coordinator.declared.file import Declared
from coordinator.declared.plan import Step
from coordinator.moves.ground import Ground
from coordinator.store import instances, triggers
from coordinator.store.trouble import DamagedStoreError, StoreError
from coordinator.views.changed import AppliedRow, ApplyAsk
from devices.errors import ConfigurationError, MidstreamError

LOOK: Final = 1.0
"""Seconds between two looks at the folder."""
_AGAIN: Final = 3.0
"""Seconds between two looks at what was left."""
_GRACE: Final = 30.0
"""Seconds from the coordinator's start in which a function waits for the hub that it is declared for."""
_REPORTS: Final = 3.0
"""Seconds from its start in which nothing is started: a hub that has just come may hold what a new store lacks."""
_log = logging.getLogger(__name__)
Signature = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class _Open:
    """A function that is not as it is declared, and why.

    Args:
        ask: the question about it.
        sentence: for people.
        step: what was to be done; ``None`` where that could not be found out, or was tried and failed.
        hubs: as they were when it was tried.
    """

    ask: ApplyAsk
    sentence: str
    step: Step | None
    hubs: tuple[str, ...]


class Watching:
    """Watches one folder.

    Args:
        folder: with `functions.toml`.
        ground: the coordinator's parts.
        applying: compares and brings about.
        paused: since when nothing moves by itself; empty if all does.
        news: called when what `attention` says has changed.
    """

    def __init__(
        self,
        folder: Path,
        ground: Ground,
        applying: Applying,
        *,
        paused: Callable[[], str],
        news: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._owner = folder.resolve().name
        self._ground = ground
        self._applying = applying
        self._paused = paused
        self._news = news
        self._began = time.monotonic()
        self._declared: list[Declared] = []
        self._paths: set[Path] = set()
        self._error: MidstreamError | None = None
        self._open: dict[str, _Open] = {}

    def attention(self) -> list[str]:
        """Returns a sentence for the file if it cannot be read, and for each function that is not as it says."""
        failed = [f"the functions of before stay declared: {self._error}"] if self._error is not None else []
        return [*failed, *(each.sentence for each in self._open.values())]

    async def run(self) -> None:
        """Watches until it is cancelled."""
        await self._ground.ready.wait()
        done: Signature | None = None
        before: Signature | None = None
        looked = 0.0
        while True:
            seen = await asyncio.to_thread(self._signature)
            try:
                if not self._paused() and seen == before and seen != done:
                    await self._read()
                    done = seen
                elif not self._paused() and time.monotonic() - looked > _AGAIN:
                    await self._look_again()
                    looked = time.monotonic()
            except DamagedStoreError:
                raise
            except StoreError as error:
                _log.warning("%s", error)
            before = seen
            await asyncio.sleep(LOOK)

    # The files -------------------------------------------------------------------------------------------------------

    def _signature(self) -> Signature:
        """Returns what tells one state of the files from another: `functions.toml`, the sources, and those beside them."""
        beside: set[Path] = set()
        for each in {self._folder, *(it.path.parent for it in self._declared)}:
            with contextlib.suppress(OSError):  # a folder that is closed: whoever reads the source says so
                beside.update(each.glob("*.py"))
        found = []
        for path in sorted({self._folder / file.FILE, *self._paths, *beside}):
            try:
                status = path.stat()
            except OSError:  # it is not there, or gone since it was listed
                continue
            found.append((str(path), status.st_mtime_ns, status.st_size))
        return tuple(found)

    async def _read(self) -> None:
        """Reads the file and brings about what is safe; a file that cannot be read changes nothing."""
        try:
            declared = await asyncio.to_thread(file.load, self._folder)
        except ConfigurationError as error:
            if str(error) != str(self._error):
                _log.warning("%s", error)
            self._error = error
            self._news()
            return
        self._error, self._declared, self._paths = None, declared, set()
        self._open.clear()
        for each in declared:
            await self._take(each)
        for name in await self._gone():
            await self._do(ApplyAsk(instance=name, owner=self._owner, gone=True))
        self._news()

    async def _take(self, declared: Declared) -> None:
        try:
            ask = await asyncio.to_thread(asking.ask, self._owner, declared)
        except MidstreamError as error:
            ask = ApplyAsk(instance=declared.name, owner=self._owner)
            self._leave(ask, f"{declared.place}: {error.sentence}", Step("refused", error.message))
            return
        self._paths |= {declared.path.parent / path for path in ask.files}
        await self._do(ask)

    async def _gone(self) -> list[str]:
        names = {each.name for each in self._declared}
        rows = await self._ground.store.read(instances.every)
        owners = {row.id: instances.declared(row) for row, _ in rows if row.state not in instances.ENDED}
        for trigger, _ in await self._ground.store.read(triggers.every):
            owners[trigger.name] = trigger.settings.get(instances.DECLARED, {})
        return [name for name, said in owners.items() if said.get("owner") == self._owner and name not in names]

    # Bringing it about ------------------------------------------------------------------------------------------------

    async def _look_again(self) -> None:
        """Has a second look at what was left: somebody may have decided it, or a hub may have come."""
        before = self.attention()
        for open_one in list(self._open.values()):
            if open_one.step is None:
                if open_one.hubs != self._hubs():
                    await self._do(open_one.ask)
            elif open_one.ask.files or open_one.ask.gone:
                try:
                    if await self._applying.step(open_one.ask) != open_one.step:
                        await self._do(open_one.ask)
                except MidstreamError:  # it is not ours any more, or its source is as wrong as it was
                    if open_one.ask.gone:
                        del self._open[open_one.ask.instance]
        if self.attention() != before:
            self._news()

    async def _do(self, ask: ApplyAsk) -> None:
        """Does what is safe about one function; what is not, or fails, is left, with a sentence."""
        self._open.pop(ask.instance, None)
        try:
            step = await self._applying.step(ask)
            if step.action == "start" and (waits := self._waits(ask)):
                self._leave(ask, waits, None)
                return
            row = await self._applying.answer(ask)
            if row.action in ("nothing", "refused") and row.action == step.action:
                if row.action == "refused":
                    self._leave(ask, f"{ask.instance}: {row.why}", step)
                return
            if not row.safe:
                self._leave(ask, _decide(row), step)
                return
            await self._applying.answer(msgspec.structs.replace(ask, action=row.action))
        except StoreError:
            self._leave(ask, f"{ask.instance} is not yet as functions.toml declares it", None)
            raise
        except MidstreamError as error:
            _log.warning("%s is not as functions.toml declares it: %s", ask.instance, error)
            self._leave(ask, f"{ask.instance} is not as functions.toml declares it: {error.sentence}", None)

    def _leave(self, ask: ApplyAsk, sentence: str, step: Step | None) -> None:
        self._open[ask.instance] = _Open(ask, sentence, step, self._hubs())

    def _waits(self, ask: ApplyAsk) -> str:
        """Returns why a function is not started yet, in words: its hub comes up, or a hub that has it tells us first."""
        hubs, age = [hub for hub in self._ground.hubs.every() if hub.online], time.monotonic() - self._began
        if any(ask.instance in (hub.holding or {}) for hub in hubs):
            return f"{ask.instance} waits: a hub has one of this name, and tells of it"
        if age < _GRACE and ask.hub and ask.hub not in {hub.name for hub in hubs}:
            return f"{ask.instance} waits for {ask.hub}"
        return f"{ask.instance} waits: hubs tell what they have" if age < _REPORTS else ""

    def _hubs(self) -> tuple[str, ...]:
        """Returns what tells one time to try from another."""
        age = time.monotonic() - self._began
        told = (f"{hub.name} {hub.state} {hub.holding is None}" for hub in self._ground.hubs.every())
        return (f"{age < _GRACE} {age < _REPORTS}", *told)


def _decide(row: AppliedRow) -> str:
    """Returns what a person has to decide, and how."""
    changes = f" ({', '.join(row.changes)})" if row.changes else ""
    if row.action == "stop":
        return f"{row.instance} runs, but functions.toml does not have it any more: midstream apply asks, or midstream stop"
    return f"{row.instance} is not as functions.toml declares it: {row.why}{changes}; midstream apply asks what to do"

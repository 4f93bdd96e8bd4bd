"""Hubs as they are now: status, what they say of themselves, metrics, and their silence.

A hub is *online* by its retained status, which its will ends. It is *silent* when it says online and its metrics have
stopped: a process that hangs has no will. A will that comes late, from an earlier start of the same hub, is told by
the start counter and ignored (`docs/protocol.md`, rule 7).
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from coordinator.ingest.course import Course
from coordinator.journal import Journal
from coordinator.moment import now
from coordinator.store import hubs as rows
from coordinator.store.database import Store
from devices.errors import ProtocolError, RefusedError
from devices.protocol.answers import Holding
from devices.protocol.lease import LEASE, SIGN_EVERY, wait
from devices.protocol.messages import HubInfo, HubMetrics, HubStatus

GRACE: Final = 3.0
"""Seconds at the coordinator's start in which hubs that are known may tell that they are there, before anything is
decided about what was under way: after a power cut all parts come back at once."""
SILENCE: Final = 15.0
"""Seconds without metrics after which an online hub counts as silent, or four of its own intervals if that is more."""

State = Literal["online", "draining", "drained", "offline", "silent"]
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Hub:
    """One hub, as far as it has spoken."""

    name: str
    key: bytes = b""
    info: HubInfo | None = None
    status: HubStatus | None = None
    metrics: HubMetrics | None = None
    heard: float = field(default_factory=time.monotonic)  # the last sign of life; first, when it was looked for
    interval: float = 0.0  # seconds between the last two
    measured: float = 0.0  # when the metrics came, monotonic seconds
    holding: dict[str, Holding] | None = None  # by instance, as it reported at its last connection
    told: bool = False  # whether its status was heard since the coordinator's start
    state: State = "offline"
    since: str = ""
    reason: str = "not heard of since the coordinator's start"
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    course: Course = field(default_factory=Course)

    @property
    def cpu(self) -> float | None:
        """Percent that it was busy of late; ``None``: nothing is known."""
        recent = self.course.recent(self.heard)
        return recent if recent is not None or self.metrics is None else self.metrics.cpu

    @property
    def patience(self) -> float:
        """Seconds for which its metrics count: longer, within bounds, where it tells them rarely."""
        return max(SILENCE, 4 * min(self.interval, SILENCE))

    @property
    def online(self) -> bool:
        """Whether commands reach it."""
        return self.state in ("online", "draining", "drained")

    @property
    def takes_functions(self) -> bool:
        """Whether something may be started there."""
        return self.state == "online" and self.info is not None

    def become(self, state: State, reason: str) -> None:
        """Changes the state and wakes who waits for that."""
        if state != self.state:
            self.state, self.reason, self.since = state, reason, now()
            changed, self.changed = self.changed, asyncio.Event()
            changed.set()

    def free_in(self, failover_after: float, up_since: float) -> float:
        """Returns the seconds until what has run here may go on elsewhere: then its lease is over (rule 6).

        Args:
            failover_after: seconds of the function's policy.
            up_since: monotonic seconds since when this coordinator could have heard the hub.
        """
        length, sign_every = (self.info.lease, self.info.metrics_every) if self.info else (LEASE, SIGN_EVERY)
        return max(self.heard, up_since) + wait(failover_after, length, sign_every) - time.monotonic()

    async def gone(self) -> None:
        """Returns when the hub is offline or silent."""
        while self.online:
            await self.changed.wait()


class Hubs:
    """All hubs. What they say is believed only with the key that was pinned at first contact."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._hubs: dict[str, Hub] = {}
        self.strangers: dict[str, str] = {}  # name => sentence about another computer that calls itself so
        self.came = asyncio.Event()

    async def load(self) -> None:
        """Remembers the hubs that were seen before."""
        for row in await self._store.read(rows.every):
            hub = self[row.name]
            hub.key = row.key
            hub.info = _info(row.info)
            if row.start:
                hub.status = HubStatus(state="offline", boot=row.boot, start=row.start)
            hub.since = row.last_seen

    def __getitem__(self, name: str) -> Hub:
        return self._hubs.setdefault(name, Hub(name))

    def known(self, name: str) -> bool:
        """Whether a hub of this name has ever shown itself."""
        return name in self._hubs and self._hubs[name].info is not None

    def every(self) -> list[Hub]:
        """Returns all hubs that have shown themselves, by name."""
        return [hub for _, hub in sorted(self._hubs.items()) if hub.info is not None]

    def online(self, name: str) -> bool:
        """Whether commands reach a hub."""
        return name in self._hubs and self._hubs[name].online

    async def take_info(self, name: str, info: HubInfo) -> None:
        """Takes what a hub says of itself; pins its key at first contact.

        Raises:
            ProtocolError: it names another hub, or no key.
        """
        try:
            key = bytes.fromhex(info.key)
        except ValueError:
            key = b""
        if info.hub != name or len(key) != 32:
            raise ProtocolError("the hub's info names another hub or no key", place=f"hub {name}")
        try:
            await self._store.write(rows.meet, name, key, msgspec.to_builtins(info), now())
        except RefusedError as error:
            if self.strangers.get(name) != error.message:
                self.strangers[name] = error.message
                await self._journal.tell(
                    "hub", did="refused it", why=str(error), severity="problem", hub=name, details={"key": info.key}
                )
            return
        self.strangers.pop(name, None)
        hub = self[name]
        hub.key, hub.info = key, info
        if hub.status is not None and hub.status.state != "offline":
            hub.become(hub.status.state, "")
        self._somebody_came()

    async def take_status(self, name: str, status: HubStatus, moment: float) -> None:
        """Takes a hub's status or will; one of an earlier start is ignored.

        Args:
            name: the hub's.
            status: as it told it.
            moment: now, monotonic seconds.
        """
        hub = self[name]
        known = hub.status
        if known is not None and status.start < known.start:
            _log.info("a late %s of an earlier start of hub %s is ignored", status.state, name)
            return
        if known is None or status.start > known.start:
            await self._store.write(rows.started, name, status.boot, status.start, now())
        hub.status, hub.told = status, True
        if status.state != "offline":  # a will is no sign of life
            hub.heard = moment
        if hub.info is None:
            return  # its info is still to come, and with it the key
        hub.become(status.state, status.reason or ("its connection ended" if status.state == "offline" else ""))
        hub.reason = status.reason or hub.reason
        self._somebody_came()

    def take_metrics(self, name: str, metrics: HubMetrics, moment: float) -> None:
        """Takes a hub's metrics; a silent one is there again.

        Args:
            name: the hub's.
            metrics: as it told them.
            moment: now, monotonic seconds.
        """
        hub = self[name]
        hub.interval = moment - hub.heard if hub.metrics is not None else 0.0
        hub.metrics, hub.heard, hub.measured = metrics, moment, moment
        hub.course.add(metrics.cpu, moment)
        if hub.state == "silent" and hub.status is not None:
            hub.become(hub.status.state, "")
            self._somebody_came()

    def look_for_silence(self, moment: float) -> list[Hub]:
        """Marks the hubs whose metrics have stopped; returns those that were not silent before.

        Args:
            moment: monotonic seconds.
        """
        fell_silent = []
        for hub in self.every():
            if hub.online and moment - hub.heard > hub.patience:
                hub.become("silent", f"no metrics for {moment - hub.heard:.0f} s")
                fell_silent.append(hub)
        return fell_silent

    async def roll_call(self) -> None:
        """Returns when all hubs that are known have told their status, or after `GRACE`."""
        try:
            async with asyncio.timeout(GRACE):
                while not all(hub.told for hub in self.every()):
                    await self.came.wait()
        except TimeoutError:
            absent = ", ".join(hub.name for hub in self.every() if not hub.told)
            _log.info("hubs that have not been heard of yet: %s", absent)

    def look_again(self) -> None:
        """Wakes who waits for a hub to come: what they may do has changed."""
        self._somebody_came()

    def _somebody_came(self) -> None:
        came, self.came = self.came, asyncio.Event()
        came.set()


def _info(plain: dict[str, object]) -> HubInfo | None:
    try:
        return msgspec.convert(plain, HubInfo)
    except msgspec.ValidationError:
        return None  # written by another version; the hub tells it again when it comes

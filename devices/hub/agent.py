"""The hub agent: one asyncio process that holds the sessions of the functions here and speaks with the coordinator.

`serve` is its whole life. It refuses to begin where another agent of the same name is alive, and leaves with everything
checkpointed as far as time allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Final, Literal

import msgspec

from devices.conditions.metrics import standing
from devices.errors import MidstreamError, UnreachableError, printable
from devices.hub import ahead, door, drained, info, leaving, offering, recovery, rivals
from devices.hub.backoff import Backoff
from devices.hub.claims import Claims
from devices.hub.clock_wait import ClockWait
from devices.hub.commands import Commands
from devices.hub.config import HubConfig
from devices.hub.control import Control
from devices.hub.deployment import Deployments
from devices.hub.downloads import Downloads
from devices.hub.draining import Draining
from devices.hub.identity import boot_id, count_start, require_alone
from devices.hub.instance import Hub
from devices.hub.instances import Instances
from devices.hub.lease import Lease
from devices.hub.local import LocalHub, LocalInstance
from devices.hub.local_view import alive, kept
from devices.hub.metrics import Meter
from devices.hub.power import Power, Ups, from_folder, own
from devices.hub.prepared import Preparations
from devices.hub.protection import Protections
from devices.hub.spool import Spool
from devices.hub.workers import Workers
from devices.keys import own_key
from devices.mqtt.delivery import Delivery, Will
from devices.mqtt.kind import BrokerKind, probe
from devices.mqtt.session import Session
from devices.protocol import answers, commands, limits, messages, sealing, structs
from devices.protocol.answers import Answer, Report
from devices.protocol.messages import HubStatus
from devices.timekeeping import Machine

_EMBEDDED_WINDOW: Final = 100
"""QoS 1 messages that the embedded broker sends unacknowledged, whatever it is told."""
_DRAINING: Final = 0.5
"""Seconds between two looks at whether a hub that is draining is empty."""
_REASON: Final = 500
"""Characters of the reason in the retained status."""
_FAREWELL: Final = 2.0
"""Seconds for the last word to reach the broker."""
_log = logging.getLogger(__name__)


class Agent:
    """A hub's agent.

    Args:
        config: its settings.
        machine: whose clock it lives by.
    """

    def __init__(self, config: HubConfig, machine: Machine | None = None) -> None:
        structs.prepare()
        self._config = config
        self._topics = config.topics
        self._key = own_key(config.folder / "key.pem")
        self._spool = Spool(config.spool)
        self._clock = ClockWait(config.folder, config.spool, machine or Machine())
        self._boot = boot_id()
        self._start = count_start(config.folder)
        self._draining = Draining(config.folder, self._boot)
        self._state: messages.HubStatus = self._status("draining" if self._draining.wanted else "online")
        self._downloads = Downloads()
        self._claims = Claims(config.topics, config.broker, config.folder / "coordinator.pin")
        self._ups = Ups(*config.ups) if config.ups is not None else None
        self._will_is_safe = False
        self.control = Control(config.broker, config.name, config.topics, self._will(safe=False))
        self._deployments = Deployments(
            config.name,
            config.permissions_target,
            config.permissions_ids,
            lambda: self._claims.public,
            {
                **{name: str(data.path) for name, data in config.data.items()},
                **{name: str(path) for name, path in config.devices.items()},
            },
        )
        self.malformed = 0
        self._held: Callable[[], list[LocalInstance]] = lambda: kept(self._spool.folder)

    async def serve(self, stop: asyncio.Event, hurry: asyncio.Event) -> None:
        """Works until told to stop.

        Args:
            stop: set to leave.
            hurry: set to leave without waiting for what is not saved yet.

        Raises:
            RefusedError: another hub has this name.
            UnreachableError: no broker there at the start, and none ever was.
        """
        async with door.opened(self._config.folder, lambda: msgspec.json.encode(self._local())):
            await self._clock.right(stop, self._say_why_offline)
            kind = await self._arrive(stop)
            if kind is not None:
                await self._work(kind, stop, hurry)

    async def _work(self, kind: BrokerKind, stop: asyncio.Event, hurry: asyncio.Event) -> None:
        async with Workers(self._deployments.surroundings) as workers:
            self._deployments.in_use = workers.trees
            lease = Lease(
                self._config.broker, self._topics.client_id(f"lease-{self._config.name}"), workers, self._config.lease
            )
            hub = Hub(
                name=self._config.name,
                key=self._key,
                topics=self._topics,
                address=self._config.broker,
                control=self.control,
                claims=self._claims,
                workers=workers,
                lease=lease,
                stop_within=self._config.stop_within,
                draining=self._draining,
                window=_EMBEDDED_WINDOW if kind is BrokerKind.EMBEDDED else limits.RECEIVE_MAXIMUM,
            )
            preparations = Preparations(workers, self._config.broker)
            self.instances = Instances(hub, self._spool, self._downloads, preparations)
            self._claims.on_coordinator = self._coordinator_came
            self._protections = Protections(self._config.protect, self.instances.lives)
            self._held = lambda: alive(self.instances.lives.values())
            self._commands = Commands(
                self._config.name, self.instances, self.control, self._drain, self._deployments, start=self._start
            )
            await self._deployments.begin()
            async with self._at_work(lease) as work:
                recovery.take_up(hub, self.instances, self._spool)
                await _first_of(stop, work)
                await self._leave(hurry)
            preparations.close()
            self._deployments.close()

    async def _arrive(self, stop: asyncio.Event) -> BrokerKind | None:
        """Finds the broker; waits for one that this hub has worked with: after a power cut all come back in any order.

        Returns:
            its kind; ``None`` if told to stop meanwhile.
        """
        told, backoff = "", Backoff()
        while not stop.is_set():
            try:
                return await self._look_around()
            except UnreachableError as error:
                if not self._claims.has_pinned:
                    raise
                if told != error.message:
                    _log.warning("%s", error)
                told = error.message
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(backoff.next()):
                    await stop.wait()
        return None

    async def _look_around(self) -> BrokerKind:
        """Finds out what broker this is, and that nobody else has this hub's name."""
        async with self._alone() as session:
            return await probe(session)

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[Session]:
        """Gives a connection with an id of its own, once it is certain that nobody else has this hub's name."""
        client = f"midstream-look-{secrets.token_hex(4)}"
        async with Session(self._config.broker, client, clean_start=True, session_expiry=0) as session:
            key = sealing.public_bytes(self._key).hex()
            await rivals.require_none(session, self._config.name, self._topics, self._status("online"), key)
            yield session

    def _local(self) -> LocalHub:
        """Returns what is told on this machine alone."""
        return LocalHub(
            hub=self._config.name,
            state=self._state.state,
            broker=self.control.up.is_set(),
            coordinator=self.control.up.is_set() and self._claims.coordinator_is_there,
            instances=self._held(),
        )

    async def _say_why_offline(self, why: str) -> None:
        async with self._alone() as session:
            status = messages.encode(self._status("offline", reason=why))
            await session.publish(self._topic("status"), status, retain=True)

    async def _require_no_rival(self) -> None:
        """Before the control session comes back: two that began in the same moment would throw each other out for ever."""
        await self._look_around()

    @contextlib.asynccontextmanager
    async def _at_work(self, lease: Lease) -> AsyncIterator[list[asyncio.Task[None]]]:
        tasks = [
            asyncio.create_task(
                self.control.run(before=self._require_no_rival, connected=self._connected, delivered=self._delivered),
                name="control session",
            ),
            asyncio.create_task(self._measure(), name="metrics"),
            asyncio.create_task(lease.keep(), name="lease"),
            asyncio.create_task(self._watch_draining(), name="draining"),
            asyncio.create_task(self._clock.keep_noting(), name="note the time"),
        ]
        try:
            yield tasks
        finally:
            await self._commands.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # What it hears ----------------------------------------------------------------------------------------------------

    async def _connected(self, session: Session) -> None:
        await session.subscribe({self._topics.coordinator_status: 0})
        await session.subscribe({self._topics.instance("+", "claim"): 0})
        await session.subscribe({self._topics.down("+", "+"): 1})
        await session.subscribe({self._topics.package(self._config.name, "+"): 1})
        await session.subscribe({self._topic("command"): 1})
        if self._ups is not None:
            await session.subscribe(dict.fromkeys(self._ups.topics, 0))
        self._tell_status()
        self._info = info.of(self._config, self._key)
        self._tell_info()
        for life in self.instances.lives.values():
            if life.ahead.since:
                life.tasks.start(life.ahead.say_again_if_ours(), "ahead, said again")
        self._report()

    def _report(self) -> None:
        holding = offering.holding(self.instances.lives)
        self.control.answer(Report(hub=self._config.name, boot=self._boot, start=self._start, holding=holding))

    def _coordinator_came(self) -> None:
        offering.announce_unconfirmed(self.instances.lives)
        if any(life.instance.until for life in self.instances.lives.values()):
            self._report()  # it does not know that they are suspended

    def _delivered(self, delivery: Delivery) -> None:
        try:
            self._take(delivery)
        except MidstreamError as error:
            self.malformed += 1
            _log.warning("%s: %s", delivery.topic, error)

    def _take(self, delivery: Delivery) -> None:
        match self._topics.split(delivery.topic):
            case ["checkpoints", checkpoint, "down", number]:
                self._downloads.take_part(checkpoint, number, delivery.payload)
            case ["hubs", _, "package", part]:
                self._deployments.take_part(part, delivery.payload)
            case ["hubs", _, "command"]:
                self._commands.take(delivery.payload, delivery.topic)
            case ["instances", instance, "claim"]:
                self._claims.take(instance, delivery.payload)
            case ["coordinator", "status"]:
                self._claims.take_status(delivery.payload)
            case [] if self._ups is not None:
                self._ups.take(delivery.topic, delivery.payload, retained=delivery.retain, at=time.monotonic())

    # What it tells ----------------------------------------------------------------------------------------------------

    def _topic(self, leaf: str) -> str:
        return self._topics.hub(self._config.name, leaf)

    def _status(
        self,
        state: Literal["online", "draining", "drained", "offline"],
        *,
        safe_to_power_off: bool = False,
        reason: str = "",
    ) -> HubStatus:
        return HubStatus(
            state=state, boot=self._boot, start=self._start, safe_to_power_off=safe_to_power_off, reason=reason
        )

    def _will(self, *, safe: bool) -> Will:
        status = self._status("offline", safe_to_power_off=safe, reason="its connection ended")
        return Will(self._topic("status"), messages.encode(status))

    async def _will_says(self, *, safe: bool) -> None:
        """Has the status be true that the broker will tell when the plug is pulled."""
        if self._will_is_safe != safe:
            self._will_is_safe = safe
            await self.control.change_will(self._will(safe=safe))

    def _become(self, status: HubStatus) -> None:
        self._state = status
        self._tell_status()

    def _tell_status(self) -> None:
        self.control.send(self._topic("status"), messages.encode(self._state), retain=True)

    def _tell_info(self) -> None:
        self.control.send(self._topic("info"), messages.encode(self._info), retain=True)

    def _power(self) -> Power:
        if self._ups is not None:
            return self._ups.power(time.monotonic())
        return own() if self._config.battery is None else from_folder(self._config.battery)

    async def _measure(self) -> None:
        meter = Meter(self._config.spool, self._config.temperature, self._power)
        await self.control.up.wait()
        while True:
            workers = {
                name: worker.pid
                for name, life in self.instances.lives.items()
                if (worker := life.instance.worker) is not None
            }
            metrics = meter.read(workers, self._spool.written)
            self.control.tell(self._topic("metrics"), messages.encode(metrics))
            if (changed := info.news(self._info, self._config)) is not None:
                self._info = changed
                self._tell_info()
            self._protections.judge(standing(metrics), time.monotonic(), alone=self._is_alone)
            await asyncio.sleep(self._config.metrics_every)

    @property
    def _is_alone(self) -> bool:
        """Whether nobody but this hub can act: no broker, or for a while no coordinator."""
        return not self.control.up.is_set() or self._claims.presence.is_away(ahead.AFTER)

    # Leaving ----------------------------------------------------------------------------------------------------------

    async def _drain(self, command: commands.Drain) -> Answer:
        self._draining.want(wanted=not command.undo)
        if command.undo:
            await self._will_says(safe=False)  # from the next word on, functions may come
        self._become(self._status("online" if command.undo else "draining"))
        for life in self.instances.lives.values():
            life.mail.arrived()  # what this disk alone has goes into a checkpoint
        return answers.Done(hub=self._config.name, id=command.id, state=self._state.state)

    async def _watch_draining(self) -> None:
        while True:
            await asyncio.sleep(_DRAINING)
            if self._draining.wanted:
                state = drained.stage(self.instances.lives.values(), self._state.state)
                await self._will_says(safe=state == "drained")
                if state != self._state.state and self._draining.wanted:
                    self._become(self._status(state, safe_to_power_off=state == "drained"))

    async def _leave(self, hurry: asyncio.Event) -> None:
        """Saves what runs, tells that this hub is gone and whether all is durable, and lets the broker keep sessions."""
        await self._protections.close()
        saved = await leaving.save(self.instances.lives.values(), within=self._config.shutdown_within, hurry=hurry)
        for sentence in (told := saved.sentences(self._spool.folder)):
            _log.warning("%s", sentence)
        await self.instances.leave()
        reason = "; ".join(["it was stopped", *told])
        self._become(self._status("offline", safe_to_power_off=saved.everywhere, reason=printable(reason, _REASON)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self.control.sent()


async def _first_of(stop: asyncio.Event, work: list[asyncio.Task[None]]) -> None:
    """Returns when told to stop; raises what ended one of the tasks that never end by themselves."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([stopping, *work], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    for task in work:
        if task.done():
            task.result()


async def run(config: HubConfig, stop: asyncio.Event, hurry: asyncio.Event | None = None) -> None:
    """Runs a hub until told to stop.

    Args:
        config: its settings.
        stop: set to leave.
        hurry: set to leave without waiting for what is not saved yet.

    Raises:
        RefusedError: another agent uses this folder, or another hub has this name.
        ConfigurationError: key, folder or spool cannot be used.
        UnreachableError: no broker there.
    """
    lock = require_alone(config.folder)
    try:
        await Agent(config).serve(stop, hurry or asyncio.Event())
    finally:
        os.close(lock)

"""The coordinator put together: its parts, what runs beside what, and the order of its end."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from coordinator import rivals
from coordinator.announcement import Announcement, farewell
from coordinator.config import KNOWN, CoordinatorConfig
from coordinator.declared.applying import Applying
from coordinator.declared.watching import Watching
from coordinator.deployment.rollout import Rollouts
from coordinator.desk import Desk
from coordinator.dialects.filters import LISTENED
from coordinator.facts import Facts
from coordinator.ingest.ahead import AheadOfStore
from coordinator.ingest.backlog import Backlog
from coordinator.ingest.broker_drops import BrokerDrops
from coordinator.ingest.checkpoints import Uploads
from coordinator.ingest.devices import Devices
from coordinator.ingest.hubs import Hubs
from coordinator.ingest.inbox import Inbox
from coordinator.ingest.instances import Voices
from coordinator.ingest.orders import Orders
from coordinator.ingest.requests import Requests
from coordinator.ingest.telemetry import Telemetry
from coordinator.journal import Journal
from coordinator.line import Line
from coordinator.moment import now
from coordinator.moves.actions import Actions
from coordinator.moves.answers import Answers
from coordinator.moves.balancing import Balancing
from coordinator.moves.claims import Claims
from coordinator.moves.commands import Commands
from coordinator.moves.draining import Drains
from coordinator.moves.failover import Failover
from coordinator.moves.ground import Ground
from coordinator.moves.keeping import Keeping
from coordinator.moves.moving import Moves
from coordinator.moves.pause import Pause
from coordinator.moves.reactions import Reactions
from coordinator.moves.resuming import Resumes
from coordinator.moves.runs import Runs
from coordinator.moves.triggering import Triggers
from coordinator.rules.builtin import in_force
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.files import RuleBook, watch
from coordinator.rules.wall import Wall
from coordinator.store import hubs as hub_rows
from coordinator.store.database import Store, until_stored
from coordinator.store.trouble import DamagedStoreError, StoreError
from coordinator.triggers.clockwork import Clockwork
from coordinator.triggers.ears import Ears
from coordinator.views import rules as rule_views
from coordinator.views import status
from coordinator.views.answers import StatusAnswer
from devices import timekeeping
from devices.errors import MidstreamError, UnreachableError
from devices.keys import own_key
from devices.mqtt.delivery import Will
from devices.mqtt.firehose import Firehose
from devices.mqtt.kind import BrokerKind
from devices.protocol import sealing
from devices.runtime import clock
from devices.version import __version__

TICK: Final = 1.0
"""Seconds between two looks at what has fallen silent, gone stale or changed."""
TIDY: Final = 10.0
"""Seconds between two times that the store does what it puts off."""
_log = logging.getLogger(__name__)


class Coordinator:
    """One coordinator, from its parts.

    Args:
        config: its settings.
        store: open.
        book: the rules in force at the start.

    Raises:
        ConfigurationError: its key cannot be read or made.
    """

    def __init__(self, config: CoordinatorConfig, store: Store, book: RuleBook) -> None:
        self._config = config
        self._store = store
        self._book = book
        self._since = now()
        self._rules_error: MidstreamError | None = None
        self._ready = asyncio.Event()
        topics, key = config.topics, own_key(config.folder / "key.pem")
        public = sealing.public_bytes(key)
        self._line = line = Line(
            config.broker, topics.client_id("coordinator"), Will(topics.coordinator_status, farewell(public))
        )
        self._journal = journal = Journal(store, line, topics)
        self._hubs = hubs = Hubs(store, journal)
        self._uploads = uploads = Uploads()
        self._commands = commands = Commands(store, line, topics, hubs)
        self._claims = claims = Claims(key, store, line, topics)
        self._ahead = ahead = AheadOfStore(line, topics)
        ground = Ground(
            key,
            topics,
            store,
            line,
            hubs,
            uploads,
            commands,
            claims,
            ahead,
            journal,
            config.timezone,
            config.defaults,
            self._ready,
        )
        devices = Devices(config.topics.prefix)
        self._facts = facts = Facts([devices])
        self._moves = moves = Moves(ground)
        self._keeping = keeping = Keeping(ground)
        self._answers = answers = Answers(ground, moves, keeping, ended=self._has_ended)
        clockwork = Clockwork(store, journal, clock.zone_of(config.timezone))
        self._ears = Ears(config.broker, topics, store, journal, self._wake_runs)
        self._triggers = triggers = Triggers(ground, follow=self._ears.follow, wake=self._wake_runs)
        actions = Actions(ground, moves, keeping, triggers)
        self._runs = Runs(ground, actions.carry_out, clockwork)
        self._pause = pause = Pause(store, journal, self._judge_anew)
        self._reactions = reactions = Reactions(ground, actions, moves, facts, pause=pause, limit=config.moves)
        self._failover = Failover(ground, moves, actions.carry_out, pause)
        self._resumes = Resumes(ground, moves, actions.carry_out, pause)
        self._balancing = Balancing(ground, moves, actions.carry_out, pause, config.balance)
        self._drains = drains = Drains(ground, moves, actions.carry_out)
        wall = Wall(ZoneInfo(config.timezone), timekeeping.lived_until([config.folder]))
        self._evaluation = Evaluation(
            in_force(book),
            facts,
            reactions.fire,
            calendar=wall,
            recover=reactions.recover,
            awaited=reactions.awaited,
        )
        ears = Firehose(config.broker, topics.client_id("coordinator-ears"))
        self._drops = BrokerDrops(ears)
        self._telemetry = Telemetry(ears, facts)
        self._telemetry.follow(book.topics())
        voices = Voices()
        self._backlog = Backlog(ears, voices, journal)
        applying = Applying(ground, actions.carry_out)
        rollouts = Rollouts(ground, actions.carry_out)
        desk = Desk(
            ground,
            actions,
            applying=applying,
            rollouts=rollouts,
            drains=drains,
            pause=pause,
            voices=voices,
            devices=devices,
            status=self._status,
            waits=self._runs.waits,
            rules=partial(rule_views.rows, store, self._evaluation, facts),
        )
        self._watching = (
            Watching(config.functions, ground, applying, paused=lambda: pause.since, news=self._hurry)
            if config.functions is not None
            else None
        )
        self._requests = requests = Requests(line, topics, desk.answer)
        self._orders = orders = Orders(line, topics, actions.carry_out, drains.ask)
        self._inbox = Inbox(
            topics,
            hubs=hubs,
            facts=facts,
            voices=voices,
            uploads=uploads,
            requests=requests,
            rollouts=rollouts,
            orders=orders,
            answers=answers,
            claims=claims,
            ahead=ahead,
        )
        self._announcement = Announcement(line, topics, store, hubs, status=self._status, key=public)

    async def run(self) -> None:
        """Works until it is cancelled; then lets go of everything in order and says goodbye.

        Raises:
            UnreachableError: no broker there at the start, or it does not let us in.
            RefusedError: another coordinator works on this broker.
        """
        await self._hubs.load()
        await self._pause.load()
        await self._reactions.load()
        await self._triggers.load()
        beside = [
            asyncio.create_task(self._inbox.run(), name="coordinator inbox"),
            asyncio.create_task(self._tick(), name="coordinator tick"),
            asyncio.create_task(self._telemetry.run(), name="coordinator telemetry"),
            asyncio.create_task(self._watch_rules(), name="coordinator rules"),
            asyncio.create_task(self._runs.run(), name="coordinator runs"),
            asyncio.create_task(self._ears.run(), name="coordinator ears"),
            *([asyncio.create_task(self._watching.run(), name="coordinator functions")] if self._watching else []),
        ]
        line = asyncio.create_task(
            self._line.run(self._inbox.filters, self._inbox.kept, self._inbox.take, self._connected),
            name="coordinator line",
        )
        try:
            done, _ = await asyncio.wait([line, *beside], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for part in (
                self._requests,
                self._orders,
                self._reactions,
                self._runs,
                self._failover,
                self._drains,
                self._resumes,
                self._balancing,
                self._moves,
                self._keeping,
                self._answers,
            ):
                await part.close()
            await self._commands.close()
            await self._announcement.goodbye()
            for task in (*beside, line):
                task.cancel()
            await asyncio.gather(*beside, line, return_exceptions=True)

    async def _connected(self) -> None:
        """Brings store and broker to agree, before any decision; tries again while the store refuses."""
        await until_stored(self._agree)

    async def _agree(self) -> None:
        """Brings store and broker to agree (`docs/protocol.md`, rule 4)."""
        await self._line.flush()  # the kept messages have come
        await self._inbox.settled()
        for sentence in await self._claims.reconcile():
            await self._journal.tell("claims", did="the higher epoch counts", why=sentence, severity="warning")
        if not self._ready.is_set():
            self._telemetry.always(self._device_topics())
            await self._hubs.roll_call()
            await self._moves.take_up()
            await self._commands.deliver_unanswered()
            self._ready.set()
            _log.info("coordinator of %s at %s", self._config.site, self._config.broker)
        await self._announcement.everything()

    def _device_topics(self) -> tuple[str, ...]:
        """What is listened to for the devices' sake; the embedded broker keeps up to 64 MiB for each filter in memory."""
        known = () if self._line.kind is BrokerKind.EMBEDDED else LISTENED
        named = self._config.devices
        return (*(topic for topic in named if topic != KNOWN), *(known if KNOWN in named else ()))

    async def _status(self) -> StatusAnswer:
        rules = [f"the rules of before stay in force: {self._rules_error}"] if self._rules_error else []
        return await status.status(
            self._store,
            self._hubs,
            self._moves.every(),
            [
                *self._store.attention(),
                *self._pause.attention(),
                *self._drains.attention(),
                *rules,
                *await self._reactions.attention(self._evaluation.states),
                *(self._watching.attention() if self._watching else []),
                *self._evaluation.attention(time.monotonic()),
                *self._ahead.attention(self._hubs),
                *self._drops.attention(),
                *self._backlog.attention(),
                *self._telemetry.attention(),
                *self._runs.attention(),
                *self._ears.attention(),
            ],
            version=__version__,
            broker=str(self._line.kind),
            site=self._config.site,
            since=self._since,
            paused=self._pause.since,
        )

    async def _tick(self) -> None:
        tidied = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            moment = time.monotonic()
            self._uploads.expire(moment)
            for hub in self._hubs.look_for_silence(moment):
                self._facts.hub_gone(hub.name)
            try:
                if moment - tidied > TIDY:
                    tidied = moment
                    await self._store.tidy(self._config.retention)
                if self._line.up and self._ready.is_set():
                    await self._backlog.look()
                    await self._announcement.news()
                    await self._failover.look()
                    await self._drains.look()
                    await self._resumes.look()
                    await self._balancing.look()
            except DamagedStoreError:
                raise
            except StoreError as error:
                _log.warning("%s", error)

    async def _watch_rules(self) -> None:
        if self._config.rules is not None:
            await watch(self._config.rules, self._book, self._rules_changed, self._rules_failed)
        await asyncio.Event().wait()

    async def _rules_changed(self, book: RuleBook) -> None:
        self._rules_error = None
        self._book = book
        self._evaluation.replace(in_force(book))
        self._telemetry.follow(book.topics())
        await self._journal.tell("rules", did=f"{len(book.rules)} rules are in force", why="their files were changed")

    def _has_ended(self, instance: str) -> None:
        self._facts.instance_gone(instance)
        self._runs.wake()

    def _wake_runs(self) -> None:
        self._runs.wake()

    def _hurry(self) -> None:
        self._announcement.hurry()

    def _judge_anew(self) -> None:
        """Has rules fire again for what still holds."""
        self._evaluation.replace(())
        self._evaluation.replace(in_force(self._book))

    def _rules_failed(self, error: MidstreamError) -> None:
        self._rules_error = error
        _log.warning("%s", error)


async def main(config: CoordinatorConfig) -> None:
    """Runs a coordinator until it is cancelled.

    Args:
        config: its settings.

    Raises:
        ConfigurationError: the rules, the key or the store's address cannot be used.
        StoreError: the store is damaged or of a newer version.
        UnreachableError: no broker there, or it does not let us in, and it never has.
        RefusedError: another coordinator works on this broker.
    """
    book = RuleBook.load(config.rules, config.functions) if config.rules is not None else RuleBook()
    with rivals.alone(config.folder):
        store = Store.open_or_begin_anew(config.store)
        try:
            await _find_broker(config, store)
            await Coordinator(config, store, book).run()
        finally:
            store.close()


async def _find_broker(config: CoordinatorConfig, store: Store) -> None:
    """Returns when the broker is there and no other coordinator is.

    One that has hubs has worked with it, and waits for it: after a power cut all parts come back in any order.
    """
    told, has_worked = "", bool(await store.read(hub_rows.every))
    while True:
        try:
            await rivals.require_none(config.broker, config.topics, store.generation)
        except UnreachableError as error:
            if not has_worked:
                raise
            if told != error.message:
                _log.warning("%s", error)
            told = error.message
            await asyncio.sleep(TICK)
        else:
            return

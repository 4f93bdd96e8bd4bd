"""Hears the messages that start functions: one MQTT session of the coordinator's own, which the broker keeps for ever.

A message is acknowledged when the starts that it makes are rows in the store, in one transaction with what it is known by
when it comes again. So what comes while the coordinator is away waits in the broker's queue; what was heard and not kept
comes again; what was kept and not acknowledged comes again too, and is known. The session is not the coordinator's other
one, because that one is emptied in milliseconds and this one waits for the disk, and because a burst of sensors must not
delay what hubs say.

What waits for its turn is the store's business, not the broker's: one trigger that is slow would else hold up all others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session as Transaction

from coordinator.journal import Journal
from coordinator.store import triggers
from coordinator.store.database import Store, until_stored
from coordinator.store.triggers import Start, Taken
from devices.errors import RefusedError, UnreachableError
from devices.hub.mailbox import identifier_of
from devices.hub.repeats import Repeats, digest_of
from devices.mqtt.address import BrokerAddress
from devices.mqtt.delivery import Delivery
from devices.mqtt.reasons import ConnectionLostError
from devices.mqtt.session import Session, end_session
from devices.protocol import limits
from devices.protocol.checkpoint import Repeat
from devices.protocol.occasion import Occasion
from devices.protocol.topics import Topics, matches, segments, wire_filter
from devices.runtime.settings import Settings

_TOGETHER: Final = 100
"""Messages that are made durable in one transaction, at most."""
_LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to connect."""
_PATIENCE: Final = 10.0
"""Seconds for which somebody who makes a trigger waits until the broker has granted its topics."""
_LOOK: Final = 1.0
"""Seconds between two looks whether anybody wants messages still."""
_NO_KEPT_ONES: Final = 2  # retain handling, MQTT 5.0, 3.8.3.1: a retained message starts nothing
_TELL_EACH: Final = 60.0
"""Seconds between two events about what was dropped of one trigger."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Listener:
    trigger: str
    filters: tuple[str, ...]


class Ears:
    """Hears for all triggers that have topics.

    Args:
        address: the broker.
        topics: the tree.
        store: keeps what was heard.
        journal: is told what could not be kept.
        wake: has new starts looked at.
    """

    def __init__(
        self, address: BrokerAddress, topics: Topics, store: Store, journal: Journal, wake: Callable[[], None]
    ) -> None:
        self._address = address
        self._client_id = topics.client_id("coordinator-events")
        self._own = topics.prefix.split("/")
        self._store = store
        self._journal = journal
        self._wake = wake
        self._listeners: list[_Listener] = []
        self._filters: set[str] = set()  # as the broker takes them
        self._granted: set[str] = set()
        self._refused: dict[str, str] = {}
        self._session: Session | None = None
        self._up = asyncio.Event()
        self._wanted = asyncio.Event()
        self._lock = asyncio.Lock()
        self._repeats = Repeats((), limits.RECEIVE_MAXIMUM)
        self._told: dict[str, float] = {}

    def attention(self) -> list[str]:
        """Returns sentences for people."""
        return [f"no function is started by {topic}: {why}" for topic, why in self._refused.items()]

    async def follow(self) -> None:
        """Listens to the topics of the triggers that are in the store; returns when the broker has granted them.

        If the broker is away they are subscribed when it is back.

        Raises:
            RefusedError: it refuses one of them.
        """
        await self._load()
        if self._filters:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._up.wait()
        if self._session is not None and not self._session.lost.is_set():
            await self._bring_up_to_date(self._session)

    async def _load(self) -> None:
        rows = await self._store.read(triggers.every)
        given = [(trigger.name, Settings.from_plain(trigger.settings).on) for trigger, _ in rows]
        self._listeners = [_Listener(name, tuple(filters)) for name, filters in given if filters]
        self._filters = {wire_filter(each) for it in self._listeners for each in it.filters}
        if self._filters:
            self._wanted.set()
        else:
            self._wanted.clear()

    async def _bring_up_to_date(self, session: Session) -> None:
        """Subscribes what is not yet, and ends what nobody wants any more.

        Raises:
            RefusedError: the broker refuses a filter; the others are subscribed.
        """
        refused = None
        async with self._lock:
            try:
                for gone in self._granted - self._filters:
                    await session.unsubscribe(gone)
                    self._granted.discard(gone)
                for new in sorted(self._filters - self._granted):
                    self._refused.pop(new, None)
                    try:
                        await session.subscribe({new: 1}, retain_handling=_NO_KEPT_ONES, identifier=identifier_of(new))
                    except RefusedError as error:
                        self._refused[new] = error.message
                        refused = error
                    else:
                        self._granted.add(new)
            except ConnectionLostError:
                return  # all of it is made anew with the next connection
        if refused is not None:
            raise refused

    async def run(self) -> None:
        """Listens until it is cancelled; without a trigger that has topics there is no connection."""
        await self._load()
        if not self._filters:
            await self._end_old_session()
        pause = 0.1
        while True:
            await self._wanted.wait()
            try:
                await self._once()
            except ConnectionLostError as loss:
                _log.warning("%s", loss.message)
                pause = 0.1
            except UnreachableError as error:
                _log.info("%s", error.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _end_old_session(self) -> None:
        """Nobody listens: what an earlier life, or an earlier store, has subscribed would fill the broker's queue."""
        with contextlib.suppress(UnreachableError):
            await end_session(self._address, self._client_id)

    async def _once(self) -> None:
        session = Session(self._address, self._client_id, manual_ack=True, receive_maximum=limits.RECEIVE_MAXIMUM)
        async with session:
            if not session.session_present and await until_stored(lambda: self._store.write(triggers.forget_repeats)):
                await self._tell_loss()
            self._repeats = Repeats(await self._store.read(triggers.repeats), limits.RECEIVE_MAXIMUM)
            self._granted = await self._store.read(_ended_filters) - self._filters if session.session_present else set()
            try:
                with contextlib.suppress(RefusedError):  # `attention` tells
                    await self._bring_up_to_date(session)
                self._session = session
                self._up.set()
                await self._hear(session)
            finally:
                self._up.clear()
                self._session, self._granted = None, set()

    async def _hear(self, session: Session) -> None:
        while self._wanted.is_set():
            try:
                async with asyncio.timeout(_LOOK):
                    first = await session.next_delivery()
            except TimeoutError:
                continue
            if first is None:
                return  # it was closed here
            together = [first]
            while session.waiting and len(together) < _TOGETHER:
                more = await session.next_delivery()
                if more is None:
                    break
                together.append(more)
            await self._keep(together)
            session.acknowledge(*together)
        await session.end()

    async def _keep(self, deliveries: Sequence[Delivery]) -> None:
        now = time.time()
        starts: list[Start] = []
        heard: list[Repeat] = []
        for delivery in deliveries:
            digest = digest_of(delivery)
            if delivery.qos and self._repeats.number_of(delivery, digest) is not None:
                continue
            if delivery.qos:
                heard.append(Repeat(packet=delivery.packet_id, digest=digest))
            starts += self._starts(delivery, now)
        if not heard and not starts:
            return
        taken = await until_stored(lambda: self._store.write(triggers.take, starts, heard))
        for it in heard:
            self._repeats.know(it.packet, it.digest, 0)
        self._wake()
        await self._tell_drops(taken)

    def _starts(self, delivery: Delivery, now: float) -> list[Start]:
        """Returns what a message starts: of each trigger at most one run, whichever of its filters it matches."""
        if delivery.retain:
            return []
        found = []
        for listener in self._listeners:
            first = next((it for it in listener.filters if self._covers(it, delivery.topic)), None)
            if first is None:
                continue
            marks = delivery.subscription_ids
            if marks and identifier_of(wire_filter(first)) not in marks:
                continue  # the copy that came for another filter
            occasion = Occasion(
                topic=delivery.topic,
                payload=delivery.payload,
                qos=delivery.qos,
                at=now,
                params=segments(first, delivery.topic),
            )
            found.append(Start(listener.trigger, now, occasion))
        return found

    def _covers(self, topic_filter: str, topic: str) -> bool:
        """Whether a filter covers a topic; wildcards never mean our own tree: what a run says would start the next."""
        levels = topic.split("/")
        if levels[: len(self._own)] == self._own and topic_filter.split("/")[: len(self._own)] != self._own:
            return False
        return matches(topic_filter, topic)

    async def _tell_drops(self, taken: Taken) -> None:
        for name, count in taken.dropped.items():
            if not count or time.monotonic() - self._told.get(name, -_TELL_EACH) < _TELL_EACH:
                continue
            self._told[name] = time.monotonic()
            await self._journal.tell(
                "trigger",
                did=f"{count} messages start no run of {name}",
                why=f"as many wait for their turn as it may have, or they are larger than {limits.EVENT // limits.KIB} KiB",
                severity="warning",
                instance=name,
            )

    async def _tell_loss(self) -> None:
        await self._journal.tell(
            "trigger",
            did="messages that were to start functions may be missing",
            why="the broker had lost the session that it kept for them",
            severity="warning",
        )


def _ended_filters(session: Transaction) -> set[str]:
    return {wire_filter(each) for each in triggers.ended_filters(session)}

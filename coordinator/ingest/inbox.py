"""Every message that the coordinator hears, to whom it concerns. One that cannot be read is counted and changes nothing.

What hubs say of themselves is taken in one after the other, because it goes through the store; everything else at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from coordinator.facts import Facts
from coordinator.ingest.checkpoints import Uploads
from coordinator.ingest.hubs import Hubs
from coordinator.ingest.instances import Voices
from coordinator.ingest.orders import Orders
from coordinator.ingest.requests import Requests
from coordinator.store.database import until_stored
from coordinator.store.trouble import DamagedStoreError
from devices.errors import MidstreamError
from devices.mqtt.delivery import Delivery
from devices.protocol import messages
from devices.protocol.answers import AnyAnswer
from devices.protocol.messages import HubInfo, HubMetrics, HubStatus
from devices.protocol.topics import Topics

_ANSWER: Final[Any] = AnyAnswer  # a union of tagged structs is a type to msgspec, not to mypy
_log = logging.getLogger(__name__)
_TOLD: Final = 5
"""Malformed messages of one topic that the log mentions; all are counted."""


class TakesAnswers(Protocol):
    """Who takes hubs' answers; a future that is returned delays their acknowledgement."""

    def take(self, hub: str, answer: AnyAnswer) -> asyncio.Future[None] | None:
        """Takes one."""


class TakesKept(Protocol):
    """Who takes what the broker keeps about an instance."""

    def take(self, instance: str, payload: bytes) -> None:
        """Takes one."""


class TakesParts(Protocol):
    """Who takes parts of what a command line asks for; the future delays their acknowledgement."""

    def take_part(self, name: str, payload: bytes) -> asyncio.Future[None]:
        """Takes one."""


class Inbox:
    """Hears and passes on."""

    def __init__(
        self,
        topics: Topics,
        *,
        hubs: Hubs,
        facts: Facts,
        voices: Voices,
        uploads: Uploads,
        requests: Requests,
        rollouts: TakesParts,
        orders: Orders,
        answers: TakesAnswers,
        claims: TakesKept,
        ahead: TakesKept,
    ) -> None:
        self._topics = topics
        self._hubs = hubs
        self._facts = facts
        self._voices = voices
        self._uploads = uploads
        self._requests = requests
        self._rollouts = rollouts
        self._orders = orders
        self._answers = answers
        self._claims = claims
        self._ahead = ahead
        self._news: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self.malformed: dict[str, int] = {}

    @property
    def filters(self) -> dict[str, int]:
        """What is listened to. State at QoS 0: the embedded broker gives a QoS 1 subscriber 100 kept messages."""
        topics = self._topics
        return {
            topics.hub("+", "status"): 1,
            topics.hub("+", "info"): 1,
            topics.hub("+", "metrics"): 0,
            topics.hub("+", "answer"): 1,
            topics.hub("+", "set"): 1,
            topics.instance("+", "claim"): 0,
            topics.instance("+", "ahead"): 1,
            topics.instance("+", "state"): 0,
            topics.instance("+", "log"): 0,
            topics.instance("+", "set"): 1,
            topics.up("+", "+"): 1,
            topics.request: 1,
            topics.contribution("+"): 1,
        }

    @property
    def kept(self) -> list[str]:
        """Those of them whose messages the broker keeps."""
        hubs, instances = ("status", "info"), ("claim", "state", "ahead")
        return [
            *(self._topics.hub("+", leaf) for leaf in hubs),
            *(self._topics.instance("+", leaf) for leaf in instances),
        ]

    async def run(self) -> None:
        """Takes in what hubs say of themselves, until cancelled."""
        while True:
            news = await self._news.get()
            try:
                await until_stored(news)
            except DamagedStoreError:
                raise
            except MidstreamError as error:
                _log.warning("%s", error)
            finally:
                self._news.task_done()

    async def settled(self) -> None:
        """Returns when everything that was heard is taken in."""
        await self._news.join()

    def take(self, delivery: Delivery) -> asyncio.Future[None] | None:
        """Passes a message on; returns what its acknowledgement must wait for."""
        levels = self._topics.split(delivery.topic)
        try:
            return self._take(levels, delivery)
        except MidstreamError as error:
            kind = "/".join([*levels[:1], "+", *levels[2:3]])
            self.malformed[kind] = self.malformed.get(kind, 0) + 1
            if self.malformed[kind] <= _TOLD:
                _log.warning("ignored: %s", error)
            return None

    def _take(self, levels: list[str], delivery: Delivery) -> asyncio.Future[None] | None:
        payload, topic = delivery.payload, delivery.topic
        match levels:
            case ["hubs", hub, "answer"]:
                return self._answers.take(hub, messages.decode(payload, _ANSWER, topic))
            case ["checkpoints", checkpoint, "up", number]:
                self._uploads.take_part(checkpoint, number, payload)
            case ["request"]:
                self._requests.take(delivery)
            case ["request", "part", part]:
                return self._rollouts.take_part(part, payload)
            case ["hubs", hub, "metrics"]:
                metrics = messages.decode(payload, HubMetrics, topic)
                if self._hubs.known(hub):
                    self._take_metrics(hub, metrics)
                else:  # its info may be on its way through the store
                    self._news.put_nowait(lambda: self._take_first_metrics(hub, metrics))
            case ["hubs", hub, "status"] if payload:
                status = messages.decode(payload, HubStatus, topic)
                self._news.put_nowait(lambda: self._take_status(hub, status))
            case ["hubs", hub, "info"] if payload:
                info = messages.decode(payload, HubInfo, topic)
                self._news.put_nowait(lambda: self._hubs.take_info(hub, info))
            case ["instances", instance, "set"]:
                self._orders.take(instance, delivery)
            case ["hubs", hub, "set"]:
                self._orders.take_for_hub(hub, delivery)
            case ["instances", instance, "claim"] if payload:
                self._claims.take(instance, payload)
            case ["instances", instance, "ahead"]:
                self._ahead.take(instance, payload)
            case ["instances", instance, "state"]:
                self._voices.take_state(instance, payload)
            case ["instances", instance, "log"] if payload:
                self._voices.take_line(instance, payload)
        return None

    def _take_metrics(self, hub: str, metrics: HubMetrics) -> None:
        moment = time.monotonic()
        self._hubs.take_metrics(hub, metrics, moment)
        self._facts.hub(hub, metrics, moment)

    async def _take_first_metrics(self, hub: str, metrics: HubMetrics) -> None:
        if self._hubs.known(hub):
            self._take_metrics(hub, metrics)

    async def _take_status(self, hub: str, status: HubStatus) -> None:
        await self._hubs.take_status(hub, status, time.monotonic())
        if not self._hubs.online(hub):
            self._facts.hub_gone(hub)

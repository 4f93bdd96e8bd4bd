"""All telemetry that anybody here wants to see, at the lowest cost a message: one callback, no task, no queue.

Telemetry is information: QoS 0, a clean session, and a connection that comes back by itself, unlike a `Session`'s. A
message may be missed while it is away; nobody's state depends on it.

Filters overlap as their owners please, and a broker sends a copy for each one that matches (Mosquitto and the embedded
broker do). So each filter has a subscription identifier, and of a live message only the copy counts that carries the
identifier of the first filter that matches its topic. That keeps the order of each topic, as the standard promises
([MQTT-4.6.0-5]); among topics it is the broker's, and the embedded one keeps none among filters. A kept message comes
because of one subscription and is shown to that one's handlers alone: others have seen it.

Which handlers a topic has is worked out once and remembered, within bounds: exact topics by a look into a dictionary,
wildcards one by one.

A filter that starts with a wildcard never covers the broker's own figures below ``$SYS`` ([MQTT-4.7.2-1]); the
embedded broker has none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.errors import MidstreamError, UnreachableError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.connection import Connection
from devices.mqtt.opening import open_wire
from devices.mqtt.properties import SUBSCRIBE, properties_for, properties_in
from devices.mqtt.reasons import refused_subscribe
from devices.protocol import limits
from devices.protocol.topics import matches, wire_filter

Handler = Callable[[str, bytes, int, bool], None]
"""Called with topic, payload, QoS and whether the message was kept by the broker; must not block."""

KEEP_ALIVE: Final = 15
"""Seconds; a silent network failure is noticed after twice that."""
_FIRST_PAUSE: Final = 0.5  # seconds before the first attempt to come back; doubled for each further one
_LONGEST_PAUSE: Final = 15.0  # seconds; a broker that restarts is found again soon enough

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Listening:
    """One filter with its subscription identifier and whoever listens."""

    wire: str
    identifier: int
    handlers: list[Handler] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Route:
    """What a topic's live messages do: the copy that counts and the handlers that get it."""

    first: int
    handlers: tuple[Handler, ...]


class Firehose:
    """Listens to many filters over one connection; `run` is its one task.

    Args:
        address: the broker.
        client_id: the connection's own.
        largest: bytes of payload; larger ones (camera pictures) are counted and not shown.
    """

    def __init__(self, address: BrokerAddress, client_id: str, *, largest: int = limits.TELEMETRY) -> None:
        self.address = address
        self.client_id = client_id
        self.received = 0  # messages shown to at least one handler, or that a handler failed on
        self.oversized = 0  # not shown because of their size
        self.failed = 0  # calls of handlers that raised
        self.connections = 0  # successful ones
        self.trouble: MidstreamError | None = None  # why there is no connection now
        self.refused: dict[str, MidstreamError] = {}  # filters that the broker does not allow
        self._largest = largest
        self._connection: Connection | None = None
        self._listening: dict[str, _Listening] = {}
        self._by_identifier: dict[int, _Listening] = {}
        self._wild: list[_Listening] = []
        self._asked: dict[int, str] = {}
        self._failing: set[Handler] = set()
        self._routes: dict[str, _Route | None] = {}
        self._last_identifier = 0

    @property
    def connected(self) -> bool:
        """Whether telemetry comes in now."""
        return self._connection is not None and not self._connection.ended.is_set()

    def listen(self, topic_filter: str, handler: Handler) -> None:
        """Shows a handler all that matches a filter, from now on; kept messages come first, marked as such.

        Args:
            topic_filter: of MQTT, also with named segments: ``zigbee2mqtt/{room}/state``.
            handler: what it raises is counted and logged, and does not reach others. One that listens to several
                filters gets a live message once.

        Raises:
            UsageError: that is no topic filter.
        """
        wire = wire_filter(topic_filter)
        listening = self._listening.get(wire)
        if listening is None:
            self._last_identifier += 1
            listening = _Listening(wire, self._last_identifier)
            self._listening[wire] = self._by_identifier[listening.identifier] = listening
            if "+" in wire or "#" in wire:
                self._wild.append(listening)
        listening.handlers.append(handler)
        self._routes.clear()
        self._subscribe(listening)

    def forget(self, topic_filter: str, handler: Handler) -> None:
        """Ends one `listen`; one that was not there is no error."""
        listening = self._listening.get(wire_filter(topic_filter))
        if listening is None or handler not in listening.handlers:
            return
        listening.handlers.remove(handler)
        self._failing.discard(handler)
        self._routes.clear()
        if not listening.handlers:
            del self._listening[listening.wire], self._by_identifier[listening.identifier]
            if listening in self._wild:
                self._wild.remove(listening)
            self.refused.pop(listening.wire, None)
            if self._connection is not None and self.connected:
                self._connection.paho.unsubscribe(listening.wire)

    async def run(self) -> None:
        """Connects, and comes back after each loss, until it is cancelled.

        `trouble` says what is wrong meanwhile; attempts are 0.5, 1, 2 ... and at most 15 seconds apart.
        """
        pause = _FIRST_PAUSE
        try:
            while True:
                try:
                    connection = await self._connect()
                except UnreachableError as error:
                    self.trouble = error
                else:
                    pause, self.trouble = _FIRST_PAUSE, None
                    await connection.ended.wait()
                    self.trouble = connection.loss
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            if self._connection is not None:
                await self._connection.disconnect(None)

    async def _connect(self) -> Connection:
        connection = Connection(self.address, await open_wire(self.address), self.client_id, manual_ack=False)
        connection.paho.on_message = self._message
        connection.paho.on_subscribe = self._subscribed
        self._asked.clear()
        await connection.connect(keep_alive=KEEP_ALIVE, clean_start=True, properties=None)
        self._connection = connection
        self.connections += 1
        for listening in self._listening.values():
            self._subscribe(listening)
        return connection

    def _subscribe(self, listening: _Listening) -> None:
        if self._connection is None or not self.connected:
            return
        identifier = listening.identifier if self._connection.limits.subscription_ids else None
        _, packet_id = self._connection.paho.subscribe(
            [(listening.wire, SubscribeOptions(qos=0))],
            properties=properties_for(SUBSCRIBE, SubscriptionIdentifier=identifier),
        )
        if packet_id is not None:
            self._asked[packet_id] = listening.wire

    def _subscribed(self, _: paho.Client, __: object, packet_id: int, reasons: list[ReasonCode], ___: object) -> None:
        wire = self._asked.pop(packet_id, "")
        self.refused.pop(wire, None)
        if wire in self._listening and reasons[0].is_failure:
            self.refused[wire] = refused_subscribe(wire, reasons[0])

    def _message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        topic = message.topic
        identifiers = properties_in(message.properties).get("SubscriptionIdentifier", ())
        if message.retain and identifiers:
            asked = [self._by_identifier[i] for i in identifiers if i in self._by_identifier]
            handlers = tuple(handler for listening in asked for handler in listening.handlers)
        else:
            route = self._route(topic)
            if route is None or (identifiers and route.first not in identifiers):
                return
            handlers = route.handlers
        if len(message.payload) > self._largest:
            self.oversized += 1
            return
        self.received += 1
        for handler in handlers:
            try:
                handler(topic, bytes(message.payload), message.qos, bool(message.retain))
            except Exception:  # noqa: BLE001 - what one listener gets wrong must not cost the others theirs
                self._handler_failed(handler, topic)

    def _handler_failed(self, handler: Handler, topic: str) -> None:
        self.failed += 1
        if handler not in self._failing:  # once each: a second's telemetry would fill the log, and the SD card under it
            self._failing.add(handler)
            _log.exception("a listener failed on a message of %s; further failures of it are only counted", topic)

    def _route(self, topic: str) -> _Route | None:
        """Returns where a topic's messages go; asked for each message, worked out for each topic."""
        try:
            return self._routes[topic]
        except KeyError:
            pass
        if len(self._routes) >= limits.TELEMETRY_TOPICS:  # beacons and trackers invent topics without end
            self._routes.clear()
        exact = [self._listening[topic]] if topic in self._listening else []
        found = exact + [one for one in self._wild if matches(one.wire, topic)]
        route = None
        if found:
            handlers = dict.fromkeys(handler for listening in found for handler in listening.handlers)
            route = _Route(found[0].identifier, tuple(handlers))
        self._routes[topic] = route
        return route

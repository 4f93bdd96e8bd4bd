"""One MQTT 5 session on one connection: what hub, instance and coordinator speak through.

Rules of `docs/protocol.md` that stand here, so that no caller can break them:

- the connection never comes back by itself, and with its end everything unsent is gone (rule 2);
- QoS 1 messages are acknowledged by hand, in arrival order; the embedded broker cuts whoever does it otherwise, and
  loses the oldest (rule 9);
- what arrived before the connection's end is delivered before the end is told (rule 13);
- clean start is off and the session does not expire unless the caller says so (rule 15).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.errors import RefusedError, UsageError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.connection import Connection
from devices.mqtt.delivery import Delivery, ServerLimits, Will, delivery_from
from devices.mqtt.inbox import Inbox
from devices.mqtt.opening import PreparedConnection, open_wire
from devices.mqtt.properties import CONNECT, PUBLISH, SUBSCRIBE, packed_size, properties_for
from devices.mqtt.reasons import ConnectionLostError, NoConnackError, refused_publish, refused_subscribe
from devices.mqtt.wire import Wire
from devices.protocol import limits
from devices.protocol.topics import wire_filter

FOR_EVER: Final = 0xFFFFFFFF
"""A session expiry that means: never (MQTT 5.0, 3.1.2.11.2)."""
KEEP_ALIVE: Final = 15
"""Seconds; a silent network failure is noticed after twice that. Never 0: the embedded broker then closes at once."""
_LONGEST_TOPIC: Final = 65535  # bytes: MQTT 5.0, 1.5.4
_HEADERS: Final = 9  # bytes of a PUBLISH beside topic, properties and payload, at most: MQTT 5.0, 3.3.1 and 3.3.2


class Session:
    """One connection, from CONNECT to DISCONNECT or loss; used once, as a context manager.

    Args:
        address: the broker.
        client_id: whose session it is; a second connection with the same id takes it over.
        clean_start: forget what the broker keeps under this id.
        session_expiry: seconds for which the broker keeps the session after the end; `FOR_EVER` or 0.
        will: published by the broker if the connection ends without a DISCONNECT.
        receive_maximum: QoS 1 messages that may be unacknowledged at a time. The broker may stay below
            (`limits.receive_maximum` says where Mosquitto does) or above (the embedded one sends up to 100).
        manual_ack: the caller acknowledges; else each QoS 1 message is acknowledged as it arrives.
        keep_alive: seconds.
        prepared: a connection to the same broker without CONNECT; if it went stale a fresh one is opened.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        clean_start: bool = False,
        session_expiry: int = FOR_EVER,
        will: Will | None = None,
        receive_maximum: int = limits.RECEIVE_MAXIMUM,
        manual_ack: bool = False,
        keep_alive: int = KEEP_ALIVE,
        prepared: PreparedConnection | None = None,
    ) -> None:
        self.address = address
        self.client_id = client_id
        self._clean_start = clean_start
        self._session_expiry = session_expiry
        self._will = will
        self._receive_maximum = receive_maximum
        self._manual_ack = manual_ack
        self._keep_alive = keep_alive
        self._prepared = prepared
        self._connection: Connection | None = None
        self._inbox = Inbox(client_id)
        self._publishing: dict[int, tuple[str, asyncio.Future[None]]] = {}
        self._asking: dict[int, tuple[Sequence[str], asyncio.Future[None]]] = {}

    # Beginning and end --------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Connects.

        Raises:
            UnreachableError: no broker there, or it does not let us in; with what to do about it.
        """
        assert self._connection is None, "a session is used once"
        wire = self._prepared.take() if self._prepared else None
        if wire is not None:
            with contextlib.suppress(NoConnackError):  # the broker closed it while CONNECT was under way
                await self._connect(wire)
                return self
        await self._connect(await open_wire(self.address))
        return self

    async def _connect(self, wire: Wire) -> None:
        connection = Connection(self.address, wire, self.client_id, manual_ack=self._manual_ack)
        client = connection.paho
        client.on_message = self._message
        client.on_publish = self._published
        client.on_subscribe = client.on_unsubscribe = self._answered
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, self._will.qos, self._will.retain)
        properties = properties_for(
            CONNECT, SessionExpiryInterval=self._session_expiry, ReceiveMaximum=self._receive_maximum
        )
        await connection.connect(keep_alive=self._keep_alive, clean_start=self._clean_start, properties=properties)
        self._connection = connection
        connection.on_ended = self._ended
        if connection.ended.is_set():  # CONNACK, queued messages and the end can come in one piece
            self._ended()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def disconnect(self) -> None:
        """Sends DISCONNECT and returns when the broker has closed the connection.

        By then it has processed everything that was sent before, acknowledgements too. What it had sent until then
        can still be read from `deliveries`, which then ends. Harmless when the connection has ended already.
        """
        await self._open.disconnect(None)

    def abort(self) -> None:
        """Cuts the connection without DISCONNECT, as a crash would: the broker publishes the will."""
        self._open.abort()

    async def end(self) -> None:
        """Ends the MQTT session for good: the broker forgets its subscriptions and its queue.

        Raises:
            UnreachableError: as entering the context.
        """
        await self._open.disconnect(0)
        await end_session(self.address, self.client_id)

    @property
    def _open(self) -> Connection:
        assert self._connection is not None, "enter the session first"
        return self._connection

    @property
    def session_present(self) -> bool:
        """Whether the broker still had this session, with its subscriptions and queue (MQTT 5.0, 3.2.2.1.1)."""
        return self._open.session_present

    @property
    def limits(self) -> ServerLimits:
        """What the broker's CONNACK allows."""
        return self._open.limits

    @property
    def lost(self) -> asyncio.Event:
        """Set when the connection has ended, for whatever reason, after all deliveries that came before."""
        return self._open.ended

    @property
    def loss(self) -> ConnectionLostError | None:
        """Why the connection ended, if nobody here wanted it."""
        return self._open.loss

    # Subscriptions ------------------------------------------------------------------------------------------------

    async def subscribe(
        self,
        filters: Mapping[str, int],
        *,
        retain_handling: int = 0,
        no_local: bool = False,
        identifier: int | None = None,
    ) -> None:
        """Subscribes, and returns when the broker has agreed.

        Args:
            filters: topic filters, also with named segments, and their highest QoS, 0 or 1.
            retain_handling: 0: kept messages come now; 1: only if the subscription is new; 2: never (MQTT 5.0,
                3.8.3.1). The embedded broker ignores it.
            no_local: own messages do not come back; the embedded broker ignores it.
            identifier: 1 to 268435455, comes with each message as one of `Delivery.subscription_ids`.

        Raises:
            RefusedError: the broker refuses a filter; the others may be subscribed.
            ConnectionLostError: the connection ended before the answer.
            UsageError: that is no topic filter.
        """
        assert all(qos in (0, 1) for qos in filters.values()), "QoS 2 is not used"
        properties = properties_for(SUBSCRIBE, SubscriptionIdentifier=identifier)
        wanted = [
            (wire_filter(topic_filter), SubscribeOptions(qos=qos, noLocal=no_local, retainHandling=retain_handling))
            for topic_filter, qos in filters.items()
        ]
        answer = self._open.expect()
        _, packet_id = self._open.paho.subscribe(wanted, properties=properties)
        if packet_id is not None:
            self._asking[packet_id] = (list(filters), answer)
        await answer

    async def unsubscribe(self, *filters: str) -> None:
        """Ends subscriptions; one that does not exist is no error.

        One UNSUBSCRIBE for each filter, and a round trip behind it in place of a time-out: the embedded broker never
        answers for a filter that it does not know, and answers twice for two in one packet.

        Raises:
            RefusedError: the broker refuses.
            ConnectionLostError: the connection ended before the answer.
        """
        for topic_filter in filters:
            await self.unsubscribe_answered(topic_filter)

    async def unsubscribe_answered(self, topic_filter: str) -> bool:
        """Ends one subscription; returns whether the broker answered before it answered a PINGREQ sent after it.

        Raises:
            RefusedError: the broker refuses.
            ConnectionLostError: the connection ended before the answer.
        """
        answer = self._open.expect()
        _, packet_id = self._open.paho.unsubscribe(wire_filter(topic_filter))
        if packet_id is not None:
            self._asking[packet_id] = ([topic_filter], answer)
        await self._open.round_trip()
        if answer.done():
            answer.result()
            return True
        answer.cancel()
        return False

    # Publishing ---------------------------------------------------------------------------------------------------

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        user_properties: Sequence[tuple[str, str]] = (),
        response_topic: str | None = None,
        correlation: bytes | None = None,
        expiry: int | None = None,
        content_type: str | None = None,
    ) -> None:
        """Publishes; at QoS 1 returns when the broker has acknowledged, at QoS 0 when it is on its way.

        Args:
            topic: without wildcards.
            payload: at most what `limits.maximum_packet` allows.
            qos: 0 or 1.
            retain: the broker keeps it for new subscribers; an empty payload clears what it keeps.
            user_properties: names and values.
            response_topic: where an answer is expected.
            correlation: what the answer shall repeat.
            expiry: seconds after which the broker drops it for a subscriber that it could not reach.
            content_type: for the receiver.

        Raises:
            RefusedError: the broker does not take it; names the topic.
            ConnectionLostError: the connection ended before the acknowledgement; it may have arrived or not.
            UsageError: that is no topic.
        """
        await self.publish_nowait(
            topic,
            payload,
            qos=qos,
            retain=retain,
            user_properties=user_properties,
            response_topic=response_topic,
            correlation=correlation,
            expiry=expiry,
            content_type=content_type,
        )

    def publish_nowait(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        user_properties: Sequence[tuple[str, str]] = (),
        response_topic: str | None = None,
        correlation: bytes | None = None,
        expiry: int | None = None,
        content_type: str | None = None,
    ) -> asyncio.Future[None]:
        """Publishes like `publish`, in the order of the calls, and returns at once with a future for its outcome.

        The caller bounds how many are under way: each is kept in memory until it is acknowledged.

        Raises:
            RefusedError: larger than the broker takes.
            UsageError: that is no topic.
        """
        assert qos in (0, 1), "QoS 2 is not used"
        properties = properties_for(
            PUBLISH,
            UserProperty=list(user_properties) or None,
            ResponseTopic=response_topic,
            CorrelationData=correlation,
            MessageExpiryInterval=expiry,
            ContentType=content_type,
        )
        self._check(topic, payload, properties)
        answer = self._open.expect()
        if answer.done():
            return answer
        sent = self._open.paho.publish(topic, payload, qos, retain, properties)
        if sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            answer.set_exception(RefusedError("65535 messages wait for the broker's acknowledgement", place=topic))
        elif qos:
            self._publishing[sent.mid] = (topic, answer)
        elif not answer.done():
            answer.set_result(None)
        return answer

    def _check(self, topic: str, payload: bytes, properties: Properties | None) -> None:
        length = len(topic.encode())
        if not 0 < length <= _LONGEST_TOPIC or any(sign in topic for sign in "+#\0"):
            raise UsageError(
                f"{topic[:50]!r} is no topic to publish to",
                remedy="give one without '+' and '#', as in 'cmnd/lamp/POWER'",
            )
        largest = self._open.limits.maximum_packet
        size = length + len(payload) + packed_size(properties) + _HEADERS if largest is not None else 0
        if largest is not None and size > largest:
            raise RefusedError(
                f"a message of {size} bytes is more than the broker takes, {largest} bytes",
                place=topic,
                remedy="raise max_packet_size in its configuration",
            )

    # Deliveries ---------------------------------------------------------------------------------------------------

    def deliveries(self) -> AsyncIterator[Delivery]:
        """Returns what comes, in arrival order, to the one task that reads.

        A reader that is cancelled loses nothing: a message leaves the queue in the step that hands it over. Ends after
        `disconnect`; raises the `ConnectionLostError` after a loss, when all that came before has been handed over.
        """
        return self._inbox

    async def next_delivery(self) -> Delivery | None:
        """Returns the next delivery, or ``None`` after `disconnect`; for one reader at a time, see `deliveries`.

        Raises:
            ConnectionLostError: the connection is lost and everything that came before was handed over.
        """
        return await self._inbox.take()

    @property
    def waiting(self) -> int:
        """Deliveries that have arrived and were not read yet."""
        return self._inbox.waiting

    def acknowledge(self, *deliveries: Delivery) -> None:
        """Acknowledges QoS 1 deliveries of this session, strictly in arrival order; of QoS 0 nothing is said.

        After a loss it does nothing: the broker sends them again, and rule 11 of `docs/protocol.md` knows them.
        """
        assert self._manual_ack, "they were acknowledged as they came"
        packet_ids = self._inbox.settle(deliveries)
        if packet_ids and not self.lost.is_set():
            self._open.paho.acknowledge(packet_ids)

    @property
    def unacknowledged(self) -> int:
        """QoS 1 deliveries that were not acknowledged yet, read or not."""
        return self._inbox.unacknowledged

    async def flush(self) -> None:
        """Returns when the broker has read everything sent so far, acknowledgements too; reading must not be paused.

        Raises:
            ConnectionLostError: the connection ended before.
        """
        await self._open.round_trip()

    def pause_reading(self) -> None:
        """Stops reading the socket (`docs/protocol.md`, rule 12): no deliveries, no answers, until `resume_reading`.

        The keep-alive goes on. That the broker has ended the connection is noticed only afterwards.
        """
        self._open.pause()

    def resume_reading(self) -> None:
        """Reads again."""
        self._open.resume()

    # What the connection calls ------------------------------------------------------------------------------------

    def _message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        delivery = delivery_from(message)
        self._inbox.put(delivery, to_acknowledge=self._manual_ack and delivery.qos > 0)

    def _published(self, _: paho.Client, __: object, packet_id: int, reason: ReasonCode, ___: Properties) -> None:
        topic, answer = self._publishing.pop(packet_id, ("", None))
        if answer is None or answer.done():
            return
        if reason.is_failure:
            answer.set_exception(refused_publish(topic, reason))
        else:
            answer.set_result(None)

    def _answered(
        self, _: paho.Client, __: object, packet_id: int, reasons: list[ReasonCode], ___: Properties | None
    ) -> None:
        filters, answer = self._asking.pop(packet_id, ((), None))
        if answer is None or answer.done():
            return
        refused = [(f, reason) for f, reason in zip(filters, reasons, strict=False) if reason.is_failure]
        if refused:
            answer.set_exception(refused_subscribe(*refused[0]))
        else:
            answer.set_result(None)

    def _ended(self) -> None:
        self._publishing.clear()
        self._asking.clear()
        self._inbox.close(self.loss)


async def end_session(address: BrokerAddress, client_id: str) -> None:
    """Ends whatever session the broker keeps under this client id, and cuts whoever holds it.

    A clean start with an expiry of 0, which every broker understands: the embedded one ignores the expiry and forgets
    a session only after a clean start.

    Raises:
        UnreachableError: as `Session`.
    """
    async with Session(address, client_id, clean_start=True, session_expiry=0):
        pass

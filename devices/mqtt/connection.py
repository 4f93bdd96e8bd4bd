"""One MQTT 5 connection of paho's on the event loop: no thread, no reconnect, one end.

`Session` and `Firehose` stand on it. Why not on aiomqtt, which does the same: it hides session present, DUP, reason
codes and the CONNACK's limits, takes two more rounds of the loop for each packet sent, and loses what the kernel still
holds when a connection ends. `request.py`, which needs none of that, uses it.

A connection is used once. When it ends, whatever the reason, the paho client goes with its queue: paho would send what
it holds on the next connection, for a function that runs elsewhere by then (`docs/protocol.md`, rule 2).
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices.mqtt.address import BrokerAddress
from devices.mqtt.delivery import ServerLimits, limits_from
from devices.mqtt.plain import plain_publish
from devices.mqtt.properties import properties_in
from devices.mqtt.reasons import TAKEN_OVER, ConnectionLostError, no_connack, refused_connect
from devices.mqtt.wire import Wire

CONNACK_TIMEOUT: Final = 10.0
"""Seconds that a broker may take to answer CONNECT; one that reloads a large database needs some."""
_GOODBYE: Final = 2.0
"""Seconds that a broker may take to close the connection after our DISCONNECT ([MQTT-3.14.4-3])."""
_UNDER_WAY: Final = 32
"""QoS 1 messages sent and not acknowledged, if the broker allows as many. paho looks at each of them at each PUBACK, and
parts of a blob fill the broker's memory: 64 MB took 1.3 s with 100 under way and 0.3 s with 32 on the embedded one."""
_NOT_A_PAHO_COMMAND: Final = 0


class PahoClient(paho.Client):
    """paho with a lent wire, a shorter way to read, and the three packets that it does not let us send as we must."""

    def __init__(self, client_id: str, wire: Wire, *, manual_ack: bool) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=manual_ack,
        )
        self._lent = wire
        self._pings: deque[asyncio.Future[None] | None] = deque()

    def _create_socket(self) -> Wire:
        return self._lent

    def _handle_publish(self) -> MQTTErrorCode:
        message = plain_publish(self._in_packet["command"], self._in_packet["packet"])
        if message is None:
            return super()._handle_publish()
        self._handle_on_message(message)
        if message.qos == 0 or self._manual_ack:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return self._send_puback(message.mid)

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Sends PUBACKs in the given order, in one write (MQTT 5.0, 3.4.2.1: without a reason code it is success)."""
        packet = b"".join(struct.pack("!BBH", 0x40, 2, packet_id) for packet_id in packet_ids)
        self._packet_queue(_NOT_A_PAHO_COMMAND, packet, 0, 0)

    def say_goodbye(self, session_expiry: int | None) -> None:
        """Sends DISCONNECT (MQTT 5.0, 3.14); paho's own way closes the socket at once and loses what is unread."""
        packet = b"\xe0\x00"
        if session_expiry is not None:
            packet = b"\xe0\x07\x00\x05\x11" + struct.pack("!I", session_expiry)
        self._packet_queue(_NOT_A_PAHO_COMMAND, packet, 0, 0)

    def ping(self, answered: asyncio.Future[None]) -> None:
        """Sends PINGREQ; the future is set at its PINGRESP."""
        self._send_pingreq()
        self._pings[-1] = answered

    def _send_pingreq(self) -> MQTTErrorCode:
        self._pings.append(None)
        return super()._send_pingreq()

    def _handle_pingresp(self) -> MQTTErrorCode:
        answered = self._pings.popleft() if self._pings else None
        if answered is not None and not answered.done():
            answered.set_result(None)
        return super()._handle_pingresp()

    def respect(self, receive_maximum: int) -> None:
        """Has at most so many QoS 1 messages under way ([MQTT-3.3.4-7]); known only when paho forbids to set it."""
        self._max_inflight_messages = receive_maximum

    def forgive_silence(self) -> None:
        """Takes the broker for alive: we do not read, so we cannot hear it."""
        self._ping_t = 0.0
        self._last_bytes_received = paho.time_func()


class Connection:
    """A client's connection to a broker, from CONNECT to its end.

    Args:
        address: the broker, for user, password and messages.
        wire: a fresh one; the connection releases it in the end.
        client_id: who we are to the broker.
        manual_ack: incoming QoS 1 messages are acknowledged only by `paho.acknowledge`.
    """

    def __init__(self, address: BrokerAddress, wire: Wire, client_id: str, *, manual_ack: bool) -> None:
        self.address = address
        self.client_id = client_id
        self.session_present = False
        self.limits = ServerLimits()
        self.loss: ConnectionLostError | None = None
        self.ended = asyncio.Event()
        self.on_ended: Callable[[], None] | None = None
        self.paho = PahoClient(client_id, wire, manual_ack=manual_ack)
        self._wire = wire
        self._events = asyncio.get_running_loop()
        self._connack: asyncio.Future[None] = self._events.create_future()
        self._expected: set[asyncio.Future[None]] = set()
        self._keep_alive = 0
        self._tick: asyncio.TimerHandle | None = None
        self._writing = False
        self._paused = False
        self._leaving = False
        wire.on_write_failure = self._write_failed
        self.paho.on_connect = self._connack_came
        self.paho.on_disconnect = self._paho_gave_up
        self.paho.on_socket_register_write = self._write
        self.paho.on_socket_unregister_write = self._written

    async def connect(self, *, keep_alive: int, clean_start: bool, properties: Properties | None) -> None:
        """Sends CONNECT and waits for the CONNACK.

        Raises:
            UnreachableError: refused, silent for `CONNACK_TIMEOUT` seconds, or closed without an answer.
        """
        self._keep_alive = keep_alive
        self.paho.username_pw_set(self.address.user, self.address.password)
        self._events.add_reader(self._wire.fileno(), self._readable)
        try:
            self.paho.connect(
                self.address.host, self.address.port, keep_alive, clean_start=clean_start, properties=properties
            )
            async with asyncio.timeout(CONNACK_TIMEOUT):
                await self._connack
        except TimeoutError:
            self._end(None)
            raise no_connack(self.address, f"stays silent for {CONNACK_TIMEOUT:.0f} s") from None
        except BaseException:
            self._end(None)
            raise
        self._next_tick()

    async def round_trip(self) -> None:
        """Returns when the broker has read all that was sent so far: PINGREQ and PINGRESP (MQTT 5.0, 3.12).

        Raises:
            ConnectionLostError: the connection ended before.
        """
        answered = self.expect()
        if not self.ended.is_set():
            self.paho.ping(answered)
        await answered

    def expect(self) -> asyncio.Future[None]:
        """Returns a future for a broker's answer; the connection's end gives it a `ConnectionLostError`."""
        answer: asyncio.Future[None] = self._events.create_future()
        if self.ended.is_set():
            self._give_up_on(answer)
        else:
            self._expected.add(answer)
            answer.add_done_callback(self._expected.discard)
        return answer

    def _give_up_on(self, answer: asyncio.Future[None]) -> None:
        if not answer.done():
            loss = self.loss or self._lost("the connection was closed here")
            answer.set_exception(ConnectionLostError(loss.message, code=loss.code))
            answer.exception()  # who still waits gets it; who does not has been told by the loss

    async def disconnect(self, session_expiry: int | None) -> None:
        """Sends DISCONNECT and waits for the broker to close.

        Its closing proves that it has read everything before, acknowledgements too. What it sent until then is still
        delivered. Does nothing when the connection has ended already.
        """
        if self.ended.is_set():
            return
        self._leaving = True
        self.resume()
        self.paho.say_goodbye(session_expiry)
        try:
            async with asyncio.timeout(_GOODBYE):
                await self.ended.wait()
        except TimeoutError:
            pass
        finally:
            self._end(None)

    def abort(self) -> None:
        """Closes the socket without a word: the broker publishes the will."""
        self._end(None)

    def pause(self) -> None:
        """Stops reading the socket; the broker stops sending when the buffers between are full."""
        if not self._paused and not self.ended.is_set():
            self._paused = True
            self._events.remove_reader(self._wire.fileno())

    def resume(self) -> None:
        """Reads again."""
        if self._paused and not self.ended.is_set():
            self._paused = False
            self._events.add_reader(self._wire.fileno(), self._readable)

    # Reading ------------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        while self._wire.pull():
            self._feed()
            if not self._wire.pending():
                break
        if self._wire.end is not None:
            self._ended_by_peer()

    def _feed(self) -> None:
        while self._wire.unread and not self.ended.is_set():
            try:
                self.paho.loop_read()  # one packet, or the part of one that is there
            except UnicodeDecodeError:
                self._end(self._lost("the broker sent a topic that is not UTF-8"))

    def _write_failed(self) -> None:
        """Reads what came before the connection broke; later, because paho is in the middle of a call."""
        self._events.call_soon(self._read_rest)

    def _read_rest(self) -> None:
        while not self.ended.is_set() and self._wire.pull():
            self._feed()
        self._ended_by_peer()

    def _ended_by_peer(self) -> None:
        why = self._wire.end
        self._end(
            self._lost(f"the connection broke: {why}")
            if why
            else self._lost(
                "the broker closed the connection without a reason; another client with the same id may have come"
            )
        )

    # Writing ------------------------------------------------------------------------------------------------------

    def _write(self, *_: object) -> None:
        """Sends at once what paho has just queued: waiting for the loop's next round would cost its time."""
        self.paho.loop_write()
        if self.paho.want_write() and not self._writing and not self.ended.is_set():
            self._writing = True
            self._events.add_writer(self._wire.fileno(), self.paho.loop_write)

    def _written(self, *_: object) -> None:
        if self._writing:
            self._writing = False
            self._events.remove_writer(self._wire.fileno())

    # Keep-alive and the end ---------------------------------------------------------------------------------------

    def _next_tick(self) -> None:
        # paho pings when nothing was sent for a keep-alive; brokers wait one and a half ([MQTT-3.1.2-22]).
        self._tick = self._events.call_later(self._keep_alive / 8, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        if self._paused:
            self.paho.forgive_silence()
        self.paho.loop_misc()
        if not self.ended.is_set():
            self._next_tick()

    def _connack_came(
        self, _: paho.Client, __: object, flags: paho.ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if self._connack.done():
            return
        if reason.is_failure:
            said = properties_in(properties).get("ReasonString")
            self._connack.set_exception(refused_connect(self.address, self.client_id, reason, said))
            return
        self.session_present = flags.session_present
        self.limits = limits_from(properties)
        self._keep_alive = self.limits.keep_alive or self._keep_alive
        self.paho.respect(min(self.limits.receive_maximum, _UNDER_WAY))
        self._connack.set_result(None)

    def _paho_gave_up(
        self, _: paho.Client, __: object, flags: paho.DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if not flags.is_disconnect_packet_from_server:
            self._end(self._lost(f"the connection broke: {reason.getName()}"))
            return
        said = properties_in(properties).get("ReasonString")
        words = f"{reason.getName()}, {said}" if said else reason.getName()
        what = "another client with the same id took the session over" if reason.value == TAKEN_OVER else words
        self._end(self._lost(f"the broker ended the connection: {what}", reason.value))

    def _lost(self, message: str, code: int | None = None) -> ConnectionLostError:
        return ConnectionLostError(f"{message} ({self.client_id} at {self.address.place})", code=code)

    def _end(self, loss: ConnectionLostError | None) -> None:
        if self.ended.is_set():
            return
        self.loss = None if self._leaving else loss
        self.ended.set()
        if self._tick is not None:
            self._tick.cancel()
        self._events.remove_reader(self._wire.fileno())
        self._written()
        self.paho.on_socket_register_write = self.paho.on_socket_unregister_write = None
        self.paho.on_disconnect = None
        self._wire.release()
        if not self._connack.done():
            why = "closes the connection" if loss is None or not self._wire.end else f"breaks off ({self._wire.end})"
            self._connack.set_exception(no_connack(self.address, why))
            self._connack.exception()  # whoever waits gets it; nobody else must be told of it
        for answer in list(self._expected):
            self._give_up_on(answer)
        if self.on_ended is not None:
            self.on_ended()

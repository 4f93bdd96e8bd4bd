"""Real brokers for tests, and ears and mouths beside them that share no code with ours.

A `Tap` and a `RawPublisher` use paho with its own thread, so that a mistake in `devices/mqtt` cannot hide itself. (The
import contract lets this one module do so.)
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from devices.mqtt.address import BrokerAddress
from devices.mqtt.broker import Broker, Embedded, Mosquitto
from devices.mqtt.configuration import config_folder
from devices.mqtt.kind import BrokerKind

DEADLINE: Final = 30.0
"""Seconds that a test waits for what must come; a busy machine needs some of them, a correct one mostly none."""


@contextlib.contextmanager
def running_broker(
    kind: str, folder: Path, config: str = "home", settings: dict[str, str | None] | None = None
) -> Iterator[Broker]:
    """Runs a broker on a free port.

    Args:
        kind: ``"mosquitto"`` or ``"embedded"``.
        folder: for its files.
        config: for Mosquitto: ``"home"`` for `broker-config/mosquitto.conf`, ``"stock"`` for the two-line file that
            many homes have.
        settings: for Mosquitto: changes to that file.

    Raises:
        MidstreamError: it is not installed or does not start.
    """
    broker: Broker
    if BrokerKind(kind) is BrokerKind.EMBEDDED:
        broker = Embedded(folder)
    else:
        broker = Mosquitto(
            folder, config={"home": None, "stock": config_folder() / "stock.conf"}[config], settings=settings
        )
    with broker:
        yield broker


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as a tap heard it, with the seconds of `time.monotonic` at which it did."""

    time: float
    topic: str
    payload: bytes
    qos: int
    retain: bool


class Tap:
    """Listens on a broker and writes down everything, in order.

    Args:
        address: the broker.
        filters: what to hear.
        qos: 1 so that the broker drops nothing before a slow reader; 0 for more than 100 retained messages of the
            embedded broker.
    """

    def __init__(self, address: BrokerAddress, *filters: str, qos: int = 1) -> None:
        self._heard: list[Heard] = []
        self._changed = threading.Condition()
        self._filters = [(topic_filter, qos) for topic_filter in filters]
        self._subscribed = threading.Event()
        self._client = _client(address)
        self._client.on_message = self._message
        self._client.on_subscribe = lambda *_: self._subscribed.set()

    def __enter__(self) -> Self:
        self._client.subscribe(self._filters)
        if not self._subscribed.wait(DEADLINE):
            raise TimeoutError("the tap was not subscribed")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _leave(self._client)

    @property
    def heard(self) -> list[Heard]:
        """All so far."""
        with self._changed:
            return list(self._heard)

    def payloads(self, topic: str) -> list[bytes]:
        """Returns what was published to one topic so far."""
        return [heard.payload for heard in self.heard if heard.topic == topic]

    def wait(self, enough: Callable[[list[Heard]], bool], seconds: float = DEADLINE) -> list[Heard]:
        """Returns all so far as soon as it is enough.

        Raises:
            TimeoutError: it was not enough in time; tells the last ones.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: enough(self._heard), seconds):
                raise TimeoutError(f"heard {len(self._heard)} messages, the last ones: {self._heard[-5:]}")
            return list(self._heard)

    def _message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        heard = Heard(time.monotonic(), message.topic, bytes(message.payload), message.qos, bool(message.retain))
        with self._changed:
            self._heard.append(heard)
            self._changed.notify_all()


class RawPublisher:
    """Publishes as a foreign device does.

    Args:
        address: the broker.
        client_id: of the device; empty for one of the broker's choice.
    """

    def __init__(self, address: BrokerAddress, client_id: str = "") -> None:
        self._client = _client(address, client_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _leave(self._client)

    def publish(self, topic: str, payload: bytes | str, *, qos: int = 0, retain: bool = False) -> None:
        """Publishes, and returns when it has left, at QoS 1 when the broker has it."""
        self._client.publish(topic, payload, qos, retain).wait_for_publish(DEADLINE)


def publish_raw(
    address: BrokerAddress, topic: str, payload: bytes | str, *, qos: int = 0, retain: bool = False
) -> None:
    """Publishes one message from a connection of its own."""
    with RawPublisher(address) as publisher:
        publisher.publish(topic, payload, qos=qos, retain=retain)


def _client(address: BrokerAddress, client_id: str = "") -> paho.Client:
    """Returns a client that has its CONNACK, with its thread running."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5)
    client.username_pw_set(address.user, address.password)
    answered = threading.Event()
    client.on_connect = lambda *_: answered.set()
    client.connect(address.host, address.port, keepalive=30, clean_start=True)
    sock = client.socket()
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # paho leaves it out: 40 ms a message
    client.loop_start()
    answered.wait(DEADLINE)
    if not client.is_connected():
        _leave(client)
        raise ConnectionError(f"{address} did not let a test client in")
    return client


def _leave(client: paho.Client) -> None:
    client.disconnect()
    client.loop_stop()
    client._reset_sockets()  # noqa: SLF001 - paho leaves its wake-up sockets to the garbage collector

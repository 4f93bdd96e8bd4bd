"""Devices that know nothing of Midstream, and an account of what they said; with paho, or the `mosquitto_pub` program.

A device that has no answer says it again, as devices do. So a number has two bounds: how often the broker has said that
it has it, and how often it was sent.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from dataclasses import dataclass
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from devices.mqtt.address import BrokerAddress

_AGAIN: Final = 0.2  # seconds between two tries to connect


@dataclass
class Account:
    """What is known of one number of one device.

    Args:
        qos: at which it was said.
        sent: times that it may have reached the broker.
        taken: times that the broker has said so.
    """

    qos: int
    sent: int = 0
    taken: int = 0
    at: float = 0.0


def connected(address: BrokerAddress, client_id: str, *, keeps: bool, manual_ack: bool = False) -> paho.Client:
    """Returns a paho client that comes back by itself; its callbacks and `loop_start` are the caller's."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        protocol=paho.MQTTv5,
        manual_ack=manual_ack,
    )
    client.username_pw_set(address.user, address.password)
    client.max_inflight_messages_set(10_000)
    client.reconnect_delay_set(_AGAIN, _AGAIN)
    properties = paho.Properties(paho.PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600 if keeps else 0
    client.connect_async(address.host, address.port, 30, clean_start=not keeps, properties=properties)
    return client


def leave(client: paho.Client) -> None:
    """Ends a client and its thread."""
    client.disconnect()
    client.loop_stop()
    client._reset_sockets()  # paho leaves its wake-up sockets to the garbage collector


class Device:
    """One device with its connection.

    Args:
        address: the broker, without any link between.
        place: first level of its topics.
        name: last level.
        accounts: by topic's last level and number; shared by all devices of a function.
    """

    def __init__(self, address: BrokerAddress, place: str, name: str, accounts: dict[tuple[str, str], Account]) -> None:
        self.name = name
        self.topic = f"faults/{place}/in/{name}"
        self.reconnects = 0
        self._accounts = accounts
        self._waiting: dict[int, Account] = {}
        self._early: set[int] = set()  # answered before `publish` had told their ids
        self._lock = threading.Lock()
        self._was_connected = threading.Event()
        self._client = connected(address, f"{place}-{name}", keeps=False)
        self._client.on_connect = self._connected
        self._client.on_publish = self._published
        self._client.loop_start()

    def say(self, text: str, *, qos: int, retain: bool = False) -> None:
        """Says something; whether the broker has it is known later."""
        with self._lock:
            account = self._accounts.setdefault((self.name, text), Account(qos))
            account.sent += 1
            account.at = time.monotonic()
        said = self._client.publish(self.topic, text, qos, retain)  # without the lock: paho has locks of its own
        with self._lock:
            if qos and said.mid in self._early:
                self._early.discard(said.mid)
                account.taken += 1
            elif qos:
                self._waiting[said.mid] = account

    @property
    def answered(self) -> bool:
        """Whether the broker has all that was said."""
        with self._lock:
            return not self._waiting

    def _connected(self, *_: object) -> None:
        if self._was_connected.is_set():
            with self._lock:  # paho says again what was not answered
                self.reconnects += 1
                for account in self._waiting.values():
                    account.sent += 1
        self._was_connected.set()

    def _published(self, _: paho.Client, __: object, mid: int, *___: object) -> None:
        with self._lock:
            account = self._waiting.pop(mid, None)
            if account is not None:
                account.taken += 1
            else:
                self._early.add(mid)

    def leave(self) -> None:
        """Ends the connection."""
        leave(self._client)


async def say_with_mosquitto_pub(
    address: BrokerAddress, place: str, text: str, accounts: dict[tuple[str, str], Account], *, qos: int, retain: bool
) -> None:
    """Says something once, in a process of its own."""
    account = accounts.setdefault(("pub", text), Account(qos))
    account.sent += 1
    where = ["-h", address.host, "-p", str(address.port), "-t", f"faults/{place}/in/pub", "-m", text, "-q", str(qos)]
    process = await asyncio.create_subprocess_exec(
        "mosquitto_pub",
        "-V",
        "mqttv5",
        *where,
        *(["-r"] if retain else []),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(10):
            if await process.wait() == 0 and qos:
                account.taken += 1
    except TimeoutError:
        process.kill()
        await process.wait()


class Parrot:
    """Somebody on the broker who says each order, answer and blob part again, later and in another order.

    Args:
        address: the broker.
        chance: of what it says again.
    """

    FILTERS: Final = ("midstream/hubs/+/command", "midstream/hubs/+/answer", "midstream/checkpoints/+/+/+")

    def __init__(self, address: BrokerAddress, chance: random.Random) -> None:
        self._said: set[bytes] = set()
        self._chance = chance
        self._timers: list[threading.Timer] = []
        self._client = connected(address, "parrot", keeps=False)
        self._client.on_connect = lambda client, *_: client.subscribe([(each, 1) for each in self.FILTERS])
        self._client.on_message = self._heard
        self._client.loop_start()

    def _heard(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        if message.payload in self._said or message.retain or self._chance.random() > 0.4:
            return
        self._said.add(message.payload)
        timer = threading.Timer(self._chance.random() * 1.5, client.publish, (message.topic, message.payload, 1))
        self._timers.append(timer)
        timer.start()

    def leave(self) -> None:
        """Falls silent."""
        for timer in self._timers:
            timer.cancel()
        leave(self._client)

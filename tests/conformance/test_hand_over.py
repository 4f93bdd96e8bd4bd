"""The two hand-overs of `docs/protocol.md`, rule 20, between sessions, while a foreign device goes on publishing."""

import asyncio
import threading

import pytest

from devices.mqtt.kind import BrokerKind, probe
from devices.mqtt.reasons import ConnectionLostError
from devices.mqtt.session import Session, end_session
from devices.testing.broker import DEADLINE, RawPublisher, Tap

MOVES = 20


class Device:
    """Publishes numbers in a closed loop: never more than a window ahead of what the broker has passed on."""

    WINDOW = 20

    def __init__(self, address, topic, qos):
        self.sent = 0
        self._address, self._topic, self._qos = address, topic, qos
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._enough.set()
        self._thread.join(DEADLINE)

    def _run(self):
        with Tap(self._address, self._topic) as tap, RawPublisher(self._address) as publisher:
            while not self._enough.is_set():
                tap.wait(lambda heard: len(heard) > self.sent - self.WINDOW)
                publisher.publish(self._topic, str(self.sent), qos=self._qos)
                self.sent += 1
            tap.wait(lambda heard: len(heard) == self.sent)


class Function:
    """Takes each number once, as a function's mailbox does; the state that moves is the last number."""

    def __init__(self):
        self.taken = []

    def take(self, delivery):
        number = int(delivery.payload)
        if not self.taken or number > self.taken[-1]:
            self.taken.append(number)


async def run_for(session, function, count, *, acknowledge):
    for _ in range(count):
        async with asyncio.timeout(DEADLINE):
            delivery = await session.next_delivery()
        function.take(delivery)
        if acknowledge and delivery.qos:
            session.acknowledge(delivery)


async def late_list(session, function):
    """What reached the source until its connection ended."""
    try:
        async for delivery in session.deliveries():
            function.take(delivery)
    except ConnectionLostError:
        pass


@pytest.mark.parametrize("qos", [0, 1])
async def test_no_number_is_lost_or_overtaken_while_the_session_moves(broker, name, qos):
    function = Function()
    source = Session(broker.address, name, manual_ack=True)
    await source.__aenter__()
    await source.subscribe({f"{name}/x": 1})
    kind = await probe(source)
    with Device(broker.address, f"{name}/x", qos) as device:
        for _ in range(MOVES):
            await run_for(source, function, 30, acknowledge=True)
            destination = Session(broker.address, name, manual_ack=True)
            if kind is BrokerKind.MOSQUITTO:
                await destination.__aenter__()  # takes over; the source learns it from the end of its connection
                await asyncio.wait_for(source.lost.wait(), DEADLINE)
                await late_list(source, function)
            else:
                await source.disconnect()  # what it had not acknowledged waits; what it had does not come again
                await late_list(source, function)
                await destination.__aenter__()
            assert destination.session_present
            source = destination
        await asyncio.to_thread(device.stop)
        while not function.taken or function.taken[-1] < device.sent - 1:
            await run_for(source, function, 1, acknowledge=True)
    assert function.taken == list(range(device.sent))
    await source.disconnect()
    await end_session(broker.address, name)

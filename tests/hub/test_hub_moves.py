"""Moves between two agents: nothing is lost or doubled, on both brokers, at QoS 0 and 1, with foreign publishers."""

from __future__ import annotations

import asyncio
import threading

import pytest
from echoing_functions import SUM, send

from coordinator.moves import setting_back
from devices.protocol import checkpoint as blobs
from devices.protocol.answers import Captured
from devices.protocol.messages import PHASES
from devices.testing.broker import RawPublisher, Tap

ECHO = """
from midstream import ctx, function

@function
def echo():
    numbers = ctx.subscribe("in/+")
    ctx.publish("out/ready", "ready")
    while True:
        message = numbers.next()
        ctx.publish("out/" + message.topic[3:], message.text)
"""


class Devices(threading.Thread):
    """Publishes numbers at QoS 0 and 1, at most a few ahead of what came out: a closed loop."""

    WINDOW = 8

    def __init__(self, address, tap: Tap) -> None:
        super().__init__(name="devices", daemon=True)
        self._address = address
        self._tap = tap
        self.sent = {0: 0, 1: 0}
        self.done = threading.Event()

    def run(self) -> None:
        with RawPublisher(self._address) as publisher:
            while not self.done.is_set():
                for qos in (0, 1):
                    if self.sent[qos] - self.came(qos) < self.WINDOW:
                        self.sent[qos] += 1
                        publisher.publish(f"in/{qos}", str(self.sent[qos]), qos=qos)
                self.done.wait(0.002)

    def came(self, qos: int) -> int:
        return len(self._tap.payloads(f"out/{qos}"))


@pytest.fixture(params=["mosquitto", "stock", "embedded"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_many_moves_under_load_lose_and_double_nothing(kind, broker, coordinator, hub_a, hub_b):
    handover = "disconnect" if kind == "embedded" else "takeover"
    with Tap(broker.address, "out/+") as tap:
        await coordinator.run("echo", "hub-a", ECHO, "echo")
        await asyncio.to_thread(tap.wait, lambda heard: bool(heard))
        devices = Devices(broker.address, tap)
        devices.start()
        here, there = "hub-a", "hub-b"
        for _ in range(10):
            told, running = await coordinator.move("echo", here, there, handover)
            assert set(told.phases) | set(running.phases) <= set(PHASES)
            here, there = there, here
            before = [devices.came(qos) for qos in (0, 1)]
            await asyncio.to_thread(tap.wait, lambda _, b=before: all(devices.came(q) > b[q] + 20 for q in (0, 1)))
        devices.done.set()
        await asyncio.to_thread(devices.join)
        await asyncio.to_thread(tap.wait, lambda _: all(devices.came(q) >= devices.sent[q] for q in (0, 1)))
        for qos in (0, 1):
            assert [int(it) for it in tap.payloads(f"out/{qos}")] == list(range(1, devices.sent[qos] + 1))


@pytest.mark.parametrize("kind", ["mosquitto"])
async def test_a_function_that_falls_back_to_the_parent_applies_what_came_since_once_more(
    kind, broker, coordinator, hub_a, hub_b, device, watch
):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", waiting="in")
    await send(device, "1", "2")
    await watch.state("total", values={"total": 3})
    older = await coordinator.answer_to("hub-a", coordinator.capture_command("total"), Captured)
    await send(device, "10", "20", qos=0)
    await send(device, "30")
    await watch.state("total", values={"total": 63})
    newest = await coordinator.answer_to("hub-a", coordinator.capture_command("total"), Captured)
    await asyncio.to_thread(watch.tap.wait, lambda _: newest.checkpoint in coordinator.blobs)
    header, _ = blobs.decode_header(coordinator.blobs[newest.checkpoint])
    back = setting_back.make(coordinator.blobs[older.checkpoint], [header], 1, "set back", coordinator.key)
    assert (back.put_back, back.lost) == (3, 0)
    coordinator.blobs[back.header.checkpoint] = back.blob
    await coordinator.restore("total", "hub-b", back.header.checkpoint)
    await watch.state("total", hub="hub-b", values={"total": 63})
    await send(device, "100")
    await watch.state("total", hub="hub-b", values={"total": 163})

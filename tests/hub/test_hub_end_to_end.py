"""A hub with a real broker, a real spawner and real workers, told what to do by a scripted coordinator."""

from __future__ import annotations

import asyncio

from devices.protocol import answers
from devices.testing.broker import RawPublisher, Tap

COUNT = """
from midstream import ctx, function

@function
def count(topic: str = "in"):
    seen = []
    for message in ctx.subscribe(topic):
        seen.append(message.text)
        ctx.publish("out", ",".join(seen))
"""


async def wait_for(tap: Tap, topic: str, payload: bytes):
    return await asyncio.to_thread(tap.wait, lambda heard: any((h.topic, h.payload) == (topic, payload) for h in heard))


async def test_a_function_runs_and_its_output_leaves_when_it_is_durable(broker, coordinator, hub_a):
    with Tap(broker.address, "out") as tap, RawPublisher(broker.address) as device:
        running = await coordinator.run("count", "hub-a", COUNT, "count")
        assert set(running.phases) == {"start", "decode", "resume"}
        await subscribed(broker, coordinator)
        await asyncio.to_thread(device.publish, "in", "1", qos=1)
        await wait_for(tap, "out", b"1")
        assert coordinator.answers[-1]


async def subscribed(broker, coordinator):
    """The first checkpoint after a subscription is a proof that the function has come past it."""
    while True:
        told = await coordinator.answer_to("hub-a", coordinator.capture_command("count"), answers.Captured)
        if "message" in told.statement:
            return

"""A hub as a process of its own, killed without warning: what it held goes on when it is started again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hub_process import HubProcess

from devices.mqtt.broker import Broker
from devices.protocol import answers, commands
from devices.testing.broker import RawPublisher, Tap

SUM = """
from midstream import ctx, function

@function(checkpoint="1h")
def total():
    numbers, total = ctx.subscribe("in"), 0
    ctx.publish("out", "listening")
    while True:
        message = numbers.next()
        if message.text == "end":
            return total
        total += int(message.text)
        ctx.publish("out", str(total))
"""


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def hub(broker: Broker, tmp_path: Path) -> Iterator[HubProcess]:
    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a")
    yield hub
    with contextlib.suppress(psutil.NoSuchProcess):
        hub.kill()


async def reports(coordinator, count: int) -> None:
    while len([it for it in coordinator.answers if isinstance(it, answers.Report)]) < count:
        coordinator._changed.clear()
        await coordinator._changed.wait()


async def test_a_killed_hub_leaves_no_process_and_goes_on_from_its_spool(broker, coordinator, hub):
    with Tap(broker.address, "out") as tap, RawPublisher(broker.address) as device:

        async def came(*payloads: str):
            await asyncio.to_thread(tap.wait, lambda _: tap.payloads("out")[-1:] == [payloads[-1].encode()])
            # What had left when the hub died may leave again, under the same key: so each once.
            assert [it.decode() for it in dict.fromkeys(tap.payloads("out"))] == list(payloads)

        await reports(coordinator, 1)
        await coordinator.run("total", "hub-a", SUM, "total")
        await came("listening")
        for payload in ("1", "2"):
            await asyncio.to_thread(device.publish, "in", payload, qos=1)
        await came("listening", "1", "3")
        _, alive = await asyncio.to_thread(psutil.wait_procs, hub.kill(), 10)
        assert alive == []
        await asyncio.to_thread(device.publish, "in", "3", qos=1)
        hub.start_again()
        await came("listening", "1", "3", "6")
        report = [it for it in coordinator.answers if isinstance(it, answers.Report)][-1]
        assert report.start == 2
        await asyncio.to_thread(device.publish, "in", "end", qos=1)
        assert (await coordinator.heard(answers.Ended)).result == 6


async def test_a_hub_that_was_killed_behind_the_commit_point_waits_for_a_claim(broker, coordinator, hub):
    with Tap(broker.address, "out") as tap, RawPublisher(broker.address) as device:
        await reports(coordinator, 1)
        await coordinator.run("total", "hub-a", SUM, "total")
        await asyncio.to_thread(tap.wait, bool)
        command = coordinator.capture_command("total", hold=True, move="m1")
        told = await coordinator.answer_to("hub-a", command, answers.Captured)
        stored = commands.Stored(id="s1", instance="total", checkpoint=told.checkpoint, epoch=1)
        await coordinator.answer_to("hub-a", stored, answers.Released)
        hub.kill()
        await asyncio.to_thread(device.publish, "in", "1", qos=1)
        hub.start_again()
        await reports(coordinator, 2)
        report = [it for it in coordinator.answers if isinstance(it, answers.Report)][-1]
        assert [(it.state, it.move, it.checkpoint) for it in report.holding] == [("moving", "m1", told.checkpoint)]
        stored.id = "s2"
        assert (await coordinator.answer_to("hub-a", stored, answers.Released)).move == "m1"
        await coordinator.restore("total", "hub-a", told.checkpoint, parts=False)
        await asyncio.to_thread(tap.wait, lambda _: tap.payloads("out")[-1:] == [b"1"])
        assert tap.payloads("out") == [b"listening", b"1"]

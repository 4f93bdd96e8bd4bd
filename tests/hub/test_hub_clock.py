"""A hub whose clock cannot be right: nothing of it begins, and it says why."""

from __future__ import annotations

import asyncio
import json

import pytest
from hub_under_test import HubUnderTest
from scripted_coordinator import TOPICS

from devices.hub.agent import Agent
from devices.hub.config import read_config
from devices.testing.broker import Tap
from devices.timekeeping import Machine

SLEEPS = """
from midstream import ctx, function

@function
def sleeps():
    ctx.sleep("1h")
"""


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_a_hub_that_boots_in_1970_waits_says_so_and_goes_on_when_the_time_has_come(
    broker, coordinator, watch, tmp_path
):
    given = {"name": "hub-a", "broker.url": broker.address.url, "folder": str(tmp_path / "hub-a")}
    hub = HubUnderTest(read_config(None, {}, given))
    await hub.start()
    await coordinator.run("sleeps", "hub-a", SLEEPS, "sleeps")
    await watch.until(lambda _: any(it["waiting"].startswith("sleeps until ") for it in watch.states("sleeps")))
    (tmp_path / "hub-a" / "lock").touch()  # as the process of a hub has it
    await hub.stop()
    slept = watch.states("sleeps")[-1]
    assert (slept["state"], slept["waiting"][:13]) == ("restarting", "sleeps until ")

    now = 100.0
    machine = Machine(now=lambda: now, is_synchronised=lambda: now > 100.0, awaits_the_network=lambda: False)
    agent, stop = Agent(hub.config, machine), asyncio.Event()
    with Tap(broker.address, TOPICS.hub("hub-a", "status")) as status:

        def newest() -> dict:
            return json.loads((status.payloads(TOPICS.hub("hub-a", "status")) or [b"{}"])[-1])

        running = asyncio.create_task(agent.serve(stop, asyncio.Event()))
        await asyncio.to_thread(status.wait, lambda _: newest().get("start") == 2)
        assert newest()["state"] == "offline"
        assert newest()["reason"].startswith("waits for the clock: it says 1970-01-01 00:01, and it has been 20")
        assert watch.states("sleeps")[-1] == slept
        now = 1_900_000_000.0
        await asyncio.to_thread(status.wait, lambda _: newest().get("state") == "online")
        assert (await watch.state("sleeps", state="running"))["epoch"] == 1
        stop.set()
        await running


async def test_a_hub_that_waits_for_the_clock_can_be_told_to_stop(broker, tmp_path):
    given = {"name": "hub-a", "broker.url": "mqtt://127.0.0.1:1", "folder": str(tmp_path / "hub-a")}
    machine = Machine(now=lambda: 100.0, is_synchronised=lambda: False, awaits_the_network=lambda: False)
    stop = asyncio.Event()
    serving = asyncio.create_task(Agent(read_config(None, {}, given), machine).serve(stop, asyncio.Event()))
    await asyncio.sleep(0)
    assert not serving.done()
    stop.set()
    await serving

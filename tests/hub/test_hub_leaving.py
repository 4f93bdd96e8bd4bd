"""A hub is stopped, or drained so that it may be: what it holds is saved, and it says whether the plug may be pulled."""

from __future__ import annotations

import contextlib
import json

import psutil
import pytest
from echoing_functions import ECHO, SUM, retained, send, until
from hub_process import HubProcess
from hub_under_test import running_hub

from devices.hub import leaving
from devices.hub.draining import Draining
from devices.protocol import answers, commands, messages
from devices.protocol.topics import Topics

TOPICS = Topics()
CLINGING = """
import socket
from midstream import ctx, function

@function(checkpoint="1h")
def clinging():
    plug = socket.socket()
    ctx.status("clings")
    for message in ctx.subscribe("in"):
        plug.settimeout(1)
"""
BUSY = """
from midstream import ctx, function

@function(checkpoint="1h")
def busy():
    ctx.status("busy")
    sum(iter(int, 1))
"""


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def status(broker, hub: str = "hub-a") -> messages.HubStatus:
    topic = TOPICS.hub(hub, "status")
    return messages.decode(await retained(broker, topic), messages.HubStatus, topic)


async def test_a_stopped_hub_may_be_switched_off_when_all_is_stored_and_says_what_is_not(
    broker, coordinator, hub_a, watch, device, monkeypatch
):
    monkeypatch.setattr(leaving, "STORED_WITHIN", 0.2)
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "1", "2")
    await watch.state("total", values={"total": 3})
    await hub_a.stop()
    told = await status(broker)
    assert (told.state, told.safe_to_power_off, told.reason) == ("offline", True, "it was stopped")

    await hub_a.start()
    await watch.state("total", state="running")
    coordinator.stores = False
    await send(device, "3")
    await watch.state("total", values={"total": 6})
    await hub_a.stop()
    told = await status(broker)
    assert (told.state, told.safe_to_power_off) == ("offline", False)
    assert f"the newest checkpoint of total is in the spool {hub_a.config.spool} alone" in told.reason

    coordinator.stores = True
    await hub_a.start()
    await send(device, "4", "end")
    assert (await coordinator.heard(answers.Ended)).result == 10


async def test_what_cannot_be_saved_is_named_with_the_reason_and_nobody_in_a_hurry_waits_for_it(
    broker, coordinator, watch, tmp_path
):
    async with running_hub(broker, tmp_path, "hub-a", **{"limits.stop": "10m"}) as hub:
        await coordinator.run("clinging", "hub-a", CLINGING, "clinging")
        await coordinator.run("busy", "hub-a", BUSY, "busy")
        await watch.state("clinging", text="clings")
        await watch.state("busy", text="busy")
        leaves = hub.leaves()
        await until(lambda: hub.agent.instances.lives["clinging"].instance.reason)
        assert not leaves.done()
        hub.hurry.set()
        await leaves
        told = await status(broker)
        assert not told.safe_to_power_off
        assert "clinging goes back to its last checkpoint: " in told.reason
        assert "socket" in told.reason
        assert "busy goes back to its last checkpoint: there was no time left" in told.reason
        await hub.start()


async def test_a_hub_is_drained_when_nothing_runs_there_and_all_is_durable(broker, coordinator, hub_a, watch, device):
    async def state_is(wanted: str, *, safe: bool) -> None:
        await watch.until(
            lambda _: (
                [
                    (it["state"], it["safe_to_power_off"])
                    for it in map(json.loads, watch.tap.payloads(TOPICS.hub("hub-a", "status")))
                ][-1:]
                == [(wanted, safe)]
            )
        )

    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    assert (await coordinator.answer_to("hub-a", commands.Drain(id="d1", instance=""))).state == "draining"
    await send(device, "1")
    await watch.out("ready", "1")
    assert not (await status(broker)).safe_to_power_off
    await coordinator.answer_to("hub-a", coordinator.capture_command("echo", hold=True), answers.Captured)
    await state_is("drained", safe=True)
    await send(device, "2")
    await watch.state("echo", lag=1)
    await hub_a.stop()
    await state_is("offline", safe=True)
    await hub_a.start()
    await state_is("drained", safe=True)
    undo = commands.Drain(id="d2", instance="", undo=True)
    assert (await coordinator.answer_to("hub-a", undo)).state == "online"
    await state_is("online", safe=False)
    await coordinator.restore("echo", "hub-a", coordinator.newest["echo"], parts=False)
    await watch.out("ready", "1", "2")


async def test_a_drained_hub_whose_plug_is_pulled_is_still_safe_and_one_that_works_again_is_not(
    broker, coordinator, watch, tmp_path
):
    async def told(state: str, *, safe: bool) -> None:
        def is_so(_):
            newest = json.loads(watch.tap.payloads(TOPICS.hub("hub-a", "status"))[-1])
            return (newest["state"], newest["safe_to_power_off"]) == (state, safe)

        await watch.until(is_so)

    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a")
    try:
        await coordinator.heard(answers.Report)
        await coordinator.answer_to("hub-a", commands.Drain(id="d1", instance=""))
        await told("drained", safe=True)
        hub.kill()
        await told("offline", safe=True)
        hub.start_again()
        await told("drained", safe=True)
        await coordinator.answer_to("hub-a", commands.Drain(id="d2", instance="", undo=True))
        await told("online", safe=False)
        hub.kill()
        await told("offline", safe=False)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            hub.kill()


def test_the_wish_to_drain_a_hub_ends_with_the_power_of_its_machine(tmp_path):
    Draining(tmp_path, "this boot").want(wanted=True)
    assert Draining(tmp_path, "this boot").wanted
    assert not Draining(tmp_path, "the next boot").wanted
    Draining(tmp_path, "this boot").want(wanted=False)
    assert not Draining(tmp_path, "this boot").wanted

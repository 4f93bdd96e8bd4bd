"""A hub's ties to the broker and to other hubs are cut, and taken up again: connections, sessions, claims, names."""

from __future__ import annotations

import asyncio
import json

import psutil
import pytest
from echoing_functions import ECHO, SUM, retained, send, until
from hub_under_test import running_hub

from devices.errors import RefusedError
from devices.hub.agent import run
from devices.hub.config import read_config
from devices.hub.instance_session import InstanceSession
from devices.mqtt.session import Session, end_session
from devices.protocol import answers, commands
from devices.protocol.topics import Topics
from devices.testing.broker import Tap, publish_raw

TOPICS = Topics()


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_a_cut_connection_is_taken_back_under_the_own_claim(broker, coordinator, hub_a, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    for number in range(3):
        hub_a.agent.instances.lives["echo"].session._session.abort()
        async with Session(broker.address, "echo", receive_maximum=5, manual_ack=True):
            pass
        await send(device, str(number))
        await watch.out(str(number))
    # An output whose acknowledgement was cut off leaves again, under its key.
    assert list(dict.fromkeys(watch.outputs)) == ["ready", "0", "1", "2"]


async def test_a_newer_claim_for_another_hub_ends_the_copy_here(coordinator, hub_a, hub_b, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("echo"), answers.Captured)
    await coordinator.restore("echo", "hub-b", told.checkpoint)
    await until(lambda: "echo" not in hub_a.agent.instances.lives)
    await send(device, "1")
    await watch.out("ready", "1")
    assert not (hub_a.config.spool / "echo").exists()


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"], indirect=True)
async def test_a_hub_that_is_stopped_and_started_goes_on_where_it_was(
    broker, coordinator, hub_a, watch, device, tmp_path, kind
):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "1", "2")
    await watch.state("total", values={"total": 3})
    await hub_a.stop()
    status = json.loads(await retained(broker, TOPICS.hub("hub-a", "status")))
    assert status["state"] == "offline"
    await send(device, "3")
    await hub_a.start()
    await send(device, "4", "end")
    assert (await coordinator.heard(answers.Ended)).result == 10


async def test_a_hub_forgets_what_was_claimed_elsewhere_while_it_was_away(
    broker, coordinator, hub_a, hub_b, watch, device
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    await hub_a.stop()
    newest = (await coordinator.heard(answers.Captured, lambda it: it.reason == "its hub is stopped")).checkpoint
    await coordinator.restore("echo", "hub-b", newest)
    await hub_a.start()
    await until(lambda: not (hub_a.config.spool / "echo").exists())
    await send(device, "1")
    await watch.out("ready", "1")


async def test_a_second_hub_of_the_same_name_is_refused_and_the_first_unharmed(
    broker, coordinator, hub_a, watch, device, tmp_path
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    with pytest.raises(RefusedError, match="running already, on this machine"):
        async with running_hub(broker, tmp_path / "elsewhere", "hub-a"):
            pass
    await send(device, "1")
    await watch.out("ready", "1")
    assert hub_a.agent.control.up.is_set()


async def test_of_two_hubs_that_begin_in_the_same_moment_one_stays(broker, coordinator, tmp_path):
    given = {"name": "twin", "broker.url": broker.address.url, "spool.path": ""}
    twins = [
        asyncio.create_task(run(read_config(None, {}, given | {"folder": str(tmp_path / side)}), asyncio.Event()))
        for side in ("left", "right")
    ]
    done, left = await asyncio.wait(twins, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    for twin in left:
        twin.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    (error,) = [twin.exception() for twin in done]
    assert isinstance(error, RefusedError)
    assert "'twin' is running already" in error.message


async def test_a_session_that_the_broker_lost_is_opened_anew_and_the_loss_told(
    broker, coordinator, hub_a, watch, device
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    await end_session(broker.address, "echo")
    await watch.until(lambda _: any("had lost" in state["reason"] for state in watch.states("echo")))
    await send(device, "1")
    await watch.out("ready", "1")


async def test_a_function_that_begins_anew_after_its_end_has_lost_no_session(
    coordinator, hub_a, watch, device, monkeypatch
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    await coordinator.answer_to("hub-a", commands.Stop(id="stop", instance="echo", epoch=1, reason="begins anew"))
    connect = InstanceSession._run

    async def late(session, prepared):  # when the function has subscribed: that is faster now and then
        await until(lambda: session._instance.mailbox.broker_filters)
        await connect(session, prepared)

    monkeypatch.setattr(InstanceSession, "_run", late)
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.state("echo", epoch=2)
    await until(lambda: hub_a.agent.instances.lives["echo"].subscribed.is_set())
    await send(device, "1")
    await watch.until(lambda _: "1" in watch.outputs)
    assert not [answer for answer in coordinator.answers if isinstance(answer, answers.Failed)]


async def test_a_broker_that_goes_and_comes_back_changes_nothing(broker, coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "1")
    await watch.state("total", values={"total": 1})
    pid = hub_a.agent.instances.lives["total"].instance.worker.pid
    await asyncio.to_thread(broker.stop)
    await until(lambda: not hub_a.agent.control.up.is_set())
    await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    await asyncio.to_thread(broker.start)
    await until(lambda: hub_a.agent.control.up.is_set())
    await until(lambda: psutil.Process(pid).status() != psutil.STATUS_STOPPED)
    await asyncio.to_thread(publish_raw, broker.address, "in", "2", qos=1)
    with Tap(broker.address, TOPICS.instance("total", "state")) as tap:
        await asyncio.to_thread(tap.wait, lambda heard: any(b'"total":3' in it.payload for it in heard))

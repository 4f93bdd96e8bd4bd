"""A hub whose disk is full says so, keeps the function going, loses nothing, and goes on when there is room again."""

from __future__ import annotations

import asyncio
import contextlib

import psutil
import pytest
from echoing_functions import ECHO, send
from hub_process import HubProcess

from devices.protocol import answers


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_what_cannot_be_kept_waits_until_there_is_room(broker, coordinator, watch, device, tmp_path):
    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a")
    agent = psutil.Process(hub.process.pid)
    unlimited = agent.rlimit(psutil.RLIMIT_FSIZE)
    try:
        await coordinator.heard(answers.Report)
        await coordinator.run("echo", "hub-a", ECHO, "echo")
        await watch.out("ready")
        agent.rlimit(psutil.RLIMIT_FSIZE, (1, unlimited[1]))  # no file takes a second byte
        await send(device, "1", "2")
        await watch.until(lambda _: "the spool takes no checkpoint" in watch.states("echo")[-1]["reason"])
        await send(device, "3")
        await watch.until(lambda _: watch.states("echo")[-1]["lag"] == 0)  # it goes on all the same
        assert watch.states("echo")[-1]["state"] == "running"
        assert watch.outputs == ["ready"]
        agent.rlimit(psutil.RLIMIT_FSIZE, unlimited)
        await watch.out("ready", "1", "2", "3")
        assert (await watch.state("echo", reason=""))["checkpoint"] in coordinator.blobs
        agent.rlimit(psutil.RLIMIT_FSIZE, (1, unlimited[1]))
        await send(device, "4")
        await watch.until(lambda _: "the spool takes no checkpoint" in watch.states("echo")[-1]["reason"])
        await asyncio.to_thread(psutil.wait_procs, hub.kill(), 10)  # what nothing covers is still the broker's
        hub.start_again()
        await watch.until(lambda _: list(dict.fromkeys(watch.outputs)) == ["ready", "1", "2", "3", "4"])
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            hub.kill()

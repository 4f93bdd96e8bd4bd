"""Without a sign of the broker a function that may go on elsewhere stands still, whatever its hub's agent does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from hub_process import HubProcess
from scripted_coordinator import DEADLINE

from devices.protocol import answers
from devices.runtime import spare

WRITES = """
import time
from midstream import function

@function
def writes(path: str):
    while True:
        with open(path, "a") as file:
            file.write("x")
        time.sleep(0.02)
"""


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def hub(broker, tmp_path):
    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a", **{"limits.lease": "1s", "metrics.every": "200ms"})
    yield hub
    hub.process.send_signal(signal.SIGCONT)
    with contextlib.suppress(psutil.NoSuchProcess):
        hub.kill()


async def until(condition) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


class Effects:
    """A file that a function writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def written(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    async def go_on(self) -> None:
        before = self.written()
        await until(lambda: self.written() > before + 5)

    async def stand_still(self) -> None:
        """Returns when the process is stopped; nothing more is written then."""
        seen = self.written()

        def is_still() -> bool:
            nonlocal seen
            before, seen = seen, self.written()
            return before == seen

        for _ in range(3):
            await until(is_still)
            await asyncio.sleep(0.2)
        assert is_still()


async def test_a_function_stands_still_when_its_agent_or_the_broker_does_and_then_goes_on(
    broker, coordinator, hub, watch, tmp_path
):
    effects = {name: Effects(tmp_path / name) for name in ("auto", "never")}
    await coordinator.heard(answers.Report)
    for policy, its in effects.items():
        given = {"arguments": {"path": str(its.path)}, "settings": {"failover": policy}}
        await coordinator.run(policy, "hub-a", WRITES, "writes", **given)
        await its.go_on()
    hub.process.send_signal(signal.SIGSTOP)
    await effects["auto"].stand_still()
    await effects["never"].go_on()
    hub.process.send_signal(signal.SIGCONT)
    await effects["auto"].go_on()
    told = await watch.state("auto", state="running")
    await watch.until(lambda _: "was stopped by its lease" in watch.states("auto")[-1]["reason"])
    assert not any("lease" in it["reason"] for it in watch.states("never")), told
    os.kill(broker.pid, signal.SIGSTOP)
    await effects["auto"].stand_still()
    await effects["never"].go_on()
    os.kill(broker.pid, signal.SIGCONT)
    await effects["auto"].go_on()


async def test_a_function_that_was_claimed_elsewhere_while_its_agent_stood_still_writes_nothing_more(
    coordinator, hub, tmp_path
):
    effects = Effects(tmp_path / "file")
    await coordinator.heard(answers.Report)
    given = {"arguments": {"path": str(effects.path)}, "settings": {"failover": "auto"}}
    await coordinator.run("writes", "hub-a", WRITES, "writes", **given)
    await effects.go_on()
    below = psutil.Process(hub.process.pid).children(recursive=True)
    worker = next(each for each in reversed(below) if each.name() != spare.NAME)
    hub.process.send_signal(signal.SIGSTOP)
    await effects.stand_still()
    written = effects.written()
    await coordinator.claim("writes", "hub-b", coordinator.newest["writes"])
    hub.process.send_signal(signal.SIGCONT)
    await until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    assert effects.written() == written

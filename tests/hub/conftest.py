"""A real broker, a scripted coordinator, and agents of the real code in this process, each with its own folder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from scripted_coordinator import ScriptedCoordinator, scripted_coordinator

from devices.hub.agent import Agent
from devices.hub.config import HubConfig, read_config
from devices.hub.identity import require_alone
from devices.mqtt.broker import Broker
from devices.testing.broker import running_broker


@pytest.fixture(params=["mosquitto", "embedded"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def broker(kind: str, tmp_path: Path) -> Iterator[Broker]:
    brand, config = ("mosquitto", "stock") if kind == "stock" else (kind, "home")
    with running_broker(brand, tmp_path / "broker", config) as broker:
        yield broker


@pytest.fixture
async def coordinator(broker: Broker) -> AsyncIterator[ScriptedCoordinator]:
    async with scripted_coordinator(broker.address) as coordinator:
        yield coordinator


class HubUnderTest:
    """An agent that can be stopped, killed and started again in its folder."""

    def __init__(self, config: HubConfig) -> None:
        self.config = config
        self.name = config.name

    async def start(self) -> None:
        self.agent = Agent(self.config)
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(self.agent.serve(self._stop), name=f"agent {self.name}")
        up = asyncio.ensure_future(self.agent.control.up.wait())
        await asyncio.wait([up, self.task], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self.task.done():
            self.task.result()

    async def stop(self) -> None:
        self._stop.set()
        await self.task


@contextlib.asynccontextmanager
async def running_hub(broker: Broker, folder: Path, name: str, **overrides) -> AsyncIterator[HubUnderTest]:
    given = {"name": name, "broker.url": broker.address.url, "folder": str(folder / name), "metrics.every": "200ms"}
    hub = HubUnderTest(read_config(None, {}, given | overrides))
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


@pytest.fixture
async def hub_a(broker: Broker, coordinator: ScriptedCoordinator, tmp_path: Path) -> AsyncIterator[HubUnderTest]:
    async with running_hub(broker, tmp_path, "hub-a") as hub:
        yield hub


@pytest.fixture
async def hub_b(broker: Broker, coordinator: ScriptedCoordinator, tmp_path: Path) -> AsyncIterator[HubUnderTest]:
    async with running_hub(broker, tmp_path, "hub-b") as hub:
        yield hub


__all__ = ["require_alone", "running_hub"]

"""A real broker, a scripted coordinator, and agents of the real code in this process, each with its own folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from echoing_functions import Watch
from hub_under_test import HubUnderTest, running_hub
from scripted_coordinator import ScriptedCoordinator, scripted_coordinator

from devices.mqtt.broker import Broker
from devices.testing.broker import RawPublisher, Tap, running_broker


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


@pytest.fixture
async def hub_a(broker: Broker, coordinator: ScriptedCoordinator, tmp_path: Path) -> AsyncIterator[HubUnderTest]:
    async with running_hub(broker, tmp_path, "hub-a") as hub:
        yield hub


@pytest.fixture
async def hub_b(broker: Broker, coordinator: ScriptedCoordinator, tmp_path: Path) -> AsyncIterator[HubUnderTest]:
    async with running_hub(broker, tmp_path, "hub-b") as hub:
        yield hub


@pytest.fixture
def watch(broker: Broker) -> Iterator[Watch]:
    with Tap(broker.address, "out", "midstream/instances/#", "midstream/hubs/+/status") as tap:
        yield Watch(tap)


@pytest.fixture
def device(broker: Broker) -> Iterator[RawPublisher]:
    with RawPublisher(broker.address) as device:
        yield device

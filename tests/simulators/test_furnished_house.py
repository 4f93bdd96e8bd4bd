"""A simulated house on real brokers: all that is said arrives, as firmware says it."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket

import pytest

from devices.errors import UnreachableError, UsageError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.session import Session
from devices.simulators.house import clear, furnish, reading_of, simulate
from devices.testing.broker import DEADLINE, Tap, running_broker


@pytest.fixture(scope="module", params=["mosquitto", "embedded"])
def broker(request, tmp_path_factory):
    with running_broker(request.param, tmp_path_factory.mktemp("broker")) as running:
        yield running


def nothing(_: str) -> None:
    """Nobody reads the log."""


async def test_each_device_sends_its_share_in_order_with_birth_and_farewell(broker):
    devices = furnish("house")
    with Tap(broker.address, "house/#") as tap:
        sent = await simulate(broker.address, devices, every=0, readings=22, log=nothing)
        heard = tap.wait(lambda heard: sum(one.topic.endswith(("Offline", "offline")) for one in heard) >= 0)
        tap.wait(lambda heard: len([one for one in heard if reading_of(devices, one.topic, one.payload)]) == 22)
        heard = tap.heard
    assert [len(numbers) for numbers in sent.values()] == [6, 6, 5, 5]
    for device in devices:
        told = [one for one in heard if one.topic == device.numbered]
        assert [device.number(one.payload) for one in told] == sent[device.name]
        liveness = [one.payload for one in heard if one.topic == device.will.topic]
        assert liveness[0] == device.birth()[0].payload
    await clear(broker.address, devices)


async def test_what_firmware_has_the_broker_keep_is_kept_and_can_be_cleared_away(broker):
    devices = furnish("kept")
    await simulate(broker.address, devices, every=0, readings=4, log=nothing)
    with Tap(broker.address, "kept/#", qos=0) as tap:
        kept = tap.wait(lambda heard: len(heard) >= 5)
    assert {one.topic for one in kept if one.retain} == {
        "kept/tele/plug/LWT",
        "kept/zigbee2mqtt/bridge/state",
        "kept/emporiavue2/status",
        "kept/emporiavue2/sensor/circuit_3_power/state",
        "kept/emporiavue2/sensor/circuit_3_energy/state",
    }
    assert {one.payload for one in kept if one.topic.endswith(("LWT", "status"))} == {b"Offline", b"offline"}
    await clear(broker.address, devices)
    marker = Session(broker.address, f"marker-{secrets.token_hex(4)}", clean_start=True, session_expiry=0)
    async with marker as session:
        await session.subscribe({"kept/#": 1})
        await session.publish("kept/marker", b"")
        async with asyncio.timeout(DEADLINE):
            first = await session.next_delivery()
    assert first is not None
    assert first.topic == "kept/marker"


async def test_with_a_window_no_more_readings_are_under_way_than_it_allows(broker):
    devices = furnish("paced")
    window, most, under_way = 5, 0, 0

    async def function(session: Session, ready: asyncio.Event) -> None:
        nonlocal most, under_way
        await session.subscribe({device.numbered: 1 for device in devices})
        ready.set()
        batch = []
        async for delivery in session.deliveries():
            reading = None if delivery.retain else reading_of(devices, delivery.topic, delivery.payload)
            if reading is not None:
                under_way += 1
                most = max(most, under_way)
                batch.append(reading)
            if len(batch) == window:
                under_way -= len(batch)
                await session.publish("paced/applied", json.dumps({"applied": batch}).encode())
                batch = []

    ears = Session(broker.address, f"function-{secrets.token_hex(4)}", clean_start=True, session_expiry=0)
    async with ears as session, asyncio.timeout(DEADLINE):
        ready = asyncio.Event()
        task = asyncio.create_task(function(session, ready))
        await ready.wait()
        sent = await simulate(
            broker.address, devices, every=0, readings=60, window=window, applied="paced/applied", log=nothing
        )
        task.cancel()
        await asyncio.wait([task])
    assert sum(map(len, sent.values())) == 60
    assert most == window
    await clear(broker.address, devices)


async def test_cancelled_devices_say_farewell(broker):
    devices = furnish("left", ["esphome"])
    with Tap(broker.address, "left/#") as tap:
        task = asyncio.create_task(simulate(broker.address, devices, every=0.01, log=nothing))
        await asyncio.to_thread(tap.wait, lambda heard: len(heard) > 3)
        task.cancel()
        await asyncio.wait([task])
        tap.wait(lambda heard: heard[-1].payload == b"offline")
    assert task.cancelled()
    await clear(broker.address, devices)


async def test_a_broker_that_is_not_there_or_goes_away_is_one_plain_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnreachableError):
        await simulate(BrokerAddress("127.0.0.1", port), furnish("gone"), log=nothing)
    with running_broker("mosquitto", tmp_path) as broker:
        there = asyncio.Event()
        task = asyncio.create_task(simulate(broker.address, furnish("gone"), every=0.01, log=lambda _: there.set()))
        async with asyncio.timeout(DEADLINE):
            await there.wait()
            broker.kill()
            with pytest.raises(UnreachableError):
                await task


async def test_a_window_without_a_topic_of_reports_is_refused():
    with pytest.raises(UsageError, match="topic"):
        await simulate(BrokerAddress("127.0.0.1"), furnish(), window=3, log=nothing)

"""Simulated devices speak as firmware does."""

import asyncio
import re
import socket

import pytest

from devices.errors import UnreachableError
from devices.mqtt.delivery import Will
from devices.mqtt.device import DeviceConnection
from devices.testing.broker import DEADLINE, Tap, publish_raw, running_broker


@pytest.mark.parametrize("kind", ["plain", "embedded"])
async def test_a_device_publishes_with_its_own_qos_and_retain_flag(kind, request):
    broker = request.getfixturevalue(kind)
    will = Will("device/LWT", b"Offline")
    with Tap(broker.address, "device/#", qos=0) as tap:
        async with DeviceConnection(broker.address, "DVES_1", will=will, mqtt5=kind == "embedded") as device:
            await device.publish("device/LWT", b"Online", qos=1, retain=True)
            await device.publish("device/SENSOR", b"{}")
        tap.wait(lambda heard: len(heard) == 2)
    assert [(h.topic, h.payload) for h in tap.heard] == [("device/LWT", b"Online"), ("device/SENSOR", b"{}")]
    with Tap(broker.address, "device/#", qos=0) as tap:
        kept = tap.wait(lambda heard: heard)
        assert [(h.payload, h.retain) for h in kept] == [(b"Online", True)]
    publish_raw(broker.address, "device/LWT", "", qos=1, retain=True)


async def test_a_device_speaks_mqtt_3_as_firmware_does(plain):
    async with DeviceConnection(plain.address, "DVES_311"):
        log = plain.log_path.read_text()
        # p: the protocol level of 3.1.1, which Mosquitto 2.0 writes as 2 and 2.1 as 4; c1: no session kept
        assert re.search(r"as DVES_311 \(p[24], c1", log)


async def test_a_device_without_a_broker_or_a_login_says_so(guarded):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for address in (guarded.address, type(guarded.address)("127.0.0.1", port)):
        with pytest.raises(UnreachableError, match="a simulated device cannot connect"):
            async with DeviceConnection(address, "DVES_1"):
                pytest.fail("it was let in")


async def test_a_device_whose_broker_dies_says_so_and_leaves_quietly(tmp_path):
    with running_broker("mosquitto", tmp_path) as broker:
        async with asyncio.timeout(DEADLINE), DeviceConnection(broker.address, "DVES_1") as device:
            broker.kill()
            with pytest.raises(UnreachableError, match="lost the broker"):
                await publish_for_ever(device)


async def publish_for_ever(device):
    while True:
        await device.publish("device/x", b"")

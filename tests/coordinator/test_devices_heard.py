"""A running coordinator hears devices by itself, and tells of them."""

from __future__ import annotations

import asyncio

import pytest

from devices.testing.broker import RawPublisher


async def test_devices_are_heard_without_any_rule_and_told_with_their_readings(house, asker):
    def publish():
        with RawPublisher(house.address) as device:
            device.publish("tele/plug/LWT", "Online", qos=1, retain=True)
            device.publish("tele/plug/SENSOR", '{"ENERGY":{"Power":25,"Today":1.5},"TempUnit":"C"}', qos=1)
            device.publish("zigbee2mqtt/door", '{"contact":true,"battery":"12,5"}', qos=1)

    rows = []
    while len(rows) < 2:  # whatever was published before the coordinator listened is published again
        await asyncio.to_thread(publish)
        rows = [row for row in await asker.ask("devices") if row.dialect in ("tasmota", "zigbee2mqtt")]
    plug, door = rows
    assert (plug.device, plug.liveness) == ("plug", "online")
    power = next(reading for reading in plug.readings if reading.path == "ENERGY.Power")
    assert (power.topic, power.value, power.unit, power.kind) == ("tele/plug/SENSOR", 25, "W", "gauge")
    assert 0 <= power.age < 60
    (door,) = await asker.ask("devices", device="door")
    battery = next(reading for reading in door.readings if reading.path == "battery")
    assert (battery.value, battery.raw, "not wholly" in battery.why) == (None, "12,5", True)


@pytest.mark.parametrize("house", ["embedded"], indirect=True)
async def test_the_embedded_broker_is_not_made_to_keep_all_that_devices_say(house, asker):
    await asker.ask("status")
    assert house.coordinator._device_topics() == ()

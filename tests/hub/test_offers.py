"""A hub offers the devices that are attached and the folders that are there, while they are."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from hub_under_test import running_hub

from devices.testing.broker import Tap


@pytest.mark.parametrize("kind", ["mosquitto"])
async def test_a_hub_says_what_is_attached_and_mounted_and_says_it_again_when_that_changes(
    broker, coordinator, tmp_path: Path
):
    share, stick = tmp_path / "photos", tmp_path / "ttyUSB0"
    offered = {"data.photos": {"path": str(share), "access": "rw"}, "devices.zigbee": str(stick), "cost": 0.12}
    with Tap(broker.address, "midstream/hubs/+/info") as tap:

        async def until_it_says(data: dict[str, str], *, attached: bool) -> None:
            def says(_: object) -> bool:
                info = json.loads((tap.payloads("midstream/hubs/hub-a/info") or [b"{}"])[-1])
                told = info.get("data"), {"zigbee", str(stick)} <= set(info.get("devices", [])), info.get("cost")
                return told == (data, attached, 0.12)

            await asyncio.to_thread(tap.wait, says)

        async with running_hub(broker, tmp_path, "hub-a", **offered):
            await until_it_says({}, attached=False)
            share.mkdir()
            os.mkfifo(stick)
            await until_it_says({"photos": "rw"}, attached=True)
            stick.unlink()
            await until_it_says({"photos": "rw"}, attached=False)

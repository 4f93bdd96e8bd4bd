"""The coordinator dies between any two steps of a move and is started again: each move is finished or undone."""

from __future__ import annotations

import asyncio

import pytest

from coordinator.moves import machine
from coordinator.moves.steps import CRASH_POINTS
from devices.protocol import commands, messages
from devices.protocol.messages import MoveReport


class Crash:
    """Stops the coordinator for good at a crash point, the first time that it is passed."""

    def __init__(self, monkeypatch, name: str) -> None:
        self.reached = asyncio.Event()
        self._name = name
        monkeypatch.setattr(machine, "crash_point", self._passed)

    def _passed(self, name: str) -> None:
        if name == self._name and not self.reached.is_set():
            self.reached.set()
            raise asyncio.CancelledError


@pytest.mark.parametrize("point", CRASH_POINTS)
@pytest.mark.parametrize("house", ["mosquitto", "embedded"], indirect=True)
async def test_a_move_survives_the_death_of_the_coordinator(house, asker, washer, monkeypatch, point):
    a, b = washer
    crash = Crash(monkeypatch, point)
    asking = asyncio.create_task(asker.ask("migrate", instance="washer", hub="hub-b"))
    async with asyncio.timeout(30):
        await crash.reached.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await house.kill()
    await house.start()
    topic = "midstream/instances/washer/move"
    await asker.until(lambda: topic in asker.kept)
    assert messages.decode(asker.kept[topic], MoveReport, topic).state == "done"
    (row,) = await asker.ask("ps")
    holders = {hub.name: hub.copies["washer"].epoch for hub in (a, b) if hub.copies.get("washer")}
    assert holders[row.hub] == row.epoch == max(holders.values())
    assert row.state == "running"
    assert (await asker.ask("migrate", instance="washer")).epoch == row.epoch + 1


@pytest.mark.parametrize("point", ["after-requested", "after-captured"])
async def test_a_move_whose_source_is_gone_at_the_restart_is_undone(house, asker, washer, monkeypatch, point):
    a, _ = washer
    crash = Crash(monkeypatch, point)
    asking = asyncio.create_task(asker.ask("migrate", instance="washer", hub="hub-b"))
    async with asyncio.timeout(30):
        await crash.reached.wait()
    asking.cancel()
    await house.kill()
    await a.crash()
    await house.start()
    await asker.until(lambda: asker.told("washer stays on hub-a"))
    back = await house.hub("hub-a", start=2, key=a.key, copies=a.copies)
    await back.until(lambda: back.got(commands.GoOn))
    (row,) = await asker.ask("ps")
    assert (row.hub, row.epoch) == ("hub-a", 1)


async def test_a_command_that_could_not_be_brought_to_its_hub_is_brought_after_a_restart(house, asker, washer):
    a, _ = washer
    await a.crash()
    await asker.until(lambda: asker.status().hubs == "1/2")
    await asker.ask("stop", instance="washer")
    await house.kill()
    await house.start()
    back = await house.hub("hub-a", start=2, key=a.key)
    await back.until(lambda: back.got(commands.Stop))

"""The functions folder, watched: what is safe is done on save, the rest is said until somebody decides it."""

from __future__ import annotations

import asyncio
import os

import pytest
from coordinator_house import hubs_online
from test_upgrades import BETTER, ELSEWHERE, WASHER, image_of_a_stopped_washer

from devices.protocol import commands


class Folder:
    """The folder, the coordinator that watches it, and two hubs."""

    def __init__(self, house, asker, path):
        self.house, self.asker, self.path = house, asker, path
        self.times = 0

    def save(self, name: str, text: str) -> None:
        """Writes a file with a time of change of its own: two writes within a tick of the clock are two changes."""
        (self.path / name).write_text(text)
        self.times += 1
        os.utime(self.path / name, ns=(10**18 + self.times, 10**18 + self.times))

    async def says(self, text: str) -> str:
        return await self.asker.until(
            lambda: next((each for each in self.asker.status().attention if text in each), None)
        )

    async def well(self) -> None:
        await self.asker.until(lambda: not any("functions.toml" in each for each in self.asker.status().attention))

    async def rows(self):
        return {row.instance: row for row in await self.asker.ask("ps", ended=True)}


@pytest.fixture
async def folder(house, asker, tmp_path):
    path = tmp_path / "functions"
    path.mkdir()
    await house.stop()
    house.functions = path
    await house.start()
    return Folder(house, asker, path)


@pytest.fixture
async def hub(house):
    """Gives hubs that go on telling their metrics."""
    telling = []

    async def measure(it):
        while True:
            it.measure()
            await asyncio.sleep(1)

    async def come(name):
        it = await house.hub(name)
        it.image = image_of_a_stopped_washer()
        telling.append(asyncio.create_task(measure(it)))
        return it

    yield come
    for task in telling:
        task.cancel()
    await asyncio.gather(*telling, return_exceptions=True)


@pytest.fixture
async def hubs(hub):
    return await hub("hub-a"), await hub("hub-b")


async def test_on_save_what_is_missing_starts_what_lands_goes_on_and_the_rest_is_said(folder, asker, hub):
    await folder.says("there is no functions.toml")
    folder.save("washer.py", WASHER)
    folder.save("functions.toml", 'washer = { file = "washer.py", hub = "hub-a" }\ndryer.file = "nothing.py"\n')
    await folder.says("there is no file")
    a, b = await hub("hub-a"), await hub("hub-b")
    await a.until(lambda: "washer" in a.copies)
    folder.save("washer.py", BETTER)
    await a.until(lambda: a.copies["washer"].header.function.files == {"washer.py": BETTER})
    a.image = b.image = None  # bytes that fit nothing: from here on nothing lands
    folder.save("functions.toml", 'washer = { file = "washer.py", hub = "hub-b" }\n')
    await b.until(lambda: "washer" in b.copies)
    await folder.well()
    folder.save("functions.toml", 'washer = { fiel = "washer.py" }\n')
    await folder.says("the functions of before stay declared: functions.toml:1: [washer] there is no key 'fiel'")
    folder.save("functions.toml", 'washer = { file = "washer.py", hub = "hub-b", args = { plug = "b" } }\n')
    await folder.says("washer is not as functions.toml declares it: arguments cannot be changed")
    assert (await folder.rows())["washer"].state == "running"
    folder.save("functions.toml", "")
    await folder.says("functions.toml does not have it any more")
    assert b.copies["washer"].state == "running"
    await asker.ask("stop", instance="washer")  # somebody has decided
    await folder.well()


async def test_what_failed_is_not_started_again_by_itself_and_goes_on_when_its_mistake_is_mended(folder, hubs, asker):
    a, _ = hubs
    folder.save("washer.py", WASHER)
    folder.save("functions.toml", 'washer = { file = "washer.py", hub = "hub-a" }\n')
    await a.until(lambda: "washer" in a.copies)
    await hubs_online(asker, 2)
    await asker.ask("checkpoint", instance="washer")
    a.end("washer", "failed", error="Traceback ...\nKeyError: 'power'")
    await a.until(lambda: a.got(commands.Noted))
    folder.save("functions.toml", 'washer = { file = "washer.py", hub = "hub-a" }  # a comment\n')
    folder.save("other.py", ELSEWHERE)
    await folder.house.stop()
    await folder.house.start()  # looks at it all once more
    await asker.until(lambda: any("washer failed on hub-a" in each for each in asker.status().attention))
    assert [epoch for it in hubs for epoch in (each.epoch for each in it.got(commands.Restore))] == [1]
    folder.save("washer.py", BETTER)
    await asker.until(lambda: asker.told("put washer on changed source"))
    await folder.well()
    assert (await folder.rows())["washer"].state == "running"


async def test_a_new_store_takes_up_what_hubs_hold_and_starts_nothing_twice(folder, hubs, asker, house):
    _, b = hubs
    folder.save("washer.py", WASHER)
    folder.save("functions.toml", 'washer = { file = "washer.py", hub = "hub-b" }\n')
    await b.until(lambda: "washer" in b.copies)
    await house.stop()
    for path in house.folder.glob("store.sqlite*"):
        path.unlink()
    await house.start()
    for each in hubs:
        each.report()
    await asker.until(lambda: asker.told("took washer up from checkpoint"))
    folder.save("functions.toml", 'washer = { file = "washer.py", hub = "hub-b" }\nsecond.file = "washer.py"\n')
    await asker.until(lambda: asker.told("started second"))
    rows = await folder.rows()
    assert (rows["washer"].declared, rows["washer"].hub, rows["washer"].epoch) == ("functions", "hub-b", 1)
    assert len([each for it in hubs for each in it.got(commands.Restore) if each.instance == "washer"]) == 1

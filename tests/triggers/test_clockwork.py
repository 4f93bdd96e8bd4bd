"""The clock of a machine that cannot be right starts nothing, and one that was set makes neither two runs nor none."""

from __future__ import annotations

from datetime import UTC

import pytest

from coordinator.store import triggers
from coordinator.store.database import Store
from coordinator.store.schema import Function, Trigger
from coordinator.triggers.clockwork import Clockwork
from devices.runtime.settings import Settings
from devices.timekeeping import Machine

CREATED, NOON = "2026-06-01T00:00:00.000Z", 1_780_315_200.0  # that day at noon


class Journal:
    def __init__(self):
        self.told = []

    async def tell(self, _rule, *, did, **_more):
        self.told.append(did)


class Clock:
    """A store with one trigger that is due at noon, and a clock that a test sets."""

    def __init__(self, store):
        self.store, self.journal, self.now = store, Journal(), NOON
        machine = Machine(lambda: self.now, lambda: 10_000.0, lambda: False, lambda: False)
        self.works = Clockwork(store, self.journal, UTC, machine)

    async def look(self):
        await self.works.look((await self.store.read(triggers.glance)).timed)
        return await self.store.read(lambda session: sum(due.waiting for due in triggers.glance(session).due))


@pytest.fixture
async def clock(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'home.sqlite'}")
    trigger = Trigger(
        name="lights", files={}, arguments={}, settings=Settings(at=["12:00"]).to_plain(), state="active", due=NOON,
        since=CREATED, created=CREATED,
    )  # fmt: skip
    function = Function(name="lights", digest="x", module="lights", doc="", parameters={}, settings={}, created=CREATED)
    await store.write(triggers.register, trigger, function)
    yield Clock(store)
    store.close()


async def test_a_clock_that_is_behind_what_has_been_starts_nothing_until_it_is_right(clock):
    clock.now = 3600.0  # 1970
    assert await clock.look() == 0
    assert "waits for the clock" in clock.works.doubt
    clock.now = NOON + 5
    assert await clock.look() == 1
    assert clock.works.doubt == ""


async def test_a_time_starts_one_run_however_often_it_is_looked_at_and_again_when_the_clock_is_set_back_over_it(clock):
    assert [await clock.look() for _ in range(3)] == [1, 1, 1]
    clock.now = NOON - 30
    assert await clock.look() == 1
    clock.now = NOON + 1
    assert await clock.look() == 1  # it was corrected by half a minute, no more
    clock.now = NOON - 3 * 3600
    assert await clock.look() == 1
    assert clock.journal.told == ["lights is due at 12:00"]
    clock.now = NOON + 2
    assert await clock.look() == 2

"""Which blobs stay: the last ones, then ever fewer with age, and never more bytes than allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from test_store import checkpoint, instance, move, populate

from coordinator.retention import Kept, Retention, surplus
from coordinator.store import checkpoints, events, lineage
from coordinator.store.database import Store
from coordinator.store.pruning import prune
from coordinator.store.schema import Blob, Pin
from devices.errors import RefusedError
from devices.protocol.messages import Event
from devices.timekeeping import Machine

HOUR = 3600.0
DAY = 24 * HOUR
PLENTY = 10**12


def every(seconds: float, count: int, size: int = 1) -> list[Kept]:
    return [Kept(f"c{number}", number * seconds, size) for number in range(count)]


def left(kept: list[Kept], retention: Retention) -> list[Kept]:
    gone = set(surplus(kept, retention))
    return [one for one in kept if one.id not in gone]


def test_the_last_ones_stay_whatever_their_age():
    old = [Kept(f"c{number}", 400 * DAY + number, 1) for number in range(10)]
    assert left(old, Retention(last=3, days=30, size=PLENTY)) == old[:3]


def test_older_ones_are_thinned_to_one_an_hour_and_then_one_a_day():
    kept = left(every(600.0, 6 * 24 * 10), Retention(last=3, days=30, size=PLENTY))
    of_the_last_day = [one.age for one in kept[3:] if one.age < DAY]
    assert {age // HOUR for age in of_the_last_day} == set(range(1, 24))
    older = [one.age // DAY for one in kept if one.age >= DAY]
    assert older == list(range(1, 10))


def test_nothing_stays_beyond_the_days():
    kept = left(every(DAY, 60), Retention(last=2, days=30, size=PLENTY))
    assert max(one.age for one in kept) == 30 * DAY


def test_bytes_weigh_more_than_the_last_ones_but_one_to_fall_back_to_stays():
    assert [one.id for one in left(every(1.0, 10, size=100), Retention(last=8, days=1, size=350))] == ["c0", "c1", "c2"]
    assert [one.id for one in left(every(1.0, 10, size=100), Retention(last=8, days=1, size=50))] == ["c0", "c1"]


@given(st.lists(st.floats(-DAY, 100 * DAY), max_size=60), st.integers(0, 8), st.integers(0, 40), st.integers(0, 50))
def test_thinning_out_twice_takes_nothing_more(ages, last, days, size):
    retention = Retention(last=last, days=days, size=size)
    once = left([Kept(str(number), age, 1) for number, age in enumerate(sorted(ages))], retention)
    assert left(once, retention) == once


@pytest.fixture
def store(tmp_path):
    opened = Store.open(f"sqlite:///{tmp_path / 'home.sqlite'}")
    yield opened
    opened.close()


async def test_newest_root_pinned_and_moving_checkpoints_keep_their_bytes_and_all_keep_their_place(store):
    long_ago = (datetime.now(UTC) - timedelta(days=90)).isoformat()

    def fill(session) -> None:
        populate(session, instance())
        for number in range(8):
            row = checkpoint(f"c{number}", parent=f"c{number - 1}" if number else "")
            row.created = long_ago
            checkpoints.commit(session, row, b"blob")
        session.add(Pin(checkpoint="c2", why="test", at=long_ago))
        moving = move()
        moving.checkpoint = "c4"
        session.add(moving)

    await store.write(fill)
    assert await store.write(prune, Retention(last=2, days=0, size=0)) == 3
    blobs = await store.read(lambda session: sorted(session.scalars(select(Blob.checkpoint))))
    assert blobs == ["c0", "c2", "c4", "c6", "c7"]
    tree = await store.read(lambda session: lineage.tree(session, instance()))
    assert [(node.checkpoint.id, node.kept) for node in tree] == [(f"c{n}", n in (0, 2, 4, 6, 7)) for n in range(8)]
    with pytest.raises(RefusedError, match="no longer kept"):
        await store.read(checkpoints.blob, "c3")


async def test_nothing_is_thinned_out_by_a_clock_that_cannot_be_right(store):
    def fill(session) -> None:
        populate(session, instance())
        for number in range(5):
            checkpoints.commit(session, checkpoint(f"c{number}", parent=f"c{number - 1}" if number else ""), b"blob")

    await store.write(fill)
    at_boot = Machine(now=lambda: 100.0, is_synchronised=lambda: False, awaits_the_network=lambda: False)
    nothing = Retention(last=2, days=0, size=0)
    assert await store.write(prune, nothing, at_boot) == 0
    assert await store.write(prune, nothing, replace(at_boot, is_synchronised=lambda: True)) == 2


async def test_the_store_prunes_when_it_tidies_up_and_not_without_news(store):
    def fill(session) -> None:
        populate(session, instance())
        for number in range(5):
            checkpoints.commit(session, checkpoint(f"c{number}", parent=f"c{number - 1}" if number else ""), b"blob")

    await store.write(fill)
    await store.tidy(Retention(last=2, days=0, size=PLENTY))
    assert len(await store.read(lambda session: list(session.scalars(select(Blob.checkpoint))))) == 3
    written = store.written
    await store.tidy(Retention(last=0, days=0, size=0))
    assert store.written == written
    assert len(await store.read(lambda session: list(session.scalars(select(Blob.checkpoint))))) == 3


async def test_only_the_newest_events_are_kept(store, monkeypatch):
    monkeypatch.setattr(events, "KEPT", 3)

    def tell(session) -> None:
        for number in range(5):
            event = Event(id=f"e{number}", at="2026-01-01T00:00:00Z", rule="hot")
            events.add(session, event, {"id": event.id})
            session.flush()

    await store.write(tell)
    await store.tidy(Retention(last=2, days=0, size=PLENTY))
    assert [body["id"] for body in await store.read(events.last, 10)] == ["e2", "e3", "e4"]

"""The coordinator's database is locked, full or damaged: said in words, nothing half done, and it goes on when it can."""

from __future__ import annotations

import sqlite3

import pytest

from coordinator.store import engine
from devices.errors import MidstreamError


@pytest.fixture
async def impatient(house, asker, washer, monkeypatch):
    """A coordinator that waits for no lock."""
    monkeypatch.setattr(engine, "_BUSY", 50)
    await house.stop()
    await house.start()
    await asker.until(lambda: (status := asker.status()) and status.hubs == "2/2" and status.running == 1)
    return washer


def attention(asker) -> str:
    return " ".join(status.attention) if (status := asker.status()) else ""


async def test_a_store_that_somebody_holds_locked_is_said_and_no_move_is_half_done(house, asker, impatient):
    a, b = impatient
    other = sqlite3.connect(house.folder / "store.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(MidstreamError, match="another program holds the store locked"):
        await asker.ask("migrate", instance="washer", hub="hub-b")
    await asker.until(lambda: "another program holds the store locked" in attention(asker))
    other.execute("ROLLBACK")
    await asker.until(lambda: not attention(asker))

    async def locked_meanwhile(hub, command):
        other.execute("BEGIN IMMEDIATE")
        await type(hub).do_stored(hub, command)
        await asker.until(lambda: "holds the store locked" in attention(asker))
        other.execute("ROLLBACK")

    a.behaviour["stored"] = locked_meanwhile  # between the commit point and the claim
    moved = await asker.ask("migrate", instance="washer", hub="hub-b")
    assert (moved.destination, moved.epoch, b.copies["washer"].epoch) == ("hub-b", 2, 2)
    other.close()


async def test_a_full_store_keeps_the_checkpoint_of_before_and_goes_on_when_there_is_room(house, asker, impatient):
    a, _ = impatient
    a.size = 200_000

    def pages(most):
        return house.store.write(lambda session: session.connection().exec_driver_sql(most).scalar())

    used = await pages("PRAGMA page_count")
    await pages(f"PRAGMA max_page_count = {used + 4}")
    with pytest.raises(MidstreamError, match="no room left for the store"):
        await asker.ask("checkpoint", instance="washer")
    (row,) = await asker.ask("ps")
    assert (row.state, row.hub, row.checkpoints) == ("running", "hub-a", 1)
    await asker.until(lambda: asker.told("no room left for the store"))
    await pages(f"PRAGMA max_page_count = {used + 10_000}")
    assert (await asker.ask("checkpoint", instance="washer")).checkpoint == a.copies["washer"].header.checkpoint

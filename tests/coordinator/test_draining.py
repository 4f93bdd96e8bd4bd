"""A hub is emptied before its plug is pulled: what can goes elsewhere, the rest waits for it, and what cannot is named."""

from __future__ import annotations

import asyncio

import pytest
from coordinator_house import WASHER, hubs_online
from scripted_hub import TOPICS

from devices.errors import RefusedError
from devices.protocol import commands, messages

BOUND = WASHER.replace("@function", '@function(needs={"labels": ["roof"]})')


@pytest.fixture
async def hubs(house, asker):
    pair = await house.hub("hub-a", labels=["roof"]), await house.hub("hub-b")
    await hubs_online(asker, 2)
    return pair


async def row_of(asker, instance):
    (row,) = await asker.ask("ps", instance=instance)
    return row


async def asked_until(asker, question, reached, **arguments):
    """Asks about one thing again and again until the answer is so."""
    async with asyncio.timeout(30):
        while True:
            (row,) = await asker.ask(question, **arguments)
            if reached(row):
                return row
            await asyncio.sleep(0.05)


async def comes(asker, instance, **wanted):
    return await asked_until(
        asker,
        "ps",
        lambda row: all(getattr(row, name) == value for name, value in wanted.items()),
        instance=instance,
    )


async def test_a_hub_is_drained_by_hand_over_mqtt(house, asker, hubs):
    a, _ = hubs
    topic = TOPICS.hub("hub-a", "set")
    await asker.session.subscribe({f"{topic}/answer": 1})

    async def order(payload, **how):
        asker.kept.pop(f"{topic}/answer", None)
        await asker.session.publish(topic, payload, **how)
        return messages.decode(await asker.until(lambda: asker.kept.get(f"{topic}/answer")), messages.Reply, topic)

    for payload, undo in ((b'{"drain": true}', False), (b'{"drain": false}', True)):
        assert (await order(payload)).ok
        assert a.got(commands.Drain)[-1].undo is undo
    for wrong in (b"{}", b"true", b'{"drain": "yes"}'):
        assert not (await order(wrong)).ok
    assert len(a.got(commands.Drain)) == 2


async def test_a_drained_hub_keeps_only_what_fits_nowhere_and_gets_that_back(house, asker, hubs):
    a, _ = hubs
    await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a", name="goes")
    await asker.ask("run", files={"washer.py": BOUND}, hub="hub-a", name="bound")
    await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a", name="sleeps")
    await asker.ask("suspend", instance="sleeps")
    row = await asker.ask("drain", hub="hub-a")
    assert (row.hub, row.safe_to_power_off) == ("hub-a", False)
    await comes(asker, "goes", hub="hub-b", state="running")
    parked = await comes(asker, "bound", hub="hub-a", state="suspended")
    assert "hub-b has no label 'roof'" in parked.reason
    assert "it goes on when hub-a is back" in parked.reason
    with pytest.raises(RefusedError, match="hub-a is draining: it takes nothing new"):
        await asker.ask("migrate", instance="goes", hub="hub-a")

    a.become("drained", safe_to_power_off=True)
    await asker.until(lambda: any("hub-a is drained and safe to power off" in it for it in asker.status().attention))
    await a.crash()
    await asker.until(lambda: (status := asker.status()) and status.hubs == "1/2")
    assert all("bound" not in sentence for sentence in asker.status().attention)
    back = await house.hub("hub-a", start=2, key=a.key, copies=a.copies, labels=["roof"])
    await back.until(lambda: back.got(commands.Restore))
    row = await comes(asker, "bound", hub="hub-a", state="running")
    assert (row.epoch, row.reason) == (2, "hub-a is back")
    assert (await row_of(asker, "sleeps")).state == "suspended"
    assert (await row_of(asker, "goes")).hub == "hub-b"


async def test_what_cannot_be_stopped_is_in_the_way_until_the_drain_is_undone(house, asker, hubs):
    a, _ = hubs

    async def clings(hub, command):
        hub.fail(command, "plug is a socket: it cannot travel")

    await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a", name="clings")
    a.behaviour["capture"] = clings
    await asker.ask("drain", hub="hub-a")
    row = await asked_until(asker, "hubs", lambda row: row.in_the_way, hub="hub-a")
    assert row.in_the_way == ["clings: plug is a socket: it cannot travel"]
    assert (await row_of(asker, "clings")).state == "running"
    sentence = "hub hub-a cannot be drained: clings: plug is a socket: it cannot travel"
    await asker.until(lambda: sentence in asker.status().attention)
    await asker.ask("drain", hub="hub-a", undo=True)
    await asked_until(asker, "hubs", lambda row: row.state == "online" and not row.in_the_way, hub="hub-a")


async def test_a_drain_goes_on_behind_a_restart_of_the_coordinator(house, asker, hubs):
    a, b = hubs
    await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a")
    await house.kill()
    a.become("draining")
    await house.start()
    await b.until(lambda: "washer" in b.copies)
    await comes(asker, "washer", hub="hub-b", state="running")


async def test_a_hub_that_is_away_cannot_be_drained(house, asker, hubs):
    a, _ = hubs
    await a.crash()
    await asker.until(lambda: (status := asker.status()) and status.hubs == "1/2")
    with pytest.raises(RefusedError, match="hub-a is offline"):
        await asker.ask("drain", hub="hub-a")


async def test_who_suspends_what_waits_for_its_hub_keeps_it_suspended(asker, hubs):
    await asker.ask("run", files={"washer.py": BOUND}, hub="hub-a", name="bound")
    await asker.ask("run", files={"washer.py": BOUND}, hub="hub-a", name="other")
    await asker.ask("drain", hub="hub-a")
    await comes(asker, "bound", state="suspended")
    await comes(asker, "other", state="suspended")
    assert (await asker.ask("suspend", instance="bound")).state == "suspended"
    await asker.ask("drain", hub="hub-a", undo=True)
    await comes(asker, "other", state="running")
    assert (await row_of(asker, "bound")).state == "suspended"

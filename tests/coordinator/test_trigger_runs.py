"""Messages and times start runs: over a real broker, with a hub that answers by the book and ends runs as it is told."""

from __future__ import annotations

import asyncio
import time

import pytest
from coordinator_house import hubs_online
from scripted_hub import TOPICS
from sqlalchemy import update

from coordinator.store import thinning, triggers
from coordinator.store.guard import table_of
from coordinator.store.schema import Trigger
from devices.errors import RefusedError, SourceError, UsageError
from devices.mqtt.session import end_session

TOPIC = "zigbee2mqtt/{room}/occupancy"


def source(said: str, parameters: str = "message, level: int = 3") -> dict[str, str]:
    text = f"from midstream import function\n\n@function({said})\ndef lights({parameters}): pass\n"
    return {"lights.py": text}


@pytest.fixture
async def hub(house, asker):
    it = await house.hub("hub-a")
    await hubs_online(asker, 1)
    return it


async def seen(look, holds):
    """Looks again and again until what is seen is so."""
    async with asyncio.timeout(30):
        while True:
            if holds(found := await look()):
                return found


async def row(asker, name="lights"):
    (found,) = await asker.ask("triggers", trigger=name)
    return found


async def row_where(asker, holds, name="lights"):
    return await seen(lambda: row(asker, name), holds)


async def motion(asker, room="bath", payload=b"1", **how):
    await asker.session.publish(f"zigbee2mqtt/{room}/occupancy", payload, **how)


async def kept(house, holds):
    """Waits until the store's rows of runs are so: (state, instance), in order."""

    def rows(session):
        from sqlalchemy import select

        from coordinator.store.schema import Run

        return [(run.state, run.instance) for run in session.scalars(select(Run).order_by(Run.number))]

    return await seen(lambda: house.store.read(rows), holds)


@pytest.mark.parametrize("house", ["mosquitto", "embedded"], indirect=True)
async def test_each_message_starts_a_run_that_has_it_one_after_the_other(house, asker, hub):
    await motion(asker, "old", retain=True)
    started = await asker.ask("run", files=source(f'on="{TOPIC}"'), arguments={"level": "5"})
    assert (started.instance, started.trigger, started.why) == ("lights", True, f"on {TOPIC}")
    assert not await asker.ask("ps")
    for number in range(3):
        await motion(asker, f"room-{number}", b"%d" % number)
    await hub.until(lambda: "lights~1" in hub.copies)
    found = await row_where(asker, lambda it: it.waiting == 2)
    assert (found.running, found.started, found.mode) == (["lights~1"], 1, "queued")
    record = hub.copies["lights~1"].header.function
    assert record.arguments == {"level": 5}
    assert (record.occasion.topic, record.occasion.payload) == ("zigbee2mqtt/room-0/occupancy", b"0")
    assert record.occasion.params == {"room": "room-0"}
    assert abs(record.occasion.at - time.time()) < 60
    for number in (1, 2, 3):
        await hub.until(lambda name=f"lights~{number}": name in hub.copies)
        assert f"lights~{number + 1}" not in hub.copies
        hub.end(f"lights~{number}")
    found = await row_where(asker, lambda it: not it.running and not it.waiting)
    assert (found.started, found.last, found.last_state) == (3, "lights~3", "finished")
    assert not asker.told("lights~")  # thousands of runs a day are no events


async def test_single_leaves_out_what_comes_while_one_runs(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}", mode="single"'))
    await motion(asker)
    await hub.until(lambda: "lights~1" in hub.copies)
    await motion(asker)
    await motion(asker)
    assert (await row_where(asker, lambda it: it.ignored == 2)).waiting == 0
    hub.end("lights~1")
    await row_where(asker, lambda it: not it.running)
    await motion(asker)
    await hub.until(lambda: "lights~2" in hub.copies)


async def test_restart_stops_what_runs_and_starts_the_newest(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}", mode="restart"'))
    await motion(asker, payload=b"first")
    await hub.until(lambda: "lights~1" in hub.copies)
    await motion(asker, payload=b"second")
    await hub.until(lambda: "lights~2" in hub.copies)
    await hub.until(lambda: "lights~1" not in hub.copies)
    assert hub.copies["lights~2"].header.function.occasion.payload == b"second"
    (old,) = [it for it in await asker.ask("ps", ended=True) if it.instance == "lights~1"]
    assert old.state == "stopped"
    assert (await row(asker)).running == ["lights~2"]


async def test_parallel_runs_side_by_side_up_to_its_limit_and_queued_drops_beyond_its_own(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}", mode="parallel", limit=3'))
    await asker.ask("run", files=source(f'on="{TOPIC}", limit=3'), name="few")
    for _ in range(5):
        await motion(asker)
    found = await row_where(asker, lambda it: len(it.running) == 3 and it.waiting == 2)
    assert found.dropped == 0
    few = await row_where(asker, lambda it: len(it.running) == 1 and it.waiting == 2, "few")
    assert few.dropped == 2
    await asker.until(lambda: asker.told("messages start no run of few"))
    await hub.until(lambda: "lights~3" in hub.copies)
    hub.end("lights~2")
    await hub.until(lambda: "lights~4" in hub.copies)


async def test_what_comes_while_the_coordinator_is_away_is_run_when_it_is_back_and_each_once(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}", mode="parallel"'))
    await motion(asker, "before")
    await hub.until(lambda: "lights~1" in hub.copies)
    await house.stop()
    await motion(asker, "meanwhile")
    await motion(asker, "kept", retain=True)
    await house.start()
    await hub.until(lambda: "lights~3" in hub.copies)
    rooms = sorted(copy.header.function.occasion.params["room"] for copy in hub.copies.values())
    assert rooms == ["before", "kept", "meanwhile"]
    await row_where(asker, lambda it: it.started == 3 and not it.waiting)


@pytest.mark.parametrize("point", ["before the row", "behind the row", "behind the acknowledgement"])
async def test_a_coordinator_that_is_killed_makes_exactly_one_run_of_a_message(house, asker, hub, monkeypatch, point):
    """The run itself is begun by the coordinator that comes after."""
    from coordinator.moves.runs import Runs
    from coordinator.triggers.ears import Ears

    await asker.ask("run", files=source(f'on="{TOPIC}", mode="parallel"'))
    reached, held = asyncio.Event(), asyncio.Event()
    keep, begin = Ears._keep, Runs._begin

    async def kept_by(ears, deliveries):
        if point == "before the row":
            reached.set()
            await held.wait()
        await keep(ears, deliveries)
        reached.set()
        if point == "behind the row":
            await held.wait()

    monkeypatch.setattr(Ears, "_keep", kept_by)
    monkeypatch.setattr(Runs, "_begin", lambda *_: None)
    await motion(asker, "bath")
    async with asyncio.timeout(30):
        await reached.wait()
    if point == "behind the acknowledgement":
        await house.coordinator._ears._session.flush()
    await house.kill()
    monkeypatch.setattr(Ears, "_keep", keep)
    monkeypatch.setattr(Runs, "_begin", begin)
    await house.start()
    await hub.until(lambda: "lights~1" in hub.copies)
    await motion(asker, "hall")  # what would come again has come before this one
    await hub.until(lambda: "lights~2" in hub.copies)
    rooms = [hub.copies[f"lights~{number}"].header.function.occasion.params["room"] for number in (1, 2)]
    assert rooms == ["bath", "hall"]
    assert (await row_where(asker, lambda it: len(it.running) == 2 and not it.waiting)).started == 2


async def test_a_coordinator_that_is_killed_when_the_instance_is_made_begins_it_once(house, asker, hub, monkeypatch):
    from coordinator.moves import moving

    await asker.ask("run", files=source(f'on="{TOPIC}"'))
    held = asyncio.Event()
    carried = moving.Moves.carried

    async def never(*_):
        await held.wait()

    monkeypatch.setattr(moving.Moves, "carried", never)
    await motion(asker)
    await kept(house, lambda rows: rows == [("running", "lights~1")])
    await house.kill()
    monkeypatch.setattr(moving.Moves, "carried", carried)
    await house.start()
    await hub.until(lambda: "lights~1" in hub.copies)
    hub.end("lights~1")
    assert (await row_where(asker, lambda it: not it.running)).started == 1
    assert list(hub.copies) == ["lights~1"]


async def test_a_run_for_which_no_hub_is_there_waits_and_is_told(house, asker):
    await asker.ask("run", files=source(f'on="{TOPIC}"'))
    await motion(asker)
    found = await row_where(asker, lambda it: it.waits_for)
    assert (found.waiting, found.running) == (1, [])
    assert "no hub can run it" in found.waits_for
    assert any("lights: its next run does not begin" in line for line in (await asker.ask("status")).attention)
    hub = await house.hub("hub-a")
    await hub.until(lambda: "lights~1" in hub.copies)
    await row_where(asker, lambda it: it.running and not it.waits_for)


async def test_an_older_hub_gets_no_run_that_a_message_starts(house, asker):
    await house.hub("hub-a", takes_occasions=False)
    await hubs_online(asker, 1)
    await asker.ask("run", files=source(f'on="{TOPIC}"'))
    await motion(asker)
    assert "older version" in (await row_where(asker, lambda it: it.waits_for)).waits_for
    once = await asker.ask("run", files=source('every="1h"', "level: int = 3"), once=True, name="plain")
    assert (once.hub, once.trigger) == ("hub-a", False)


async def test_a_rhythm_begins_at_once_and_a_time_that_was_missed_is_made_up_once_and_told(house, asker, hub):
    await asker.ask("run", files=source('every="1h"', "level: int = 3"))
    await hub.until(lambda: "lights~1" in hub.copies)
    hub.end("lights~1")
    found = await row_where(asker, lambda it: not it.running)
    assert (found.started, found.missed, found.starts) == (1, 0, "each 1h")
    await house.stop()

    def three_hours_pass(session):
        day = table_of(Trigger)
        session.execute(update(day).values(due=day.c.due - 4 * 3600 - 600, fired=day.c.fired - 5 * 3600))

    await house.start()
    await house.store.write(three_hours_pass)
    await hub.until(lambda: "lights~2" in hub.copies)
    found = await row_where(asker, lambda it: it.missed)
    assert (found.started, found.missed) == (2, 4)
    assert "missed 4 runs, made up one at " in found.note
    assert found.due > "2026"
    await asker.until(lambda: asker.told("missed 4 runs, made up one at"))


async def test_suspended_it_starts_nothing_and_resumed_it_goes_on_with_what_is_new(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}"'))
    suspended = await asker.ask("suspend", instance="lights")
    assert (suspended.state, suspended.checkpoint) == ("suspended", "")
    await motion(asker, "old")
    await house.coordinator._ears._session.flush()
    with pytest.raises(RefusedError, match="suspended already"):
        await asker.ask("suspend", instance="lights")
    resumed = await asker.ask("resume", instance="lights")
    assert resumed.trigger
    await motion(asker, "new")
    await hub.until(lambda: "lights~1" in hub.copies)
    assert hub.copies["lights~1"].header.function.occasion.params == {"room": "new"}


async def test_changed_source_is_for_the_runs_to_come(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}", mode="parallel"'))
    await motion(asker)
    await hub.until(lambda: "lights~1" in hub.copies)
    changed = source('on="other/topic", mode="parallel"')
    dry = await asker.ask("upgrade", instance="lights", files=changed, dry_run=True)
    assert (dry.lands, (await row(asker)).on) == (True, [TOPIC])
    await asker.ask("upgrade", instance="lights", files=changed)
    await motion(asker)
    await asker.session.publish("other/topic", b"2")
    await hub.until(lambda: "lights~2" in hub.copies)
    assert hub.copies["lights~2"].header.function.occasion.topic == "other/topic"
    with pytest.raises(RefusedError, match="nothing starts lights in the changed source"):
        await asker.ask("upgrade", instance="lights", files=source("priority=1"))


async def test_stopped_it_forgets_what_waits_and_lets_what_runs_come_to_its_end(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}"'))
    await motion(asker)
    await motion(asker)
    await row_where(asker, lambda it: it.running and it.waiting)
    assert (await asker.ask("stop", instance="lights")).state == "stopped"
    assert not await asker.ask("triggers")
    hub.end("lights~1")
    await kept(house, lambda rows: rows == [("ended", "lights~1")])
    started = await asker.ask("run", files=source('every="1h"', "level: int = 3"))
    assert started.instance == "lights"
    await hub.until(lambda: "lights~2" in hub.copies)


async def test_names_and_wishes_that_cannot_be_are_refused_in_words(house, asker, washer):
    with pytest.raises(RefusedError, match="there is an instance washer already"):
        await asker.ask("run", files=source(f'on="{TOPIC}"'), name="washer")
    with pytest.raises(RefusedError, match="there is no hub 'hub-c'"):
        await asker.ask("run", files=source(f'on="{TOPIC}"'), hub="hub-c")
    with pytest.raises(UsageError, match="is the message that starts a run"):
        await asker.ask("run", files=source(f'on="{TOPIC}"'), arguments={"message": "x"})
    with pytest.raises(UsageError, match="lights is started by a message"):
        await asker.ask("run", files=source(f'on="{TOPIC}"'), once=True)
    await asker.ask("run", files=source(f'on="{TOPIC}"'))
    with pytest.raises(RefusedError, match="there is a trigger lights already"):
        await asker.ask("run", files=source(f'on="{TOPIC}"'))
    with pytest.raises(RefusedError, match="holds nothing between its runs"):
        await asker.ask("checkpoint", instance="lights")
    with pytest.raises(RefusedError, match="did you mean 'lights'"):
        await asker.ask("triggers", trigger="light")
    by_hand = await asker.ask(
        "run",
        files=source(f'on="{TOPIC}"'),
        once=True,
        name="lights-3",
        topic="zigbee2mqtt/bath/occupancy",
        payload="1",
    )
    assert not by_hand.trigger
    copies = washer[0].copies | washer[1].copies
    assert copies["lights-3"].header.function.occasion.params == {"room": "bath"}


async def test_runs_that_have_ended_are_thinned_out_in_the_store_and_on_the_broker(house, asker, hub, monkeypatch):
    monkeypatch.setattr(thinning, "KEPT", 2)
    monkeypatch.setattr(thinning.surplus, "__defaults__", (0.0,))
    await asker.ask("run", files=source(f'on="{TOPIC}"'))
    state = TOPICS.instance("lights~2", "state")
    await asker.session.publish(state, b"{}", retain=True)  # as the instance's connection does
    await asker.session.subscribe({state: 1})
    for number in range(1, 6):
        await motion(asker)
        await hub.until(lambda name=f"lights~{number}": name in hub.copies)
        hub.end(f"lights~{number}", state="failed" if number == 1 else "finished")
    await row_where(asker, lambda it: not it.running and it.started == 5)
    await asker.until(lambda: asker.kept.get(state) == b"{}")
    house.coordinator._runs._thinned = 0.0

    async def names():
        return [it.instance for it in await asker.ask("ps", ended=True)]

    await seen(names, lambda it: it == ["lights~1", "lights~4", "lights~5"])  # the one that failed is looked at later
    await asker.until(lambda: asker.kept[state] == b"")
    assert await house.store.read(triggers.has_ended, "lights~2")
    assert not await house.store.read(thinning.surplus)  # and so nothing is written any more
    hub.end("lights~2")  # a hub that tells it late is answered, else it would for ever
    await hub.until(lambda: any(it.instance == "lights~2" for it in hub.commands if type(it).__name__ == "Noted"))


async def test_a_trigger_can_be_declared_changed_and_declared_no_more(house, asker, hub):
    other = await house.hub("hub-b", labels=["big"])
    await hubs_online(asker, 2)
    said = {"instance": "lights", "owner": "functions", "files": source(f'on="{TOPIC}"'), "hub": "hub-b"}

    async def do():
        row = await asker.ask("apply", **said)
        return row.action, row.safe, await asker.ask("apply", **said, action=row.action)

    action, safe, done = await do()
    assert (action, safe, done.done) == ("start", True, True)
    assert (await asker.ask("apply", **said)).action == "nothing"
    assert (await row(asker)).declared == "functions"
    await motion(asker)
    await other.until(lambda: "lights~1" in other.copies)
    other.end("lights~1")
    said |= {"arguments": {"level": 9}, "settings": {"mode": "single"}, "hub": ""}
    action, safe, done = await do()
    assert (action, safe, done.done) == ("upgrade", True, True)
    assert (await row_where(asker, lambda it: it.mode == "single")).started == 1
    await motion(asker)
    await hub.until(lambda: "lights~2" in {**hub.copies, **other.copies})
    run = {**hub.copies, **other.copies}["lights~2"]
    assert run.header.function.arguments == {"level": 9}
    assert [it.declared for it in await asker.ask("ps")] == [""]
    with pytest.raises(SourceError, match="is no setting that"):
        await asker.ask("apply", **said | {"files": source("", "level: int = 3"), "settings": {"on": TOPIC}})
    said |= {"files": source("priority=1", "level: int = 3"), "settings": {}}
    assert (await asker.ask("apply", **said)).action == "refused"
    gone = {"instance": "lights", "owner": "functions", "gone": True}
    assert (await asker.ask("apply", **gone)).action == "stop"
    await asker.ask("apply", **gone, action="stop")
    assert not await asker.ask("triggers")


async def test_a_session_that_the_broker_has_lost_is_told_for_messages_may_be_missing(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}", mode="parallel"'))
    await motion(asker)
    await hub.until(lambda: "lights~1" in hub.copies)
    await house.stop()
    await end_session(house.address, TOPICS.client_id("coordinator-events"))
    await house.start()
    await asker.until(lambda: asker.told("messages that were to start functions may be missing"))
    await seen(lambda: house.coordinator._ears._up.wait(), bool)
    await motion(asker)
    await hub.until(lambda: "lights~2" in hub.copies)


async def test_a_run_that_fails_asks_for_attention_until_a_later_one_ends_well(house, asker, hub):
    await asker.ask("run", files=source(f'on="{TOPIC}"'))
    for number, state in ((1, "failed"), (2, "finished")):
        await motion(asker)
        await hub.until(lambda name=f"lights~{number}": name in hub.copies)
        hub.end(f"lights~{number}", state=state, error="KeyError: 'kwh'" if state == "failed" else "")
        found = await row_where(asker, lambda it: not it.running)
        attention = " ".join((await asker.ask("status")).attention)
        assert ("lights~1 failed" in attention) == (state == "failed")
    assert (found.failed, found.started) == (1, 2)

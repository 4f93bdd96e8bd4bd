"""A hub that stays away loses its functions to others, as each function's own policy says."""

from __future__ import annotations

import time

import pytest
from coordinator_house import WASHER, hubs_online
from scripted_hub import TOPICS

from coordinator import intents
from coordinator.moves import decisions, starting
from coordinator.placement.score import Place
from coordinator.store import instances, moves
from devices.errors import RefusedError
from devices.protocol import commands, messages
from devices.protocol.ahead import Ahead
from devices.runtime.settings import Settings


def washer_with(failover: str) -> dict[str, str]:
    return {"washer.py": WASHER.replace("@function", f'@function(failover="{failover}")')}


@pytest.fixture
async def hubs(house, asker):
    pair = await house.hub("hub-a"), await house.hub("hub-b")
    await hubs_online(asker, 2)
    return pair


@pytest.mark.parametrize("failover", ["auto", "wait 1s"])
async def test_what_runs_on_a_dead_hub_goes_on_elsewhere_from_its_newest_checkpoint(house, asker, hubs, failover):
    a, b = hubs
    await asker.ask("run", files=washer_with(failover), hub="hub-a")
    taken = await asker.ask("checkpoint", instance="washer")
    await a.crash()
    await b.until(lambda: "washer" in b.copies)
    assert b.copies["washer"].header.checkpoint == taken.checkpoint
    assert b.copies["washer"].epoch == 2
    await asker.until(lambda: asker.told("moved washer from hub-a, which is away, to hub-b"))
    back = await house.hub("hub-a", start=2, key=a.key, copies=a.copies)
    await back.until(lambda: back.got(commands.Fenced))
    (row,) = await asker.ask("ps", instance="washer")
    assert (row.hub, row.epoch, row.moves) == ("hub-b", 2, 1)


async def test_one_that_never_fails_over_waits_for_its_hub(house, asker, hubs):
    a, b = hubs
    await asker.ask("run", files=washer_with("never"), hub="hub-a", name="waits")
    await asker.ask("run", files=washer_with("auto"), hub="hub-a", name="goes")
    await a.crash()
    await b.until(lambda: "goes" in b.copies)
    await asker.until(lambda: asker.told("moved goes from hub-a"))
    assert "waits" not in b.copies
    (row,) = await asker.ask("ps", instance="waits")
    assert (row.hub, row.epoch) == ("hub-a", 1)


async def test_the_defaults_at_its_start_stay_an_instances_own(house, asker, hubs):
    a, b = hubs
    for name, defaults in (("waits", Settings(failover="never", catch_up="skip")), ("goes", Settings(failover="auto"))):
        await house.stop()
        house.defaults = defaults
        await house.start()
        await asker.until(lambda: asker.status().hubs == "2/2")
        await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a", name=name)
    settings = {name: copy.header.function.settings for name, copy in a.copies.items()}
    assert [settings[name]["catch_up"] for name in ("waits", "goes")] == ["skip", "run"]
    await a.crash()
    await b.until(lambda: "goes" in b.copies)
    await asker.until(lambda: asker.told("moved goes from hub-a"))
    assert "waits" not in b.copies


async def test_a_suspended_function_waits_for_a_person(house, asker, hubs):
    a, _ = hubs
    await asker.ask("run", files=washer_with("auto"), hub="hub-a", name="sleeps")
    await asker.ask("run", files=washer_with("auto"), hub="hub-a", name="goes")
    await asker.ask("suspend", instance="sleeps")
    await a.crash()
    await asker.until(lambda: asker.told("moved goes from hub-a"))
    (row,) = await asker.ask("ps", instance="sleeps")
    assert (row.state, row.hub) == ("suspended", "hub-a")


async def test_a_hub_that_returns_in_time_keeps_its_functions(house, asker, hubs):
    a, _ = hubs
    await asker.ask("run", files=washer_with("wait 1h"), hub="hub-a", name="stays")
    await asker.ask("run", files=washer_with("auto"), hub="hub-a", name="goes")
    await a.crash()
    await asker.until(lambda: asker.told("moved goes from hub-a"))
    await house.hub("hub-a", start=2, key=a.key, copies=a.copies)
    await hubs_online(asker, 2)
    (row,) = await asker.ask("ps", instance="stays")
    assert (row.state, row.hub, row.epoch) == ("running", "hub-a", 1)


async def test_where_no_hub_can_take_it_that_is_told_once_and_the_next_hub_gets_it(house, asker):
    a = await house.hub("hub-a")
    await hubs_online(asker, 1)
    await asker.ask("run", files=washer_with("auto"), hub="hub-a")
    await house.hub("hub-b", engines=[])
    await hubs_online(asker, 2)
    await a.crash()
    await asker.until(lambda: asker.told("washer stays on hub-a"))
    c = await house.hub("hub-c")
    await c.until(lambda: "washer" in c.copies)
    assert len(asker.told("washer stays on hub-a")) == 1


async def test_a_coordinator_that_was_away_itself_gives_every_hub_its_whole_time_again(house, asker, hubs):
    a, b = hubs
    await asker.ask("run", files=washer_with("wait 1h"), hub="hub-a", name="stays")
    await asker.ask("run", files=washer_with("auto"), hub="hub-a", name="goes")
    await house.stop()
    await a.crash()
    await house.start()
    await b.until(lambda: "goes" in b.copies)
    assert "stays" not in b.copies
    claim = messages.decode(asker.kept[TOPICS.instance("stays", "claim")], messages.Claim, "claim")
    assert (claim.hub, claim.epoch) == ("hub-a", 1)


async def test_what_a_hub_had_stored_while_its_failover_was_decided_is_gone_on_from(house, asker, hubs):
    a, _ = hubs
    await asker.ask("run", files=washer_with("never"), hub="hub-a")
    instance = await house.store.read(instances.find, "washer")
    why = intents.Migrate(by="failover", why="hub-a is silent", instance="washer")
    move = starting.new_move(instance, "failover", why, source="hub-a", place=Place("hub-b", 0.0, ""), named=True)
    await house.store.write(moves.open_one, move)
    late = a.capture("washer")
    await a.until(lambda: a.got(commands.Stored))  # and with it what it covers is acknowledged
    claimed = await house.store.write(decisions.claim, house.coordinator._claims, move, destination="hub-b")
    assert (claimed.move.checkpoint, claimed.muted) == (late.checkpoint, False)


async def test_while_it_is_paused_nothing_goes_elsewhere_and_afterwards_everything_does(house, asker, hubs):
    a, b = hubs
    await asker.ask("run", files=washer_with("auto"), hub="hub-a")
    paused = (await asker.ask("pause")).paused
    assert paused
    await house.stop()
    await house.start()
    await asker.until(lambda: (status := asker.status()) and status.paused == paused)
    await a.crash()
    await asker.until(lambda: (status := asker.status()) and status.hubs == "1/2")
    assert any("nothing moves by itself since" in sentence for sentence in asker.status().attention)
    await house.coordinator._failover.look()
    assert not house.coordinator._failover._tasks
    status = await asker.ask("pause", off=True)
    assert (status.paused, "midstream pause" in str(status.attention)) == ("", False)
    await b.until(lambda: "washer" in b.copies)


@pytest.mark.parametrize("by", ["failover", "a person"])
async def test_nothing_goes_on_elsewhere_before_its_lease_is_over_whoever_wants_it(house, asker, by):
    a = await house.hub("hub-a", lease=1.0, metrics_every=0.5)
    b = await house.hub("hub-b")
    await hubs_online(asker, 2)
    await asker.ask("run", files=washer_with("auto" if by == "failover" else "wait 1h"), hub="hub-a")
    a.measure()
    last_sign = time.monotonic()
    await a.crash()
    if by == "a person":
        await hubs_online(asker, 1)
        await asker.ask("migrate", instance="washer", hub="hub-b")
    await b.until(lambda: "washer" in b.copies)
    assert time.monotonic() - last_sign > 0.5 + 2 * 1.0


async def test_what_a_dead_hub_did_without_the_coordinator_waits_for_it_or_for_somebody_who_accepts_the_loss(
    house, asker, hubs
):
    a, b = hubs
    for name in ("returns", "given-up", "goes"):
        await asker.ask("run", files=washer_with("auto"), hub="hub-a", name=name)
    for name in ("returns", "given-up"):
        checkpoint = a.copies[name].header.checkpoint
        word = Ahead(instance=name, hub="hub-a", epoch=1, since="2026-11-25T00:00:00.000Z", checkpoint=checkpoint)
        a.publish(TOPICS.instance(name, "ahead"), word, retain=True)
    await house.stop()
    await a.crash()
    await house.start()  # it reads what the broker keeps before it decides anything
    await asker.until(lambda: asker.told("moved goes from hub-a"))
    assert set(b.copies) == {"goes"}
    await asker.until(lambda: any("given-up waits for hub-a" in it for it in asker.status().attention))
    with pytest.raises(RefusedError, match="hub-a, which is away, alone has what it did since"):
        await asker.ask("migrate", instance="given-up", hub="hub-b")
    moved = await asker.ask("migrate", instance="given-up", hub="hub-b", accept_loss=True)
    assert (moved.destination, moved.epoch) == ("hub-b", 2)
    assert asker.told("gave up what hub-a did with given-up")
    back = await house.hub("hub-a", start=2, key=a.key, copies=a.copies)
    await hubs_online(asker, 2)
    back.session.publish_nowait(TOPICS.instance("returns", "ahead"), b"", retain=True)
    await asker.until(lambda: not any("waits for hub-a" in it for it in asker.status().attention))
    await back.crash()
    await b.until(lambda: "returns" in b.copies)

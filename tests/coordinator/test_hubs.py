"""Hubs that come, go, hang, return, and that are not who they say; claims that a broker or a store has lost."""

from __future__ import annotations

import asyncio
import sqlite3
import time

import pytest
from coordinator_house import WASHER, hubs_online
from scripted_hub import TOPICS, ScriptedHub

from coordinator import rivals
from coordinator.app import main
from coordinator.ingest import hubs as hubs_module
from coordinator.ingest.hubs import Hubs
from coordinator.store.database import Store
from devices.errors import RefusedError
from devices.protocol import commands
from devices.protocol.messages import HubInfo, HubMetrics, HubStatus


async def test_a_hub_that_dies_is_offline_and_what_it_held_is_named(house, asker, washer):
    await washer[0].crash()
    await asker.until(lambda: any("hub hub-a is offline" in s and "washer" in s for s in asker.status().attention))
    (row,) = await asker.ask("hubs", hub="hub-a")
    assert (row.state, row.cpu, row.instances) == ("offline", None, ["washer"])


async def test_a_late_will_of_an_earlier_start_is_ignored(house, asker, washer):
    _, b = washer
    again = await house.hub("hub-c", start=7)
    await hubs_online(asker, 3)
    will = HubStatus(state="offline", boot="b", start=6)
    again.publish(TOPICS.hub("hub-c", "status"), will)
    b.publish(TOPICS.hub("hub-b", "status"), HubStatus(state="offline", boot="b", start=1))
    await asker.until(lambda: asker.status().hubs == "2/3")
    rows = {row.hub: row.state for row in await asker.ask("hubs")}
    assert rows == {"hub-a": "online", "hub-b": "offline", "hub-c": "online"}


async def test_another_computer_with_the_name_of_a_hub_is_refused_and_told(house, asker, washer):
    a, _ = washer
    info = HubInfo(
        hub="hub-b", version="0", arch="x86_64", cores=1, memory=1, python="3.11", engines=["python"], key="ab" * 32
    )
    a.publish(TOPICS.hub("hub-b", "info"), info)
    await asker.until(lambda: asker.told("another computer calls itself hub-b"))
    await asker.until(lambda: any("another computer" in sentence for sentence in asker.status().attention))
    (row,) = await asker.ask("hubs", hub="hub-b")
    assert row.cores == 4


async def test_metrics_of_a_hub_that_never_showed_itself_are_ignored(house, asker, washer):
    a, _ = washer
    metrics = HubMetrics(cpu=1, load=1, memory=1, memory_available=1, swap=0, disk=0)
    for name in ("stranger", "hub-a"):
        a.publish(TOPICS.hub(name, "metrics"), metrics)
    a.session.publish_nowait(TOPICS.hub("hub-a", "metrics"), b'{"cpu": "hot"}')
    a.session.publish_nowait(TOPICS.hub("hub-a", "answer"), b"\xff")
    assert [row.hub for row in await asker.ask("hubs")] == ["hub-a", "hub-b"]


async def test_a_hub_that_hangs_falls_silent_and_comes_back_with_its_metrics(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.sqlite'}")
    hubs = Hubs(store, None)
    info = HubInfo(hub="a", version="", arch="", cores=1, memory=1, python="", engines=[], key="00" * 32)
    await hubs.take_info("a", info)
    await hubs.take_status("a", HubStatus(state="online", boot="b", start=1), time.monotonic())
    metrics = HubMetrics(cpu=1, load=1, memory=1, memory_available=1, swap=0, disk=0)
    hubs.take_metrics("a", metrics, time.monotonic())
    start = time.monotonic()
    assert hubs.look_for_silence(start + hubs_module.SILENCE - 1) == []
    gone = asyncio.create_task(hubs["a"].gone())
    assert [hub.name for hub in hubs.look_for_silence(start + hubs_module.SILENCE + 1)] == ["a"]
    await gone
    assert not hubs.online("a")
    hubs.take_metrics("a", metrics, time.monotonic())
    assert hubs.online("a")
    store.close()


async def test_a_hub_that_lost_its_disk_gets_its_functions_again(house, asker, washer):
    a, _ = washer
    taken = await asker.ask("checkpoint", instance="washer")
    await a.crash()
    fresh = await house.hub("hub-a", start=2, key=a.key)
    await fresh.until(lambda: fresh.copies.get("washer"))
    assert fresh.copies["washer"].header.checkpoint == taken.checkpoint
    assert fresh.copies["washer"].epoch == 2
    await asker.until(lambda: asker.told("does not have it any more"))


async def test_a_hub_that_returns_with_what_was_moved_away_is_fenced(house, asker, washer):
    a, _ = washer
    await a.crash()
    await asker.until(lambda: asker.status().hubs == "1/2")
    await asker.ask("migrate", instance="washer")
    back = await house.hub("hub-a", start=2, key=a.key, copies=a.copies)
    await back.until(lambda: "washer" not in back.copies)
    assert back.got(commands.Fenced)[0].epoch == 2


async def test_a_hub_that_holds_a_function_for_a_forgotten_move_is_told_to_go_on(house, asker, washer):
    a, _ = washer
    a.copies["washer"].state, a.copies["washer"].move = "held", "nobody-knows-it"
    a.report()
    await a.until(lambda: a.got(commands.GoOn))


async def test_claims_that_the_broker_has_lost_are_published_again(house, asker, washer):
    a, _ = washer
    topic = TOPICS.instance("washer", "claim")
    before = a.claims["washer"]
    await a.session.publish(topic, b"", retain=True)
    await a.until(lambda: "washer" not in a.claims)
    house.coordinator._line._session.abort()
    await a.until(lambda: a.claims.get("washer") == before)


async def test_an_old_backup_of_the_store_does_not_turn_epochs_back(house, asker, washer, tmp_path):
    _, b = washer
    await house.stop()
    file = house.folder / "store.sqlite"
    old = sqlite3.connect(tmp_path / "old.sqlite")
    current = sqlite3.connect(file)
    current.backup(old)
    current.close()
    await house.start()
    assert (await asker.ask("migrate", instance="washer", hub="hub-b")).epoch == 2
    assert (await asker.ask("migrate", instance="washer", hub="hub-a")).epoch == 3
    await house.stop()
    for leftover in house.folder.glob("store.sqlite*"):
        leftover.unlink()
    fresh = sqlite3.connect(file)
    old.backup(fresh)
    old.close()
    fresh.close()
    await house.start()
    await asker.until(lambda: asker.told("older copy"))
    assert (await asker.ask("migrate", instance="washer", hub="hub-b")).epoch == 4
    assert b.copies["washer"].epoch == 4


async def test_the_coordinator_says_goodbye(house, asker, washer):
    await house.stop()
    await asker.until(lambda: asker.status().state == "offline")


async def test_a_second_coordinator_refuses_to_begin_and_the_first_goes_on(house, asker, tmp_path):
    from coordinator_house import House

    other = House(house.address, tmp_path / "other")
    with pytest.raises(RefusedError, match="another coordinator works on this broker"):
        await main(other.config())
    assert await asker.ask("ps") == []


async def test_a_folder_has_one_coordinator(house, asker, tmp_path):
    from coordinator_house import House

    other = House(house.address, tmp_path / "other")
    with rivals.alone(other.folder), pytest.raises(RefusedError, match="works in this folder"):
        await main(other.config())


async def test_a_rule_moves_the_function_and_says_why(asker_with_rules, house):
    asker = asker_with_rules
    a, b = await house.hub("hub-a"), await house.hub("hub-b")
    await hubs_online(asker, 2)
    await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a")
    a.measure(temperature=80.0)
    await asker.until(lambda: asker.told("moved washer from hub-a to hub-b"))
    fired = next(event for event in asker.events if event.rule == "hot")
    assert (fired.value, fired.threshold, fired.hub, fired.did) == (80.0, 75.0, "hub-a", "migrate washer")
    assert b.copies["washer"].epoch == 2


async def test_a_rule_that_fires_while_it_is_paused_moves_nothing_says_so_and_fires_again_afterwards(
    asker_with_rules, house
):
    asker = asker_with_rules
    a, b = await house.hub("hub-a"), await house.hub("hub-b")
    await hubs_online(asker, 2)
    await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a")
    await asker.ask("pause")
    a.measure(temperature=80.0)
    await asker.until(lambda: asker.told("not migrate washer: it is paused, midstream pause --off"))
    assert "washer" in a.copies
    await asker.ask("pause", off=True)
    a.measure(temperature=81.0)
    await b.until(lambda: "washer" in b.copies)


async def test_commands_say_which_start_of_the_hub_they_are_for(house, asker):
    key = None
    for start in (1, 2):
        hub = await house.hub("hub-a", start=start, key=key)
        await hubs_online(asker, 1)
        await asker.ask("run", files={"washer.py": WASHER})
        assert hub.got(commands.Restore)[-1].start == start
        key = hub.key
        await hub.crash()
        await asker.until(lambda: asker.status().hubs == "0/1")


@pytest.fixture
async def asker_with_rules(house, tmp_path):
    await house.stop()
    house.rules = tmp_path / "rules"
    house.rules.mkdir()
    (house.rules / "house.toml").write_text('[hot]\nwhen = "hub.temperature > 75"\ndo = "migrate"\n')
    await house.start()
    asker = await house.asker()
    await asker.until(asker.status)
    return asker


async def test_rules_that_become_wrong_leave_the_old_ones_in_force(asker_with_rules, house):
    asker = asker_with_rules
    (house.rules / "house.toml").write_text('[hot]\nwhne = "hub.temperature > 75"\n')
    await asker.until(lambda: any("rules of before" in sentence for sentence in asker.status().attention))
    hub = ScriptedHub(house.address, "hub-a")
    async with hub:
        await hubs_online(asker, 1)
        hub.measure(temperature=80.0)
        await asker.until(lambda: any(event.rule == "hot" for event in asker.events))

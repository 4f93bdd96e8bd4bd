"""What would become of a hub's functions if it were lost: said before, and so it comes."""

from __future__ import annotations

from coordinator_house import WASHER, hubs_online
from scripted_hub import TOPICS

from devices.protocol import messages
from devices.protocol.ahead import Ahead


def washer_with(settings: str) -> dict[str, str]:
    return {"washer.py": WASHER.replace("@function", f"@function({settings})")}


async def test_what_would_go_where_is_what_placement_then_does(house, asker):
    a = await house.hub("hub-a", labels=["roof"])
    others = [await house.hub("hub-b"), await house.hub("hub-c", labels=["roof"])]
    await hubs_online(asker, 3)
    for name, settings in {
        "goes": 'failover="auto"',
        "goes-too": 'failover="auto"',
        "roofed": 'failover="auto", needs={"labels": ["roof"]}',
        "sleeps": "priority=0",
        "stays": 'failover="never", durability="spool"',
    }.items():
        await asker.ask("run", files=washer_with(settings), hub="hub-a", name=name)
    taken = await asker.ask("checkpoint", instance="goes")
    await asker.ask("suspend", instance="sleeps")
    state = messages.InstanceState(state="running", function="washer", hub="hub-a", epoch=1, input_qos=0)
    await asker.session.publish(TOPICS.instance("goes-too", "state"), messages.encode(state), retain=True)
    rows = {row.instance: row for row in await asker.ask("if-lost", hub="hub-a")}
    assert list(rows) == ["goes", "goes-too", "roofed", "sleeps", "stays"]
    assert [row.failover for row in rows.values()] == ["auto", "auto", "auto", "wait 2m", "never"]
    assert (rows["goes"].checkpoint, rows["goes"].lost) == (taken.checkpoint, "")
    assert 0 <= rows["goes"].checkpoint_age < 60
    assert (rows["goes"].goes_to, rows["goes-too"].goes_to) == ("hub-b", "hub-c")  # the second one counts the first
    assert rows["goes-too"].lost == "messages at QoS 0 since its last checkpoint"
    assert rows["roofed"].goes_to == "hub-c"
    assert (rows["stays"].goes_to, rows["stays"].why) == ("", 'failover="never": it waits for hub-a')
    assert "with its disk" in rows["stays"].lost
    assert (rows["sleeps"].goes_to, rows["sleeps"].suspended) == ("", True)
    word = Ahead(instance="goes", hub="hub-a", epoch=1, since="2026-11-25T12:00:00.000Z", checkpoint=taken.checkpoint)
    await asker.session.publish(TOPICS.instance("goes", "ahead"), messages.encode(word), retain=True)
    ahead = next(row for row in await asker.ask("if-lost", hub="hub-a") if row.instance == "goes")
    assert ahead.goes_to == ""
    lost = "what it did since 2026-11-25T12:00:00.000Z, while the coordinator was away: hub-a alone has that"
    assert ahead.lost == lost
    await asker.session.publish(TOPICS.instance("goes", "ahead"), b"", retain=True)
    await asker.ask("pause")
    assert {row.goes_to for row in await asker.ask("if-lost", hub="hub-a")} == {""}
    await asker.ask("pause", off=True)

    await a.crash()
    await asker.until(lambda: len(asker.told("from hub-a, which is away, to ")) == 3)
    assert "roofed" in others[1].copies
    left = {row.instance: row for row in await asker.ask("if-lost", hub="hub-c")}
    assert left["roofed"].goes_to == ""
    assert "hub-b has no label 'roof'" in left["roofed"].why

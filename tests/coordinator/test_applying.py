"""What `functions.toml` says, brought about: through the doors that a person would use, and only what was shown."""

from __future__ import annotations

import asyncio

import pytest
from coordinator_house import hubs_online
from test_upgrades import BETTER, ELSEWHERE, WASHER, image_of_a_stopped_washer

from devices.errors import MidstreamError, RefusedError
from devices.protocol import commands

FILES = {"washer.py": WASHER}


class Applied:
    """One function as a folder declares it."""

    def __init__(self, asker):
        self.asker = asker
        self.said = {"instance": "washer", "owner": "functions", "files": FILES}

    async def look(self, **changes):
        self.said |= changes
        return await self.asker.ask("apply", **self.said)

    async def do(self, action="", **changes):
        row = await self.look(**changes)
        return await self.asker.ask("apply", **self.said, action=action or row.action)

    async def instance(self):
        (row,) = await self.asker.ask("ps", instance="washer")
        return row


@pytest.fixture
async def hubs(house, asker):
    pair = await house.hub("hub-a"), await house.hub("hub-b", labels=["big"])
    for hub in pair:
        hub.image = image_of_a_stopped_washer()
    await hubs_online(asker, 2)
    return pair


@pytest.fixture
def applied(asker, hubs):
    return Applied(asker)


async def test_a_missing_function_is_started_where_it_is_wished_for_and_then_there_is_nothing_to_do(applied, hubs):
    seen = await applied.look(hub="hub-b", arguments={"plug": "dryer"}, settings={"failover": "auto"})
    assert (seen.action, seen.safe, seen.hub, seen.done) == ("start", True, "hub-b", False)
    assert await applied.asker.ask("ps") == []
    made = await applied.do()
    assert (made.action, made.done, made.hub) == ("start", True, "hub-b")
    record = hubs[1].copies["washer"].header.function
    assert (record.arguments, record.settings["failover"]) == ({"plug": "dryer"}, "auto")
    assert (await applied.instance()).declared == "functions"
    assert (await applied.look()).action == "nothing"
    (function,) = await applied.asker.ask("functions")
    assert (function.settings["failover"], "declared" in function.settings) == ("wait 2m", False)
    with pytest.raises(RefusedError, match="is otherwise by now: it is as it is declared"):
        await applied.asker.ask("apply", **applied.said, action="start")


async def test_a_hub_that_is_wished_for_gives_way_to_one_that_fits_and_needs_do_not(applied, hubs):
    seen = await applied.look(hub="nas", settings={"needs": {"labels": ["big"]}})
    assert (seen.hub, seen.place[:29]) == ("hub-b", "there is no hub 'nas'; cpu 10")
    assert (seen.places, seen.unfit) == (["hub-b"], {"hub-a": "has no label 'big'"})
    assert (await applied.do(hub="hub-aa")).hub == "hub-b"
    assert (await applied.instance()).reason == (
        "functions.toml declares it; there is no hub 'hub-aa', perhaps 'hub-a' is meant"
    )
    with pytest.raises(RefusedError, match="no other hub to move to: hub-a has no label 'big'"):
        await applied.asker.ask("migrate", instance="washer")
    nowhere = await applied.look(instance="dryer", settings={"needs": {"labels": ["huge"]}})
    assert (nowhere.action, nowhere.hub) == ("start", "")
    assert "hub-a has no label 'huge'; hub-b has no label 'huge'" in nowhere.place


async def test_changed_source_and_settings_go_on_where_the_function_stands_and_the_hub_follows_a_new_wish(
    applied, hubs
):
    _, b = hubs
    await applied.do(hub="hub-a")
    seen = await applied.look(settings={"checkpoint": "9s"}, hub="hub-b")
    assert (seen.action, seen.safe) == ("upgrade", True)
    assert seen.changes == ["checkpoint as in the source -> '9s'", "hub hub-a -> hub-b"]
    assert [(frame.line, frame.new_line) for frame in seen.frames] == [(13, 13)]
    made = await applied.do()
    assert (made.done, made.hub) == (True, "hub-b")
    assert b.copies["washer"].header.function.settings["checkpoint"] == 9.0
    assert (await applied.look()).action == "nothing"
    await applied.asker.ask("upgrade", instance="washer", files={"washer.py": BETTER})  # by hand
    record = b.copies["washer"].header.function
    assert (record.files, record.settings["checkpoint"]) == ({"washer.py": BETTER}, 9.0)
    assert (await applied.look(files={"washer.py": BETTER})).action == "nothing"
    await applied.asker.ask("migrate", instance="washer")
    assert (await applied.look()).action == "nothing"  # it is declared for hub-b still, and somebody has moved it
    moved = await applied.do(hub="")
    assert (moved.action, moved.hub) == ("move", "hub-a")


async def test_what_does_not_land_is_a_choice_and_from_its_start_it_keeps_its_lineage_and_counts_outputs_on(
    applied, hubs
):
    _, b = hubs
    await applied.do(hub="hub-a")
    seen = await applied.look(files={"washer.py": ELSEWHERE})
    assert (seen.action, seen.safe) == ("choose", False)
    assert "the 'for' of line 11" in seen.why
    with pytest.raises(RefusedError, match="stays with the source that it has"):
        await applied.asker.ask("apply", **applied.said, action="upgrade")
    moved = await applied.asker.ask("migrate", instance="washer")  # the scripted hub says that 3 outputs have left
    made = await applied.do("begin")
    assert (made.action, made.done, made.hub) == ("begin", True, moved.destination if made.hub == "hub-b" else "hub-a")
    (stop,) = b.got(commands.Stop)
    header = {hub.name: hub for hub in hubs}[made.hub].copies["washer"].header
    assert (header.function.files, header.image, header.parent, header.sequence) == (
        {"washer.py": ELSEWHERE}, None, "", 3,
    )  # fmt: skip
    row = await applied.instance()
    assert (row.state, row.epoch, row.checkpoint) == ("running", stop.epoch + 1, header.checkpoint)
    lineage = await applied.asker.ask("lineage", instance="washer")
    assert [node.parent for node in lineage].count("") == 2
    assert lineage[-1].checkpoint == header.checkpoint
    assert (await applied.look()).action == "nothing"
    changed = await applied.look(arguments={"plug": "dryer"})
    assert (changed.action, changed.changes) == ("choose", ["argument plug as in the source -> 'dryer'"])


async def test_what_was_started_by_hand_is_taken_over_as_it_is_and_let_go_of_when_it_is_declared_no_more(applied, hubs):
    a, _ = hubs
    await applied.asker.ask("run", files=FILES, hub="hub-a", arguments={"plug": "washer"})
    assert (await applied.look()).action == "choose"
    taken = await applied.do(arguments={"plug": "washer"})
    assert (taken.action, taken.hub) == ("take over", "hub-a")
    assert a.copies["washer"].epoch == 1
    assert (await applied.look()).action == "nothing"
    with pytest.raises(RefusedError, match="does not belong to the folder 'cellar'"):
        await applied.look(gone=True, owner="cellar")
    assert (await applied.look(gone=False)).action == "refused"
    stopped = await applied.do(gone=True, owner="functions")
    assert (stopped.action, stopped.done) == ("stop", True)
    row = await applied.instance()
    assert (row.state, row.declared) == ("stopped", "")
    assert (await applied.look(gone=False)).action == "begin"
    assert (await applied.look(gone=False)).safe
    await applied.do()
    assert (await applied.instance()).state == "running"
    assert (await applied.asker.ask("why", instance="washer"))[-1].by == "apply"


async def test_one_that_failed_waits_for_its_mistake_to_be_mended_and_goes_on_from_its_checkpoint(applied, hubs):
    a, _ = hubs
    await applied.do(hub="hub-a")
    taken = await applied.asker.ask("checkpoint", instance="washer")
    a.end("washer", "failed", error="Traceback ...\nKeyError: 'power'")
    await a.until(lambda: a.got(commands.Noted))
    seen = await applied.look()
    assert (seen.action, seen.why) == ("nothing", "it failed: KeyError: 'power'; with its mistake mended it goes on")
    assert (await applied.look(files={"washer.py": ELSEWHERE})).action == "choose"
    seen = await applied.look(files={"washer.py": BETTER})
    assert (seen.action, seen.safe) == ("mend", True)
    await applied.do()
    header = next(
        hub.copies["washer"].header for hub in hubs if "washer" in hub.copies and hub.copies["washer"].epoch == 2
    )
    assert (header.parent, header.function.files) == (taken.checkpoint, {"washer.py": BETTER})
    row = await applied.instance()
    assert (row.state, row.declared) == ("running", "functions")


async def test_a_branch_and_a_hub_that_is_away_are_let_alone_and_bad_source_is_named(applied, hubs):
    a, _ = hubs
    await applied.do(hub="hub-a")
    await applied.asker.ask("restore", checkpoint="washer", as_new=True)
    branch = next(row for row in await applied.asker.ask("ps") if row.instance == "washer~2")
    assert branch.declared == ""
    with pytest.raises(MidstreamError, match="invalid syntax"):
        await applied.look(files={"washer.py": "def washer(:\n"})
    with pytest.raises(MidstreamError, match="has no parameter 'plg'"):
        await applied.look(files=FILES, arguments={"plg": 1})
    await applied.look(arguments={"plug": "dryer"})
    await a.crash()
    await applied.asker.until(lambda: applied.asker.status().hubs == "1/2")
    with pytest.raises(RefusedError, match="hub-a, where washer is, is away"):
        await applied.asker.ask("apply", **applied.said, action="begin")
    assert (await applied.instance()).state == "running"


async def test_a_trigger_is_declared_like_any_other_function_and_its_changes_count_for_the_runs_to_come(applied):
    often = WASHER.replace("@function", '@function(every="1h", mode="single")')
    said = {"instance": "often", "files": {"washer.py": often}, "settings": {"failover": "auto"}}
    made = await applied.do(**said, arguments={"plug": "a"})
    assert (made.action, made.done, made.hub, made.starts) == ("start", True, "", "each 1h")
    assert (await applied.look()).action == "nothing"
    (trigger,) = await applied.asker.ask("triggers")
    assert (trigger.trigger, trigger.declared, trigger.every) == ("often", "functions", 3600.0)
    async with asyncio.timeout(30):
        while not (runs := await applied.asker.ask("ps")):  # noqa: ASYNC110  a question, no event tells it
            await asyncio.sleep(0.1)
    assert [(run.instance, run.declared) for run in runs] == [("often~1", "")]  # it is its trigger's
    seen = await applied.look(files={"washer.py": often.replace("1h", "2h")}, arguments={"plug": "b"})
    assert (seen.action, seen.safe, seen.frames) == ("upgrade", True, [])
    assert seen.changes == ["source", "argument plug 'a' -> 'b'"]
    await applied.do()
    (trigger,) = await applied.asker.ask("triggers")
    assert (trigger.declared, trigger.every) == ("functions", 7200.0)
    assert (await applied.look()).action == "nothing"
    assert (await applied.do(gone=True)).action == "stop"
    assert await applied.asker.ask("triggers") == []
    assert [row.did for row in await applied.asker.ask("why", instance="often")] == [
        "registered often: each 1h",
        "gave often changed source",
        "stopped often",
    ]

"""An instance goes on with changed source through the steps of a move to its own hub, and a failure undoes it."""

from __future__ import annotations

import asyncio

import pytest
from coordinator_house import hubs_online
from test_restarts import Crash

from devices.errors import MidstreamError, RefusedError
from devices.protocol import checkpoint as blobs
from devices.protocol import commands
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.source import Source

WASHER = """\
from midstream import function


def used(total, number):
    return total + number


@function
def washer(plug: str = "washer"):
    total = 0
    for number in range(5):
        total = used(total, number)
        seen = total
    return total
"""
BETTER = WASHER.replace("return total\n", "return total * 2\n", 1).replace('"washer"', '"washer", limit: int = 3')
ELSEWHERE = WASHER.replace("range(5)", "range(6)")


def image_of_a_stopped_washer() -> bytes:
    """The image of the washer at `seen = total`, in its second turn."""
    images = []
    execution = Execution(Program.load(Source("washer", {"washer.py": WASHER}), library=Library()))

    def take(image):
        images.append(image)
        execution.request(take, lambda _: None)

    execution.request(take, lambda _: None)
    assert execution.start("washer", [], {}) == 10
    return [image for image in images if image.place.statement == "seen = total"][1].data


@pytest.fixture
async def washer(house, asker):
    """The instance `washer` on hub-a, whose checkpoints hold a function that really was stopped."""
    a, b = await house.hub("hub-a"), await house.hub("hub-b")
    a.image = b.image = image_of_a_stopped_washer()
    await hubs_online(asker, 2)
    await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a")
    return a, b


async def test_an_upgrade_makes_a_child_of_what_was_frozen_and_goes_on_from_it_in_the_next_epoch(asker, washer):
    a, b = washer
    dry = await asker.ask("upgrade", instance="washer", files={"better.py": BETTER}, dry_run=True)
    assert [(each.function, each.line, each.new_line, each.reason) for each in dry.frames] == [("washer", 13, 13, "")]
    made = await asker.ask("upgrade", instance="washer", files={"better.py": BETTER})
    header = a.copies["washer"].header
    assert (made.lands, made.epoch, made.hub, header.checkpoint) == (True, 2, "hub-a", made.upgraded)
    assert (header.parent, header.reason, header.hub) == (made.checkpoint, "upgrade", "coordinator")
    assert header.function.files == {"washer.py": BETTER}
    assert header.place.frames == ["washer washer.py:13"]
    (restore,) = [each for each in a.got(commands.Restore) if each.epoch == 2]
    assert (restore.upgrades, restore.muted, restore.late_mail) == (made.checkpoint, False, False)
    assert [each.instance for each in a.got(commands.Prepare)] == ["washer"]
    assert not b.got(commands.Prepare)
    (function,) = await asker.ask("functions")
    assert function.parameters == {"plug": "str = 'washer'", "limit": "int = 3"}
    assert asker.told("put washer on changed source on hub-a")
    nodes = [(node.reason, node.checkpoint) for node in await asker.ask("lineage", instance="washer")]
    assert nodes[-1] == ("upgrade", made.upgraded)


async def test_what_does_not_land_goes_on_as_it_was(asker, washer):
    a, _ = washer
    dry = await asker.ask("upgrade", instance="washer", files={"washer.py": ELSEWHERE}, dry_run=True)
    assert (dry.lands, dry.frames[0].reason) == (
        False, "the 'for' of line 11, in which it stands, is gone or has changed",
    )  # fmt: skip
    with pytest.raises(RefusedError, match="washer stays with the source that it has: washer"):
        await asker.ask("upgrade", instance="washer", files={"washer.py": ELSEWHERE})
    await a.until(lambda: a.copies["washer"].state == "running" and a.got(commands.GoOn))
    (row,) = await asker.ask("ps")
    assert (row.state, row.epoch, row.hub) == ("running", 1, "hub-a")
    with pytest.raises(MidstreamError, match="invalid syntax"):
        await asker.ask("upgrade", instance="washer", files={"washer.py": "def washer(:\n"})


async def test_a_suspended_instance_goes_on_with_what_lands_and_stays_suspended_with_what_does_not(asker, washer):
    a, _ = washer
    await asker.ask("suspend", instance="washer")
    with pytest.raises(RefusedError, match="stays with the source that it has"):
        await asker.ask("upgrade", instance="washer", files={"washer.py": ELSEWHERE})
    assert [row.state for row in await asker.ask("ps")] == ["suspended"]
    await a.until(lambda: a.got(commands.GoOn))
    a.copies["washer"].state = "suspended"
    made = await asker.ask("upgrade", instance="washer", files={"washer.py": BETTER})
    assert [(row.state, row.epoch, row.checkpoint) for row in await asker.ask("ps")] == [("running", 2, made.upgraded)]


async def test_one_whose_hub_is_away_is_not_upgraded_and_the_remedy_gets_it_elsewhere_first(asker, washer):
    a, _ = washer
    await asker.ask("suspend", instance="washer")
    await a.crash()
    await hubs_online(asker, 1)
    await asker.until(lambda: asker.status().hubs == "1/2")
    with pytest.raises(RefusedError, match="hub-a, where washer is, is away") as refused:
        await asker.ask("upgrade", instance="washer", files={"washer.py": BETTER})
    assert "midstream resume washer --to HUB; then ask again" in refused.value.remedy
    assert (await asker.ask("resume", instance="washer", hub="hub-b")).hub == "hub-b"
    assert (await asker.ask("upgrade", instance="washer", files={"washer.py": BETTER})).upgraded


async def test_an_upgrade_that_cannot_be_restored_goes_back_to_the_source_of_before_and_loses_nothing(asker, washer):
    a, b = washer

    async def only_the_old_source(hub, command):
        header, _ = blobs.decode_header(await hub.blob(command))
        if header.function.files["washer.py"] == WASHER:
            await type(hub).do_restore(hub, command)
        else:
            hub.fail(command, "no module named pandas")

    a.behaviour["restore"] = b.behaviour["restore"] = only_the_old_source
    with pytest.raises(MidstreamError, match=r"goes on with the source that it had: .*pandas"):
        await asker.ask("upgrade", instance="washer", files={"washer.py": BETTER})
    (row,) = await asker.ask("ps")
    assert (row.state, row.hub, row.epoch, row.muted) == ("running", "hub-a", 3, False)
    assert a.copies["washer"].header.function.files == {"washer.py": WASHER}
    assert not b.got(commands.Restore)
    assert asker.told("none is lost")
    assert not asker.told("put washer on changed source")
    restored = await asker.ask("migrate", instance="washer", hub="hub-b")
    assert (restored.epoch, b.copies["washer"].header.function.files) == (4, {"washer.py": WASHER})


@pytest.mark.parametrize(
    ("point", "upgraded"),
    [("after-prepared", False), ("after-stored", True), ("after-released", True), ("after-claimed", True)],
)
async def test_an_upgrade_survives_the_death_of_the_coordinator(house, asker, washer, monkeypatch, point, upgraded):
    a, _ = washer
    crash = Crash(monkeypatch, point)
    asking = asyncio.create_task(asker.ask("upgrade", instance="washer", files={"washer.py": BETTER}))
    async with asyncio.timeout(30):
        await crash.reached.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await house.kill()
    await house.start()
    if upgraded:
        await asker.until(lambda: asker.told("put washer on changed source on hub-a"))
    else:
        await asker.until(lambda: asker.told("the coordinator was restarted before the function was stopped"))
    (row,) = await asker.ask("ps")
    assert (row.state, row.epoch) == ("running", 2 if upgraded else 1)
    await a.until(lambda: a.copies["washer"].epoch == row.epoch)
    assert a.copies["washer"].header.function.files == {"washer.py": BETTER if upgraded else WASHER}


async def test_one_that_failed_goes_on_with_the_mistake_mended_under_its_own_name_or_as_a_branch(asker, washer):
    a, b = washer
    taken = await asker.ask("checkpoint", instance="washer")
    with pytest.raises(RefusedError, match="washer is running"):
        await asker.ask("restore", checkpoint="washer", files={"washer.py": BETTER})
    a.end("washer", "failed", error="Traceback ...")
    await a.until(lambda: a.got(commands.Noted))
    branch = await asker.ask("restore", checkpoint="washer", files={"washer.py": BETTER}, as_new=True, hub="hub-b")
    assert (branch.instance, branch.muted) == ("washer~2", True)
    header = b.copies["washer~2"].header
    assert (header.parent, header.function.files) == (taken.checkpoint, {"washer.py": BETTER})
    with pytest.raises(RefusedError, match="has failed"):
        await asker.ask("upgrade", instance="washer", files={"washer.py": BETTER})
    back = await asker.ask("restore", checkpoint="washer", files={"washer.py": BETTER}, hub="hub-a")
    header = a.copies["washer"].header
    assert (back.instance, back.muted, header.parent, header.reason) == ("washer", False, taken.checkpoint, "upgrade")
    assert header.function.files == {"washer.py": BETTER}


async def test_a_variable_is_set_in_a_branch(asker, washer):
    _, b = washer
    await asker.ask("checkpoint", instance="washer")
    branch = await asker.ask("restore", checkpoint="washer", values={"total": 100, "washer.number": 7}, hub="hub-b")
    assert (branch.instance, branch.branch_of, branch.muted) == ("washer~2", "washer", True)
    decoded = blobs.decode(b.copies["washer~2"].blob)
    program = Program.load(Source("washer", decoded.header.function.files), library=Library())
    assert Execution(program).resume(decoded.image) == 100 + 2 + 3 + 4
    with pytest.raises(MidstreamError, match="uses no variable 'totl'"):
        await asker.ask("restore", checkpoint="washer", values={"totl": 1})


async def test_a_muted_instance_is_unmuted_where_it_stands(asker, washer):
    a, b = washer
    await asker.ask("checkpoint", instance="washer")
    await asker.ask("restore", checkpoint="washer", as_new=True, hub="hub-b")
    await asker.ask("suspend", instance="washer~2")
    assert (await asker.ask("unmute", instance="washer~2")).muted is False
    with pytest.raises(RefusedError, match="washer~2 is not muted"):
        await asker.ask("unmute", instance="washer~2")
    await asker.ask("resume", instance="washer~2")
    assert [restore.muted for restore in b.got(commands.Restore)] == [True, False]
    assert not [each for each in a.got(commands.Restore) if each.instance == "washer~2"]

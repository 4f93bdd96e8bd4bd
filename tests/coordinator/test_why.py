"""The questions of the next morning: why it moved, why there, why it was stopped, and by whom."""

from __future__ import annotations

import pytest
from coordinator_house import WASHER, hubs_online

from devices.errors import RefusedError
from devices.protocol import commands

BIG = WASHER.replace("@function", '@function(needs={"labels": ["big"]})')
HOT = """\
[hot]
when = "hub.temperature > 75"
do = "migrate"
"""


@pytest.fixture
async def hot_house(house, tmp_path):
    """The same house with a rule."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/house.toml").write_text(HOT)
    await house.stop()
    house.rules = tmp_path / "rules"
    await house.start()
    return house


async def test_why_tells_rule_value_threshold_and_choice_of_a_move_and_who_wanted_the_rest(hot_house, asker):
    a = await hot_house.hub("hub-a", labels=["big"])
    await hot_house.hub("hub-b", labels=["big"])
    await hot_house.hub("hub-c")
    await hubs_online(asker, 3)
    await asker.ask("run", files={"washer.py": BIG}, hub="hub-a")
    a.measure(temperature=78.0)
    await asker.until(lambda: asker.told("moved washer from hub-a to hub-b"))
    await asker.ask("suspend", instance="washer")
    started, moved, suspended = await asker.ask("why", instance="washer")
    assert (started.did, started.by, started.place[:12]) == ("started washer on hub-a", "request", "it was named")
    assert (moved.did, moved.by) == ("moved washer from hub-a to hub-b", "rule hot")
    assert (moved.metric, moved.value, moved.threshold) == ("hub.temperature", 78.0, 75.0)
    assert "hub-a: " in moved.why
    assert "78 > 75" in moved.why
    assert moved.place.startswith("cpu 10 %, memory 30 %")
    assert moved.refused == {"hub-c": "has no label 'big'"}
    assert moved.downtime_ms > 0
    assert (suspended.did, suspended.by, suspended.why) == ("suspended washer", "request", "asked for by suspend")
    later = await asker.ask("why", instance="washer", since=suspended.at)
    assert [(row.did, row.earlier) for row in later] == [(moved.did, True), (suspended.did, False)]
    with pytest.raises(RefusedError, match="there is no instance 'washr'"):
        await asker.ask("why", instance="washr")


async def test_why_tells_what_a_rule_left_alone_and_why_it_failed(hot_house, asker):
    a = await hot_house.hub("hub-a")
    await hubs_online(asker, 1)
    await asker.ask("run", files={"washer.py": WASHER})
    await asker.ask("run", files={"washer.py": WASHER}, name="washer-old")
    a.measure(temperature=78.0)
    await asker.until(lambda: asker.told("stays on hub-a"))
    a.end("washer", "failed", error="Traceback ...\nValueError: no power")
    await a.until(lambda: a.got(commands.Noted))
    rows = await asker.ask("why", instance="washer")
    assert [row.did for row in rows] == [
        "started washer on hub-a",
        "migrate washer",
        "washer stays on hub-a",
        "washer failed; its last checkpoint is kept",
    ]
    assert (rows[1].by, rows[1].value) == ("rule hot", 78.0)
    assert rows[2].why.endswith("there is no other hub to move to: hub-a is the only one")
    assert (rows[3].why, rows[3].severity) == ("ValueError: no power", "problem")
    assert [row.did for row in await asker.ask("why", instance="washer-old")] == ["started washer-old on hub-a"]

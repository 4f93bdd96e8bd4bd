"""Places over a real broker: many at once do not pile up, and everybody can ask where a function could go."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from coordinator_house import WASHER, hubs_online, measured

from devices.errors import RefusedError
from devices.protocol.messages import InstanceUse

HUNGRY = WASHER.replace("@function", '@function(needs={"memory": "200MB"})')


async def test_functions_that_start_or_move_in_the_same_moment_do_not_all_go_to_one_hub(house, asker):
    a, b = await house.hub("hub-a"), await house.hub("hub-b")
    await hubs_online(asker, 2)
    ask = asker.ask
    started = await asyncio.gather(*(ask("run", files={"washer.py": HUNGRY}) for _ in range(8)))
    assert Counter(it.hub for it in started) == {"hub-a": 4, "hub-b": 4}  # 1 GB each, and a fifth of it for each
    for hub in (a, b):  # they use what they asked for: the promises are kept, and the hubs are full
        hub.measure(memory_available=10**8, instances={it: InstanceUse(cpu=1.0, memory=2 * 10**8) for it in hub.copies})
    c, d = await house.hub("hub-c"), await house.hub("hub-d")
    await hubs_online(asker, 4)
    moved = await asyncio.gather(*(ask("migrate", instance=it) for it in a.copies))
    assert Counter(it.destination for it in moved) == {"hub-c": 2, "hub-d": 2}
    assert c.copies
    assert d.copies


async def test_places_are_told_for_an_instance_a_function_and_a_file(house, asker, washer):
    a, _ = washer
    await measured(asker, a, cpu=60.0, mains=False, battery=50.0)
    told = await asker.ask("place", name="washer")
    assert (told.kind, told.best, told.verdict) == ("instance", "hub-b", "")
    best, other = told.hubs
    assert (best.hub, best.fits, best.here, best.points) == ("hub-b", True, False, 160.0)
    assert {part.part: part.points for part in other.parts} == {
        "cpu": 65.0, "memory": 70.0, "functions": 0.0, "power": -65.0, "stays": 15.0,
    }  # fmt: skip
    assert other.here
    bound = WASHER.replace("@function", '@function(needs={"device": "zigbee", "data": ["photos"]})')
    told = await asker.ask("place", files={"washer.py": bound})
    assert (told.kind, told.best, told.requires) == ("file", "", ["device zigbee", "data photos"])
    assert told.verdict == "no hub that is there has device 'zigbee', data 'photos'"
    assert told.hubs[0].unmet == ["has no device 'zigbee' attached", "offers no data 'photos'"]
    await asker.ask("run", files={"washer.py": WASHER}, name="dryer")
    await asker.ask("stop", instance="washer")
    assert [row.here for row in (await asker.ask("place", name="washer")).hubs] == [False, False]
    with pytest.raises(RefusedError, match="no instance or function 'wsher'") as refused:
        await asker.ask("place", name="wsher")
    assert "did you mean 'washer'" in (refused.value.remedy or "")

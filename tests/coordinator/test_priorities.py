"""A function that is more important finds room where others have to make it, and they go on when there is room again."""

from __future__ import annotations

import pytest
from coordinator_house import WASHER, hubs_online, measured
from test_placement import hub

from coordinator.placement.choice import NowhereError
from coordinator.placement.making_room import Plan, plan
from coordinator.placement.requirements import Requirements
from coordinator.placement.reservations import Size, Tenant
from devices.protocol.messages import InstanceUse
from devices.runtime.settings import Needs

MB = 10**6


def tenant(instance: str, where: str, priority: int, memory: int, **more) -> Tenant:
    return Tenant(instance, where, Size(memory * MB), priority, **more)


def wanted(memory: int, priority: int = 5, **needs) -> Requirements:
    return Requirements(Needs(memory=memory * MB, **needs), instance="new", priority=priority)


def planned(hubs, wants: Requirements, *tenants: Tenant) -> Plan | None:
    return plan(hubs, wants, {}, tenants, lambda *_: None)


FULL = [hub("a", memory_available=100 * MB), hub("b", memory_available=100 * MB)]


@pytest.mark.parametrize(
    ("tenants", "victims"),
    [
        ([tenant("x", "a", 0, 300), tenant("y", "b", -5, 300)], ("b", ("y",))),  # the least important one
        ([tenant("x", "a", 0, 150), tenant("y", "a", 0, 150), tenant("z", "b", 0, 300)], ("b", ("z",))),  # the fewest
        ([tenant("x", "a", -9, 10), tenant("y", "a", 0, 300)], ("a", ("y",))),  # not who would not help
        ([tenant("x", "a", 0, 150), tenant("y", "a", 1, 60)], ("a", ("x", "y"))),
        ([tenant("x", "a", 5, 300), tenant("y", "b", 6, 300)], None),  # nobody of the same priority, or a higher one
        ([tenant("x", "a", 0, 100)], None),  # not enough
        ([tenant("x", "a", 0, 300, moving=True)], None),
    ],
)
def test_the_least_important_and_the_fewest_make_room(tenants, victims):
    found = planned(FULL, wanted(300), *tenants)
    assert (found and (found.hub, found.victims)) == victims


def test_room_is_made_only_where_nothing_else_is_missing():
    hubs = [hub("a", memory_available=100 * MB), hub("b", memory_available=100 * MB, labels=["big"])]
    tenants = [tenant("x", "a", -9, 300), tenant("y", "b", 0, 300)]
    assert planned(hubs, wanted(300, labels=["big"]), *tenants) == Plan("b", ("y",))
    assert planned(hubs, wanted(300, labels=["gpu"]), *tenants) is None


HEAVY = WASHER.replace("@function", '@function(needs={"memory": "600MB"}, priority=5)')


async def test_who_made_room_goes_on_by_itself_when_there_is_room_again_and_not_before(house, asker):
    a = await house.hub("hub-a")
    await hubs_online(asker, 1)
    await asker.ask("run", files={"washer.py": WASHER}, name="light")
    use = {"light": InstanceUse(cpu=1.0, memory=500 * MB)}  # it asks for nothing, and uses that
    await measured(asker, a, cpu=11.0, memory_available=400 * MB, instances=use)
    with pytest.raises(NowhereError, match="400 MB of memory free, 600 MB are needed"):
        await asker.ask("run", files={"washer.py": HEAVY.replace("priority=5", "priority=0")}, name="equal")
    told = await asker.ask("place", files={"washer.py": HEAVY})
    assert (told.best, told.room) == ("", "hub-a, where light would be suspended for it")
    assert (await asker.ask("run", files={"washer.py": HEAVY}, name="heavy")).hub == "hub-a"
    (row,) = await asker.ask("ps", instance="light")
    assert (row.state, row.until) == ("suspended", "until there is room")
    assert asker.told("one of priority 5 needs its room on hub-a")
    use = {"heavy": InstanceUse(cpu=1.0, memory=100 * MB)}  # it has not taken all that it was promised yet
    await measured(asker, a, cpu=12.0, memory_available=800 * MB, instances=use)
    await house.coordinator._resumes.look()
    assert not house.coordinator._resumes._tasks
    await asker.ask("stop", instance="heavy")
    await measured(asker, a, cpu=13.0, memory_available=900 * MB)
    await a.until(lambda: a.copies["light"].epoch == 2)
    await asker.ask("run", files={"washer.py": HEAVY.replace("priority=5", "priority=0")}, name="equal")

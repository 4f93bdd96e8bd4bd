"""Loads are evened out when it is worth it, and what was moved stays: no ping-pong, whatever the loads do."""

from __future__ import annotations

import random

import pytest
from coordinator_house import WASHER, hubs_online, measured
from test_placement import hub

from coordinator.config import Balance
from coordinator.moves import balancing
from coordinator.placement.balance import Patience, Resident, better
from coordinator.placement.requirements import Requirements
from coordinator.placement.reservations import Promise, Size
from devices.protocol.messages import InstanceUse
from devices.runtime.settings import Needs

LEAST = 20.0


def resident(name: str, where: str, cpu: float, *, downtime: float = 0.1, needs: Needs | None = None) -> Resident:
    return Resident(Requirements(needs or Needs(), instance=name), where, Size(0, cpu), downtime)


def found(hubs, *residents: Resident):
    return better(hubs, residents, lambda _: {}, LEAST)


def test_the_function_that_evens_out_most_moves_to_where_it_is_best():
    hubs = [hub("a", cpu=90.0), hub("b", cpu=40.0), hub("c", cpu=10.0)]
    move = found(hubs, resident("small", "a", 0.2), resident("large", "a", 1.0), resident("other", "b", 0.5))
    assert (move.instance, move.source, move.destination) == ("large", "a", "c")
    assert round(move.gain) == 39  # 80 points freer, 25 for itself, 15 for staying, a tenth of a second
    assert move.why.startswith("c is better for it by 39 points, 0.1 s of standstill taken off: a: cpu 90 %")


@pytest.mark.parametrize(
    ("hubs", "one"),
    [
        (
            [hub("a", cpu=50.0), hub("b", cpu=20.0)],
            resident("x", "a", 0.1),
        ),  # 30 points less 15 and its own are too few
        ([hub("a", cpu=90.0), hub("b", cpu=10.0)], resident("x", "a", 2.0)),  # it would take the load along
        (
            [hub("a", cpu=90.0), hub("b", cpu=10.0)],
            resident("x", "a", 0.1, downtime=6.0),
        ),  # it would stand still for long
        ([hub("a", cpu=90.0), hub("b", cpu=10.0)], resident("x", "a", 0.1, needs=Needs(labels=["big"]))),
        ([hub("a", cpu=90.0), hub("b", cpu=10.0, offers={"cost": 0.1})], resident("x", "a", 0.1)),
        ([hub("a", cpu=90.0), hub("b", cpu=10.0, state="draining")], resident("x", "a", 0.1)),
        ([hub("a", cpu=90.0)], resident("x", "a", 0.1)),
    ],
)
def test_what_gains_too_little_or_fits_nowhere_stays(hubs, one):
    assert found(hubs, one) is None


def test_a_function_comes_home_from_a_hub_that_costs():
    move = found([hub("rented", offers={"cost": 0.1}), hub("home", cpu=95.0)], resident("x", "rented", 0.1))
    assert move.destination == "home"


def test_a_peak_is_no_reason_to_move():
    patience, move = Patience(180.0), found([hub("a", cpu=90.0), hub("b")], resident("x", "a", 0.1))
    assert not patience.over(move, 0.0)
    assert not patience.over(move, 170.0)
    assert not patience.over(None, 175.0)
    assert not patience.over(move, 180.0)
    assert not patience.over(move, 359.0)
    assert patience.over(move, 360.0)


def test_under_noise_loads_get_even_and_nothing_goes_back_and_forth():
    chance = random.Random(7)
    cpu = {f"f{number}": chance.uniform(0.05, 0.6) for number in range(30)}
    where = dict.fromkeys(cpu, "a")
    paths = {name: ["a"] for name in cpu}
    moved: dict[str, list[float]] = {name: [] for name in cpu}
    patience, hubs = Patience(180.0), {name: hub(name) for name in "abcd"}

    def busy(name: str) -> float:
        return 25 * sum(cpu[it] for it, its in where.items() if its == name)  # four cores

    for at in range(0, 28_800, 60):
        for name, it in hubs.items():
            it.metrics.cpu = min(100.0, max(0.0, busy(name) + chance.gauss(0, 1.5)))
        rested = [name for name in cpu if not moved[name] or at - moved[name][-1] >= 1800]
        counts = {name: Promise(functions=sum(its == name for its in where.values())) for name in hubs}
        recent = sum(1 for times in moved.values() for then in times if at - then < 3600)
        move = better(
            list(hubs.values()),
            [resident(name, where[name], cpu[name]) for name in rested],
            lambda but, counts=counts: counts | {where[but]: Promise(counts[where[but]].functions - 1)},
            LEAST,
        )
        if patience.over(move, at) and recent < 6:
            patience.begins_anew()
            where[move.instance] = move.destination
            paths[move.instance].append(move.destination)
            moved[move.instance].append(at)
    loads = [busy(name) for name in hubs]
    assert max(loads) - min(loads) < 40
    assert all(len(set(path)) == len(path) for path in paths.values())  # nothing comes back to where it was
    assert max(times[-1] for times in moved.values() if times) < 4 * 3600  # then it is quiet


async def test_one_function_moves_by_itself_to_a_hub_that_is_freer_and_says_why(house, asker, monkeypatch):
    monkeypatch.setattr(balancing, "EVERY", 0.1)
    house.balance = Balance(moves=1, gain=20.0, hold=0.0, rests=0.0)
    await house.stop()
    await house.start()
    a = await house.hub("hub-a")
    await hubs_online(asker, 1)
    for name in ("one", "two", "three"):
        await asker.ask("run", files={"washer.py": WASHER}, name=name)
    await asker.ask("pause")
    b = await house.hub("hub-b")
    await hubs_online(asker, 2)
    use = {name: InstanceUse(cpu=100.0, memory=10**7) for name in ("one", "two", "three")}
    await measured(asker, a, cpu=100.0, instances=use)
    await measured(asker, b, cpu=5.0)
    await house.coordinator._balancing.look()
    assert house.coordinator._balancing._task is None  # it is paused
    await asker.ask("pause", off=True)
    (event,) = await asker.until(lambda: asker.told("hub-b is better for it by"))
    assert event.did == f"moved {event.instance} from hub-a to hub-b"
    if (task := house.coordinator._balancing._task) is not None:
        await task
    await house.coordinator._balancing.look()
    assert house.coordinator._balancing._task is None  # one an hour
    assert len(b.copies) == 1

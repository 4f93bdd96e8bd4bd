"""Where a function may run, where it should, and why in words."""

from __future__ import annotations

import pytest

from coordinator.ingest.hubs import Hub
from coordinator.placement.choice import NowhereError, choose, rank
from coordinator.placement.requirements import Requirements, nobody_meets, why_not
from coordinator.placement.reservations import Promise
from devices.errors import RefusedError
from devices.protocol.messages import HubInfo, HubMetrics, InstanceUse
from devices.runtime.settings import Needs

NOTHING = Requirements()


class Some:
    """Hubs without a store behind them."""

    def __init__(self, *hubs: Hub) -> None:
        self._hubs = {hub.name: hub for hub in hubs}

    def every(self):
        return list(self._hubs.values())

    def known(self, name):
        return name in self._hubs

    def __getitem__(self, name):
        return self._hubs[name]


def hub(
    name: str, *, state: str = "online", cpu: float = 10.0, labels=(), packages=None, offers=None, **metrics
) -> Hub:
    info = HubInfo(
        hub=name, version="", arch="", cores=4, memory=10**9, python="3.11", engines=["python"], labels=list(labels),
        packages=packages or {}, **(offers or {}),
    )  # fmt: skip
    fields = {"load": 0.1, "memory": 30.0, "memory_available": 10**9, "swap": 0.0, "disk": 10.0} | metrics
    return Hub(name, info=info, metrics=HubMetrics(cpu=cpu, **fields), state=state)


@pytest.mark.parametrize(
    ("one", "needs", "reason"),
    [
        (hub("a"), Needs(), ""),
        (hub("a", state="offline"), Needs(), "is offline"),
        (hub("a", state="draining"), Needs(), "is draining: it takes nothing new"),
        (hub("a"), Needs(labels=["big"]), "has no label 'big'"),
        (hub("a", labels=["big"]), Needs(labels=["big"]), ""),
        (hub("a"), Needs(packages=["pillow>=10"]), "has no package pillow"),
        (hub("a", packages={"Pillow": "9.5.0"}), Needs(packages=["pillow>=10"]), "has pillow 9.5.0, >=10 is needed"),
        (hub("a", packages={"Pillow": "10.0.1"}), Needs(packages=["pillow>=10,<11"]), ""),
        (hub("a", packages={"some_thing": "1.4"}), Needs(packages=["Some-Thing~=1.2"]), ""),
        (hub("a", packages={"some_thing": "2.0"}), Needs(packages=["Some-Thing~=1.2"]), "has Some-Thing 2.0, ~=1.2 is needed"),
        (hub("a", packages={"x": "1.4.2"}), Needs(packages=["x==1.4.*"]), ""),
        (hub("a", packages={"x": "1.0"}), Needs(packages=["x==1"]), ""),
        (hub("a", packages={"x": "1"}), Needs(packages=["what is this"]), "cannot be judged: 'what is this' is no requirement"),
        (hub("a", memory_available=10**8), Needs(memory=3 * 10**8), "has 100 MB of memory free, 300 MB are needed"),
        (hub("a", offers={"functions_memory": 2 * 10**8}), Needs(memory=3 * 10**8), "lets functions use 200 MB of memory, 200 MB are left, 300 MB are needed"),
        (hub("a", cpu=50.0), Needs(cpu=2.0), ""),
        (hub("a", cpu=80.0), Needs(cpu=2.0), "has 0.8 of 4 cores free, 2 are needed"),
        (hub("a", offers={"functions_cpu": 1.0}), Needs(cpu=2.0), "lets functions use 1 core, 1 is left, 2 are needed"),
        (hub("a"), Needs(device=["zigbee"]), "has no device 'zigbee' attached"),
        (hub("a", offers={"devices": ["zigbee", "/dev/ttyUSB0"]}), Needs(device=["zigbee", "/dev/ttyUSB0"]), ""),
        (hub("a"), Needs(data=["photos"]), "offers no data 'photos'"),
        (hub("a", offers={"data": {"photos": "r"}}), Needs(data=["photos"]), ""),
    ],
)  # fmt: skip
def test_a_hub_that_does_not_fit_says_why(one, needs, reason):
    assert why_not(one, Requirements(needs)) == reason


def test_a_function_under_a_permission_package_fits_only_where_one_names_it():
    under = Requirements(granted=frozenset(["a"]))
    assert why_not(hub("a"), under) == ""
    assert why_not(hub("b"), under) == "has no permission package that names it as a task"


def test_a_hub_without_the_engine_does_not_fit():
    assert why_not(hub("a"), Requirements(engine="process")) == "has no engine 'process'"


@pytest.mark.parametrize(
    ("there", "then", "needs", "reason"),
    [
        ("10.4.0", "10.1.0", [], ""),
        ("10.1.0", "10.4.0", [], ""),
        ("11.0.0", "10.4.0", [], "has pillow 11.0.0, the function was stopped with 10.4.0"),
        ("0.4.1", "0.4.9", [], ""),
        ("0.5.0", "0.4.9", [], "has pillow 0.5.0, the function was stopped with 0.4.9"),
        ("11.0.0", "10.4.0", ["Pillow>=10"], ""),
        ("9.0", "10.4.0", ["pillow>=10"], "has pillow 9.0, >=10 is needed"),
        ("2024b", "2024b", [], ""),
        ("home-made", "home made", [], "has pillow home-made, the function was stopped with home made"),
        (None, "10.4.0", [], "has no package pillow"),
    ],
)
def test_a_hub_must_have_what_the_checkpoint_was_made_with(there, then, needs, reason):
    one = hub("a", packages={} if there is None else {"Pillow": there})
    assert why_not(one, Requirements(Needs(packages=needs), packages={"pillow": then})) == reason


def test_a_hub_whose_list_of_packages_is_cut_is_not_judged_by_it():
    one = hub("a", packages={"aaa": "1"})
    one.info.packages_left_out = 1
    assert why_not(one, Requirements(Needs(packages=["pillow"]))) == ""


def test_the_freer_and_cooler_hub_is_better():
    places = rank([hub("busy", cpu=90.0), hub("hot", temperature=75.0), hub("free")], NOTHING, {})
    assert [place.hub for place in places] == ["free", "hot", "busy"]
    assert places[0].why == "cpu 10 %, memory 30 %, no functions"
    assert "75 °C" in places[1].why


def test_equal_hubs_do_not_play_ping_pong():
    both = [hub("a"), hub("b")]
    assert rank(both, NOTHING, {}, here="b")[0].hub == "b"
    assert rank(both, NOTHING, {})[0].hub == "a"


def test_what_was_promised_to_a_hub_counts_against_it():
    both = [hub("a"), hub("b")]
    assert rank(both, NOTHING, {"a": Promise(functions=3)})[0].hub == "b"
    assert rank(both, NOTHING, {"a": Promise(memory=10**8)})[0].hub == "b"
    assert rank(both, NOTHING, {"a": Promise(cpu=0.5)})[0].hub == "b"
    large = Requirements(Needs(memory=8 * 10**8, cpu=2.0))
    assert why_not(hub("a"), large, Promise(memory=3 * 10**8)) == (
        "has 700 MB of memory free beside the 300 MB that others were promised, 800 MB are needed"
    )
    assert why_not(hub("a"), large, Promise(cpu=2.0)) == (
        "has 1.6 of 4 cores free beside the 2 that others were promised, 2 are needed"
    )


def test_what_a_function_uses_where_it_is_is_free_for_it_there():
    one = hub("a", cpu=90.0, memory_available=10**8, instances={"x": InstanceUse(cpu=300.0, memory=4 * 10**8)})
    needs = Needs(memory=4 * 10**8, cpu=3.0)
    assert why_not(one, Requirements(needs, instance="x")) == ""
    assert why_not(one, Requirements(needs, instance="y")) != ""


def test_each_part_of_the_sum_is_told():
    one = hub("a", cpu=20.0, mains=False, battery=30.0, temperature=70.0, offers={"cost": 0.5})
    for second in range(0, 300, 5):
        one.course.add(20.0 + second / 10, second)
    one.heard = 295.0
    (place,) = rank([one], NOTHING, {"a": Promise(functions=2, memory=10**8)}, here="a")
    parts = {part.name: round(part.points) for part in place.parts}
    assert parts.pop("cpu") == 53
    assert parts == {
        "memory": 60, "functions": -6, "temperature": -20, "power": -75, "trend": -16, "stays": 15, "cost": -1500,
    }  # fmt: skip
    assert place.points == pytest.approx(sum(part.points for part in place.parts))
    assert place.why == (
        "cpu 47 %, memory 30 % and 10 % promised, 2 functions, 70 °C, on battery 30 %, cpu rising, it is there already, "
        "costs 0.5 an hour"
    )


def test_a_hub_that_costs_is_taken_when_nothing_at_home_fits_and_then_the_cheapest():
    worst = hub("home", cpu=99.0, memory=99.0, temperature=95.0, mains=False, battery=1.0)
    rented, friends = hub("rented", offers={"cost": 0.12}), hub("friends", cpu=90.0, offers={"cost": 0.01})
    places = [place.hub for place in rank([rented, friends, worst], NOTHING, {"home": Promise(functions=20)})]
    assert places == ["home", "friends", "rented"]
    rented.info.labels = ["gpu"]
    assert choose(Some(rented, worst), Requirements(Needs(labels=["gpu"])), {}).hub == "rented"


def test_a_hub_on_battery_is_the_last_choice():
    places = rank([hub("a", mains=False, battery=80.0), hub("b")], NOTHING, {})
    assert [place.hub for place in places] == ["b", "a"]
    assert "on battery 80 %" in places[1].why


def test_a_hub_that_is_no_better_off_than_the_one_that_is_left_is_shunned():
    wanted = Requirements(shuns={"b": "is no better off: rule hot"})
    assert choose(Some(hub("a"), hub("b"), hub("c", cpu=90.0)), wanted, {}, leaving="a").hub == "c"
    with pytest.raises(NowhereError, match=r"no other hub to move to: b is no better off: rule hot"):
        choose(Some(hub("a"), hub("b")), wanted, {}, leaving="a")


def test_nowhere_names_each_hub_and_its_reason():
    hubs = Some(hub("a"), hub("b", state="offline"), hub("c", labels=["x"]))
    with pytest.raises(NowhereError, match=r"no other hub to move to: b is offline; c has no label 'big'"):
        choose(hubs, Requirements(Needs(labels=["big"])), {}, leaving="a")


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (Needs(labels=["big"]), ""),
        (Needs(labels=["gpu"]), "no hub that is there has label 'gpu' (only attic, away)"),
        (Needs(data=["films"], memory=10**10), "no hub that is there has data 'films', 10000 MB of memory"),
        (Needs(labels=["big"], device=["zigbee"]), "no hub has all at once: label 'big' (nas), device 'zigbee' (pi)"),
    ],
)
def test_a_contradictory_placement_says_which_requirement_no_hub_meets(needs, said):
    attic = hub("attic", state="offline", labels=["gpu"])
    hubs = [hub("nas", labels=["big"]), hub("pi", offers={"devices": ["zigbee"]}), attic]
    assert nobody_meets(hubs, Requirements(needs), {}) == said
    if said:
        with pytest.raises(NowhereError) as nowhere:
            choose(Some(*hubs), Requirements(needs), {})
        assert nowhere.value.remedy == said


def test_a_named_hub_is_taken_or_refused_with_its_reason():
    hubs = Some(hub("nas"), hub("attic", state="offline"))
    assert choose(hubs, NOTHING, {}, named="nas").hub == "nas"
    with pytest.raises(RefusedError, match="attic cannot take it: attic is offline"):
        choose(hubs, NOTHING, {}, named="attic")
    with pytest.raises(RefusedError, match="did you mean 'attic'"):
        choose(hubs, NOTHING, {}, named="atic")

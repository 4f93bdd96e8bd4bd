"""From a firing to intents: who is chosen, what is left undone and why."""

from __future__ import annotations

import pytest

from coordinator.intents import Checkpoint, Migrate, Resume, Stop, Suspend
from coordinator.rules.actions import RUNS, Actions, Candidate
from coordinator.rules.expression import compile_condition
from coordinator.rules.names import Names
from coordinator.rules.rule import Firing, Rule
from devices.conditions.limit import Limit

BATCH = frozenset({"batch"})
INSTANCES = [
    Candidate(instance="dryer", hub="hub-a", state="running", cpu=5, memory=2, priority=3),
    Candidate(instance="photos", hub="hub-a", state="running", labels=BATCH, cpu=30, memory=4, priority=-10),
    Candidate(instance="washer", hub="hub-a", state="running", cpu=20, memory=6, priority=-5),
    Candidate(instance="boiler", hub="hub-b", state="running", labels=BATCH),
    Candidate(instance="lamp", hub="hub-a", state="suspended", labels=BATCH),
    Candidate(instance="gate", hub="hub-a", state="moving"),
]


def actions(**options) -> Actions:
    return Actions(lambda: INSTANCES, **options)


def firing(subject: str = "hub-a", at: float = 0.0, value: float = 78.0, **rule) -> Firing:
    text, elsewhere = rule.pop("when", "hub.temperature > 75"), rule.pop("elsewhere", ())
    topic = rule.get("topic", "")
    when = compile_condition(text, Names(topic))
    scope = when.scope
    return Firing(
        rule=Rule(name="hot", when=when, **rule),
        subject=subject,
        hub="" if scope == "topic" else "hub-a",
        instance=subject if scope == "instance" else "",
        value=value,
        held=0.0,
        at=at,
        elsewhere=elsewhere,
    )


def names(decision) -> list[str]:
    return [intent.instance for intent in decision.intents]


@pytest.mark.parametrize(
    ("which", "chosen"),
    [
        ("most cpu", ["photos"]),
        ("lowest priority", ["photos"]),
        ("all", ["dryer", "photos", "washer"]),
        ("label:batch", ["photos"]),
        ("washer", ["washer"]),
        ("boiler", []),
        ("nobody", []),
    ],
)
def test_a_rule_on_a_hub_chooses_among_what_runs_there(which, chosen):
    assert names(actions().decide(firing(do=("migrate",), which=which))) == chosen


def test_a_rule_on_an_instance_acts_on_it_alone():
    decision = actions().decide(firing("washer", when="instance.cpu > 90", do=("suspend",)))
    assert names(decision) == ["washer"]


@pytest.mark.parametrize(("hubs", "chosen"), [((), ["photos", "boiler"]), (("hub-b",), ["boiler"]), (("hub-c",), [])])
def test_a_rule_on_a_topic_chooses_everywhere_or_on_its_hubs(hubs, chosen):
    fired = firing("x", when="payload > 1", topic="x", do=("suspend",), which="label:batch", hubs=hubs)
    assert names(actions().decide(fired)) == chosen


def test_intents_say_who_wants_them_and_why():
    decision = actions().decide(firing(do=("checkpoint", "migrate"), to="hub-b"))
    why = "hub-a: hub.temperature 78 > 75"
    assert decision.intents == [
        Checkpoint(by="rule hot", why=why, instance="photos"),
        Migrate(by="rule hot", why=why, instance="photos", hub="hub-b"),
    ]
    assert decision.left == []


def test_resume_chooses_what_is_suspended_and_suspend_what_runs():
    assert actions().decide(firing(do=("resume",), which="all")).intents == [
        Resume(by="rule hot", why="hub-a: hub.temperature 78 > 75", instance="lamp")
    ]
    assert isinstance(actions().decide(firing(do=("suspend",))).intents[0], Suspend)


def test_a_rule_that_only_tells_wants_nothing():
    decision = actions().decide(firing())
    assert (decision.intents, decision.left) == ([], [])


def test_when_nobody_can_be_chosen_the_decision_says_so():
    decision = actions().decide(firing(do=("migrate",), which="boiler"))
    assert decision.left == ["migrate: there is no running instance that is 'boiler' on hub-a"]
    gone = actions().decide(firing("gate", when="instance.cpu > 90", do=("suspend",)))
    assert gone.left == ["suspend: gate is not running"]


def test_who_is_where_it_should_go_stays_without_using_up_a_move():
    acting = actions(moves=Limit(1))
    assert acting.decide(firing(do=("migrate",), to="hub-a")).left == ["photos is at hub-a already"]
    assert names(acting.decide(firing(do=("migrate",)))) == ["photos"]


def test_rules_move_an_instance_four_times_an_hour_and_then_leave_it():
    acting = actions()
    moved = [names(acting.decide(firing(do=("migrate",), which="washer", at=at))) for at in range(0, 360, 60)]
    assert moved == [["washer"]] * 4 + [[]] * 2
    assert "washer stays" in acting.decide(firing(do=("migrate",), which="washer", at=400)).left[0]
    assert names(acting.decide(firing(do=("migrate",), which="dryer", at=400))) == ["dryer"]
    assert names(acting.decide(firing(do=("migrate",), which="washer", at=3660))) == ["washer"]


@pytest.mark.parametrize(
    ("when", "value", "which", "chosen"),
    [
        ("hub.cpu > 80", 90, "most cpu", ["photos"]),
        ("hub.cpu > 80", 115, "most cpu", ["photos", "washer"]),
        ("hub.cpu > 80", 1000, "most cpu", ["photos", "washer", "dryer"]),
        ('avg(hub.cpu, "5m") > 80', 131, "lowest priority", ["photos", "washer", "dryer"]),
        ('forecast(hub.memory, "10m") > 92', 97, "lowest priority", ["photos", "washer"]),
        ("hub.temperature > 75", 200, "most cpu", ["photos"]),
        ("hub.cpu > 80 && hub.memory > 1", 1, "most cpu", ["photos"]),
    ],
)
def test_as_many_are_chosen_as_it_takes_until_the_metric_is_expected_below_the_threshold(when, value, which, chosen):
    assert names(actions().decide(firing(when=when, value=value, do=("migrate",), which=which))) == chosen


def test_what_uses_nothing_is_not_moved_to_cool_a_hub_that_is_busy_with_something_else():
    idle = [Candidate(instance=f"idle-{number}", hub="hub-a", state="running") for number in range(5)]
    acting = Actions(lambda: idle)
    assert names(acting.decide(firing(when="hub.cpu > 80", value=100, do=("migrate",)))) == ["idle-0"]


def test_a_rule_says_itself_how_often_it_may_move_an_instance():
    acting = actions()
    decided = [acting.decide(firing(do=("migrate",), which="washer", moves=Limit(1, "day"), at=at)) for at in (0, 7200)]
    assert [names(decision) for decision in decided] == [["washer"], []]
    assert decided[1].left == ["washer stays: rules have moved it 1 times in a day"]
    assert names(acting.decide(firing(do=("migrate",), which="washer", at=7300))) == ["washer"]


def test_suspending_counts_as_a_move_and_resuming_never_is_refused():
    acting = actions(moves=Limit(2))
    suspended = [names(acting.decide(firing(do=("suspend",), which="washer", at=at))) for at in range(4)]
    assert suspended == [["washer"], ["washer"], [], []]
    assert [names(acting.decide(firing(do=("resume",), which="all", at=at))) for at in range(9)] == [["lamp"]] * 9


def test_stop_ends_what_is_chosen_in_whatever_state_it_is():
    decision = actions().decide(firing(do=("stop",), which="label:batch"))
    assert decision.intents == [
        Stop(by="rule hot", why="hub-a: hub.temperature 78 > 75", instance=name) for name in ("photos", "lamp")
    ]


def test_a_rule_starts_functions_within_bounds():
    acting = actions()
    ran = [acting.decide(firing(do=("run",), at=at)).runs for at in range(RUNS.times + 5)]
    assert ran == [True] * RUNS.times + [False] * 5


def test_a_hot_hub_gives_nothing_to_another_hot_one():
    fired = firing(do=("migrate",), elsewhere=("hub-b",))
    (intent,) = actions().decide(fired).intents
    assert intent.shuns == {"hub-b": "is no better off: rule hot"}

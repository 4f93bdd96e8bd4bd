"""From a firing to intents: who is chosen, what is left undone and why."""

from __future__ import annotations

import pytest

from coordinator.facts import Facts
from coordinator.intents import Checkpoint, Migrate, Resume, Suspend
from coordinator.rules.actions import HOUR, Actions, Candidate
from coordinator.rules.expression import compile_condition
from coordinator.rules.names import Names
from coordinator.rules.rule import Firing, Rule
from devices.protocol.messages import HubMetrics, InstanceUse

INSTANCES = [
    Candidate(instance="dryer", hub="hub-a", state="running"),
    Candidate(instance="photos", hub="hub-a", state="running", labels=frozenset({"batch"})),
    Candidate(instance="washer", hub="hub-a", state="running"),
    Candidate(instance="boiler", hub="hub-b", state="running", labels=frozenset({"batch"})),
    Candidate(instance="lamp", hub="hub-a", state="suspended", labels=frozenset({"batch"})),
    Candidate(instance="gate", hub="hub-a", state="moving"),
]


def actions(**options) -> Actions:
    facts = Facts()
    uses = {"dryer": 5.0, "photos": 97.0, "washer": 20.0}
    instances = {name: InstanceUse(cpu=cpu, memory=1) for name, cpu in uses.items()}
    metrics = HubMetrics(cpu=1, load=0, memory=1, memory_available=1, swap=0, disk=0, instances=instances)
    facts.hub("hub-a", metrics, 0)
    return Actions(facts, lambda: INSTANCES, **options)


def firing(subject: str = "hub-a", at: float = 0.0, **rule) -> Firing:
    text = rule.pop("when", "hub.temperature > 75")
    topic = rule.get("topic", "")
    when = compile_condition(text, Names(topic))
    scope = when.scope
    return Firing(
        rule=Rule(name="hot", when=when, **rule),
        subject=subject,
        hub="" if scope == "topic" else "hub-a",
        instance=subject if scope == "instance" else "",
        value=78.0,
        held=0.0,
        at=at,
    )


def names(decision) -> list[str]:
    return [intent.instance for intent in decision.intents]


@pytest.mark.parametrize(
    ("which", "chosen"),
    [
        ("most cpu", ["photos"]),
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
    acting = actions(moves=1)
    assert acting.decide(firing(do=("migrate",), to="hub-a")).left == ["photos is at hub-a already"]
    assert names(acting.decide(firing(do=("migrate",)))) == ["photos"]


def test_rules_move_an_instance_four_times_an_hour_and_then_leave_it():
    acting = actions()
    moved = [names(acting.decide(firing(do=("migrate",), which="washer", at=at))) for at in range(0, 360, 60)]
    assert moved == [["washer"]] * 4 + [[]] * 2
    assert "washer stays" in acting.decide(firing(do=("migrate",), which="washer", at=400)).left[0]
    assert names(acting.decide(firing(do=("migrate",), which="dryer", at=400))) == ["dryer"]
    assert names(acting.decide(firing(do=("migrate",), which="washer", at=HOUR + 60))) == ["washer"]

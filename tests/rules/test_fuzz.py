"""Rules of any kind over whatever comes: nothing crashes, each error is its own rule's, and others do not notice."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from rules_judged import clock

from coordinator.facts import Facts
from coordinator.rules.actions import Actions, Candidate
from coordinator.rules.evaluation import FIRINGS, Evaluation
from coordinator.rules.rule import Firing, Recovery
from coordinator.rules.table import Table
from devices.errors import ConfigurationError
from devices.protocol.messages import HubMetrics, InstanceUse

CONTROL = {
    "loud": {"topic": "house/{room}/power", "when": "payload > 100", "clear": "payload < 50", "cooldown": 0},
    "hot": {"when": "hub.temperature > 70", "for": "10s", "do": "migrate", "cooldown": 0},
}
SIDES = (
    *("payload", "payload.a", "payload.a.b[0]", 'payload["x y"]', "topic.room", "now.hour", "value", "hub.cpu"),
    *("hub.temperature", "instance.cpu", 'avg(payload.a, "30s")', 'max(hub.cpu, "1m")', 'rate(payload, "10s")'),
    *('forecast(payload, "10s")', 'forecast(hub.memory, "10m")', "since(payload.a)", 'count(payload, "1m")'),
)
TAILS = (*("> 1", "< 0", ">= 1e9", "<= -1", '== "on"', "!= true", "> 90%", '.contains("o")', "in [1, 2]"), "/ 0 > 1")
conditions = st.builds(
    lambda parts, joint: joint.join(parts),
    st.lists(st.builds("{} {}".format, st.sampled_from(SIDES), st.sampled_from(TAILS)), min_size=1, max_size=2),
    st.sampled_from((" && ", " || ", " + ")),
)
durations = st.sampled_from(("0s", "1s", "10s", "1m"))
tables = st.fixed_dictionaries(
    {"when": conditions},
    optional={
        "topic": st.sampled_from(("house/{room}/power", "house/#", "#", "house/kitchen/power", "+/+/power")),
        "value": st.sampled_from(("a", "a.b[0]", "")),
        "clear": conditions,
        "resume": conditions,
        "for": durations,
        "cooldown": durations,
        "quiet": st.sampled_from(("00:00-00:10", "22:00-07:00", "25:00-1")),
        "do": st.sampled_from(("migrate", "suspend", "resume", "stop", "checkpoint", ["checkpoint", "migrate"])),
        "which": st.sampled_from(("most cpu", "lowest priority", "all", "label:batch", "washer")),
        "hubs": st.sampled_from(("a", ["a", "b"])),
        "limit": st.sampled_from(("1 per hour", "0 per day", "many")),
        "publish": st.just({"topic": "t/${subject}", "text": "${payload.a} ${value} ${topic.room} $$"}),
    },
)
silences = st.fixed_dictionaries(
    {"silent": durations, "topic": st.sampled_from(("house/+/power", "house/kitchen/power"))}
)
json = st.recursive(
    st.sampled_from(("null", "true", '"on"', '"12,5"', '"7"', "1e400", "-3", "2.5", "150", "NaN")),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda them: f"[{','.join(them)}]")
        | st.builds('{{"{}":{}}}'.format, st.sampled_from(("a", "b", "x y")), inner)
    ),
    max_leaves=4,
).map(str.encode)
payloads = json | st.binary(max_size=20) | st.sampled_from((b"", b"150", b"20", b"\0", b"[" * 40))
topics = st.sampled_from(("house/kitchen/power", "house/attic/power", "house/x", "other"))
numbers = st.floats(-50, 150)
happenings = st.one_of(
    st.tuples(st.just("say"), topics, payloads, st.booleans()),
    st.tuples(st.just("say"), topics, payloads, st.just(False)),
    st.tuples(st.just("measure"), st.sampled_from(("a", "b")), numbers, st.none() | numbers),
    st.tuples(st.sampled_from(("passed", "deaf", "gone", "ended"))),
)


class House:
    """Facts, some rules, and what became of them."""

    def __init__(self, rules) -> None:
        self.fired: list[Firing] = []
        self.recovered: list[Recovery] = []
        self.live = True
        self.facts = Facts()
        awaited = {rule.name: {"a", "house/kitchen/power", "washer"} for rule in rules}
        self.evaluation = Evaluation(
            rules, self.facts, self._fire, calendar=clock, recover=self.recovered.append, awaited=awaited
        )
        candidates = [
            Candidate(instance="washer", hub="a", state="running", labels=frozenset({"batch"}), cpu=40.0, memory=9.0),
            Candidate(instance="dryer", hub="b", state="suspended"),
        ]
        self.actions = Actions(lambda: candidates)

    def _fire(self, firing: Firing) -> None:
        assert self.live, f"{firing.why}, on a retained message"
        self.fired.append(firing)
        assert firing.why
        self.actions.decide(firing)

    def happens(self, what: str, *told, at: float) -> None:
        match what, *told:
            case "say", topic, payload, retained:
                self.live = not retained
                self.facts.telemetry(topic, payload, 0, retained, at)
                self.live = True
            case "measure", hub, number, temperature:
                use = {"washer": InstanceUse(cpu=abs(number), memory=10**6)} if number > 0 else {}
                metrics = HubMetrics(
                    cpu=abs(number), load=0, memory=min(100, abs(number)), memory_available=10**9, swap=0, disk=0,
                    temperature=temperature, instances=use,
                )  # fmt: skip
                self.facts.hub(hub, metrics, at)
            case ("passed",):
                self.facts.passed(at)
            case ("deaf",):
                self.facts.deaf()
            case ("gone",):
                self.facts.hub_gone("a")
            case ("ended",):
                self.facts.instance_gone("washer")

    def of(self, name: str) -> list[tuple[str, float, float]]:
        return [(firing.subject, firing.at, firing.value) for firing in self.fired if firing.rule.name == name]


def rule(name: str, table: dict):
    try:
        return Table("fuzz.toml", "", name, table, Path()).rule()
    except ConfigurationError:
        return None


@settings(max_examples=120, deadline=None)
@given(
    st.lists(tables | silences, max_size=4),
    st.lists(st.tuples(happenings, st.sampled_from((0.0, 1.0, 11.0, 70.0))), max_size=30),
)
def test_any_rules_judge_whatever_comes_and_leave_the_others_as_they_are(made, events):
    control = [rule(name, table) for name, table in CONTROL.items()]
    assert None not in control
    odd = [found for number, table in enumerate(made) if (found := rule(f"odd-{number}", table)) is not None]
    alone, together = House(control), House([*odd, *control])
    at = 0.0
    for event, step in events:
        at += step
        alone.happens(*event, at=at)
        together.happens(*event, at=at)
    for name in CONTROL:
        assert together.of(name) == alone.of(name)
    for name, state in together.evaluation.states.items():
        assert bool(state.errors) == bool(state.error), "an error is told, and its rule is named"
        assert state.fired == len(together.of(name)) <= FIRINGS * len(events) + 1


def test_the_fuzz_speaks_of_rules_that_are_in_force():
    texts = [f"{side} {tail}" for side in SIDES for tail in TAILS]
    tables = [{"when": text, "topic": "house/{room}/power"} for text in texts] + [{"when": text} for text in texts]
    assert sum(rule("odd", table) is not None for table in tables) > 100


def test_each_error_is_counted_by_the_rule_whose_condition_cannot_be_judged():
    bad = rule("bad", {"topic": "house/{room}/power", "when": 'payload.a > 1 || payload.a == "on"'})
    good = rule("good", {"topic": "house/{room}/power", "when": "payload.a > 1", "cooldown": 0})
    house = House([bad, good])
    for number in range(20):
        house.happens("say", "house/attic/power", b'{"a":"hot"}', False, at=number)
    states = house.evaluation.states
    assert (states["bad"].errors, states["good"].errors) == (20, 0)
    assert states["good"].missing.total() == 20
    house.happens("say", "house/attic/power", b'{"a":2}', False, at=30)
    assert [firing.rule.name for firing in house.fired] == ["bad", "good"]

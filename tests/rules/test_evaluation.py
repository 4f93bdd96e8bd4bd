"""From facts to firings: each hub, instance and topic apart, on news alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_judged import Judged

from coordinator.facts import Facts
from coordinator.rules import evaluation
from coordinator.rules.evaluation import FIRINGS
from devices.protocol import limits
from devices.protocol.readings import NoNumber

HOT = '[hot]\nwhen = "hub.temperature > 75"\nclear = "hub.temperature < 65"\ncooldown = 0\n'
POWER = '[power]\ntopic = "tele/{plug}/SENSOR"\nwhen = "payload.ENERGY.Power > 2000"\ncooldown = 0\n'


def test_a_hub_over_its_threshold_fires_once_with_its_value(tmp_path):
    judged = Judged(tmp_path, HOT + 'for = "20s"')
    for at, temperature in [(0, 70), (5, 76), (10, 78), (25, 79), (30, 80)]:
        judged.hub("hub-a", at, temperature=temperature)
    (firing,) = judged.fired
    assert (firing.hub, firing.subject, firing.instance) == ("hub-a", "hub-a", "")
    assert (firing.value, firing.rule.when.threshold, firing.at, firing.held) == (79, 75, 25, 20)
    assert firing.why == "hub-a: hub.temperature 79 > 75 for 20s"


def test_a_firing_tells_which_other_hubs_are_no_better_off(tmp_path):
    judged = Judged(tmp_path, HOT)
    for at, (hub, temperature) in enumerate([("a", 80), ("b", 70), ("c", 80), ("a", 60), ("b", 80)]):
        judged.hub(hub, at, temperature=temperature)
    assert [(firing.hub, firing.elsewhere) for firing in judged.fired] == [("a", ()), ("c", ("a",)), ("b", ("c",))]


def test_each_hub_is_judged_apart(tmp_path):
    judged = Judged(tmp_path, HOT + 'for = "20s"')
    judged.hub("hub-a", 0, temperature=76)
    judged.hub("hub-b", 10, temperature=76)
    judged.hub("hub-a", 20, temperature=60)
    judged.hub("hub-b", 30, temperature=76)
    assert judged.subjects == ["hub-b"]


def test_a_rule_for_named_hubs_leaves_the_others_alone(tmp_path):
    judged = Judged(tmp_path, HOT + 'hubs = "hub-b"')
    judged.hub("hub-a", 0, temperature=99)
    judged.hub("hub-b", 0, temperature=99)
    assert judged.subjects == ["hub-b"]


def test_a_hub_without_the_sensor_neither_fires_nor_clears_and_shows_why(tmp_path):
    judged = Judged(tmp_path, HOT)
    judged.hub("hub-a", 0, temperature=80)
    judged.hub("hub-a", 1)
    judged.hub("hub-a", 2, temperature=80)
    assert judged.subjects == ["hub-a"]
    assert judged.evaluation.states["hot"].missing == {NoNumber.MISSING: 1}


def test_each_instance_is_judged_apart_and_followed_to_its_next_hub(tmp_path):
    judged = Judged(tmp_path, '[busy]\nwhen = "instance.cpu > 90"\ncooldown = 0')
    judged.hub("hub-a", 0, washer=(99.0, 1), dryer=(10.0, 1))
    judged.hub("hub-b", 1, washer=(99.0, 1))
    assert [(firing.instance, firing.hub) for firing in judged.fired] == [("washer", "hub-a")]
    judged.hub("hub-b", 2, washer=(50.0, 1))
    judged.hub("hub-b", 3, washer=(99.0, 1))
    assert [(firing.instance, firing.hub) for firing in judged.fired[1:]] == [("washer", "hub-b")]


def test_an_instances_memory_is_compared_in_bytes(tmp_path):
    judged = Judged(tmp_path, '[fat]\nwhen = "instance.memory > 200MB"')
    judged.hub("hub-a", 0, washer=(1.0, 200_000_000), dryer=(1.0, 200_000_001))
    assert judged.subjects == ["dryer"]
    assert judged.fired[0].why == "dryer: instance.memory 200000001 > 200000000"


def test_an_instance_that_is_not_measured_for_a_while_waits_anew(tmp_path):
    judged = Judged(tmp_path, '[busy]\nwhen = "instance.cpu > 90"\nfor = "20s"')
    judged.hub("hub-a", 0, washer=(99.0, 1))
    judged.hub("hub-a", 10)
    judged.hub("hub-a", 30, washer=(99.0, 1))
    assert judged.fired == []
    judged.hub("hub-a", 50, washer=(99.0, 1))
    assert judged.subjects == ["washer"]


def test_an_instance_of_the_same_name_starts_anew_after_the_first_has_ended(tmp_path):
    judged = Judged(tmp_path, '[busy]\nwhen = "instance.cpu > 90"\ncooldown = 0')
    judged.hub("hub-a", 0, washer=(99.0, 1))
    judged.facts.instance_gone("washer")
    judged.hub("hub-a", 1, washer=(99.0, 1))
    assert judged.subjects == ["washer", "washer"]


def test_a_hub_that_was_offline_waits_anew_and_its_metrics_are_forgotten(tmp_path):
    judged = Judged(tmp_path, HOT + 'for = "20s"')
    judged.hub("hub-a", 0, temperature=76)
    judged.facts.hub_gone("hub-a")
    assert judged.facts.hubs == {}
    judged.hub("hub-a", 100, temperature=76)
    assert judged.fired == []


def test_each_topic_is_judged_apart_by_the_number_at_the_path(tmp_path):
    judged = Judged(tmp_path, POWER)
    judged.say("tele/washer/SENSOR", '{"ENERGY":{"Power":2100}}')
    judged.say("tele/dryer/SENSOR", '{"ENERGY":{"Power":1900}}')
    judged.say("tele/oven/SENSOR", '{"ENERGY":{"Power":2500}}')
    judged.say("tele/oven/STATE", '{"ENERGY":{"Power":2500}}')
    assert judged.subjects == ["tele/washer/SENSOR", "tele/oven/SENSOR"]
    assert judged.fired[0].why == "tele/washer/SENSOR: payload.ENERGY.Power 2100 > 2000"


def test_a_plain_number_is_compared_whole(tmp_path):
    judged = Judged(tmp_path, '[warm]\ntopic = "home/tank"\nwhen = "payload > 21.5"\ncooldown = 0')
    for payload in ("21.5", "21.6\n", "OFF", "", "22"):
        judged.say("home/tank", payload)
    assert [firing.value for firing in judged.fired] == [21.6]


@pytest.mark.parametrize("payload", ["", "nan", "null", "OFF", '{"ENERGY":{}}', '{"ENERGY":{"Power":null}}', b"\xff"])
def test_what_is_no_number_neither_clears_nor_restarts_the_wait(tmp_path, payload):
    judged = Judged(tmp_path, POWER + 'for = "20s"')
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 0)
    judged.say("tele/a/SENSOR", payload, 10)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 20)
    judged.say("tele/a/SENSOR", payload, 21)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 50)
    assert [firing.at for firing in judged.fired] == [20]
    assert judged.evaluation.states["power"].missing.total() == 2


def test_a_retained_message_neither_fires_nor_clears(tmp_path):
    judged = Judged(tmp_path, POWER)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 0, retain=True)
    assert judged.fired == []
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 1)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":0}}', 2, retain=True)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2200}}', 3)
    assert [firing.at for firing in judged.fired] == [1]
    assert judged.facts.tally.retained == 2


def test_a_retained_message_is_shown_as_one_of_unknown_age(tmp_path):
    judged = Judged(tmp_path, POWER)
    judged.say("tele/a/SENSOR", "7", 5, retain=True)
    heard = judged.facts.topics["tele/a/SENSOR"]
    assert (heard.payload, heard.retained, heard.at) == (b"7", True, 5)


def test_a_device_that_speaks_on_change_only_fires_when_its_time_has_come(tmp_path):
    judged = Judged(tmp_path, POWER + 'for = "20s"')
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 0)
    judged.evaluation.passed(19)
    assert judged.fired == []
    judged.evaluation.passed(20)
    judged.evaluation.passed(21)
    assert [(firing.at, firing.value, firing.held) for firing in judged.fired] == [(20, 2100, 20)]


def test_time_alone_fires_nothing_about_a_hub(tmp_path):
    judged = Judged(tmp_path, HOT + 'for = "20s"')
    judged.hub("hub-a", 0, temperature=80)
    judged.evaluation.passed(100)
    assert judged.fired == []


def test_while_telemetry_could_not_be_heard_nothing_has_held_on_its_topics(tmp_path):
    judged = Judged(tmp_path, POWER + 'for = "20s"\n' + HOT + 'for = "20s"')
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 0)
    judged.hub("hub-a", 0, temperature=80)
    judged.facts.deaf()
    judged.evaluation.passed(30)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 30)
    assert judged.fired == []
    judged.hub("hub-a", 31, temperature=80)
    judged.evaluation.passed(50)
    assert judged.subjects == ["hub-a", "tele/a/SENSOR"]


def test_a_reloaded_rule_that_is_unchanged_remembers_and_a_changed_one_starts_anew(tmp_path):
    judged = Judged(tmp_path, POWER + HOT)
    judged.hub("hub-a", 0, temperature=80)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 0)
    judged.evaluation.replace(judged.book("\n\n" + HOT + POWER.replace("2000", "2050")).rules)
    judged.hub("hub-a", 1, temperature=80)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 1)
    assert judged.subjects == ["hub-a", "tele/a/SENSOR", "tele/a/SENSOR"]
    judged.evaluation.replace([])
    judged.hub("hub-a", 2, temperature=60)
    judged.hub("hub-a", 3, temperature=80)
    assert len(judged.fired) == 3


def test_a_quiet_subject_costs_no_memory_and_a_cleared_one_none_for_long(tmp_path):
    judged = Judged(tmp_path, POWER.replace("cooldown = 0", "cooldown = 10"))
    state = judged.evaluation.states["power"]
    for number in range(100):
        judged.say(f"tele/{number}/SENSOR", '{"ENERGY":{"Power":5}}')
    assert state.subjects == {}
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":2100}}', 1)
    judged.say("tele/a/SENSOR", '{"ENERGY":{"Power":5}}', 2)
    assert list(state.subjects) == ["tele/a/SENSOR"]
    judged.evaluation.passed(20)
    assert state.subjects == {}


def test_a_flood_of_firings_is_bounded_and_counted(tmp_path):
    judged = Judged(tmp_path, POWER)
    for number in range(1000):
        judged.say(f"tele/{number}/SENSOR", '{"ENERGY":{"Power":2100}}', number / 1000)
    assert len(judged.fired) == FIRINGS
    assert judged.evaluation.states["power"].held_back == 1000 - FIRINGS


def test_malformed_and_empty_messages_are_counted_and_change_nothing(tmp_path):
    judged = Judged(tmp_path, POWER)
    for payload in (b'{"ENERGY":', b"\xff\xfe", b"[" * 1000, b"", b"OFF"):
        judged.say("tele/a/SENSOR", payload)
    assert judged.fired == []
    tally = judged.facts.tally
    assert (tally.heard, tally.malformed, tally.empty) == (5, 3, 1)
    assert tally.words() == "5 heard, 3 malformed, 1 empty"


def test_topics_that_cannot_be_read_are_named_with_the_reason_the_latest_hundred_of_them(tmp_path):
    judged = Judged(tmp_path, POWER)
    for number in range(300):
        judged.say(f"tele/{number}/SENSOR", b"{", number)
    judged.say("tele/250/SENSOR", b"\xff", 1000)
    unreadable = judged.facts.unreadable
    assert len(unreadable) == 100
    assert unreadable["tele/250/SENSOR"] == (2, NoNumber.BINARY.value, 1000)
    assert judged.facts.tally.malformed == 301


def test_topics_without_end_are_forgotten_oldest_first(monkeypatch):
    monkeypatch.setattr(limits, "TELEMETRY_TOPICS", 3)
    monkeypatch.setattr(limits, "TELEMETRY_KEPT", 1000)
    facts = Facts()
    for topic in ("a", "b", "c", "a", "d"):
        facts.telemetry(topic, b"1", 0, False, 0)
    assert list(facts.topics) == ["c", "a", "d"]
    facts.telemetry("e", b"x" * 999, 0, False, 0)
    assert list(facts.topics) == ["d", "e"]
    assert facts.tally.forgotten == 3


def test_time_alone_clears_a_rule_and_lets_what_it_has_suspended_go_on(tmp_path):
    text = (
        "[r]\ntopic = 'ups'\nwhen = 'payload == \"OB\"'\nclear = 'payload == \"OB\" && now.minute >= 5'\ncooldown = 0\n"
    )
    text += "do = 'suspend'\nwhich = 'all'\nresume = 'now.minute >= 10 && payload == \"OB\"'"
    judged, recovered = Judged(tmp_path, text), []
    judged.evaluation._awaited, judged.evaluation._recover = {"r": {"ups"}}, recovered.append
    judged.say("ups", "OB", 0)
    judged.pass_time(1, 299)
    assert (judged.times, judged.state("r").subjects["ups"].latch.active) == ([0], True)
    judged.pass_time(300, 300)
    assert judged.state("r").subjects == {}
    judged.pass_time(301, 599)
    assert recovered == []
    judged.pass_time(600, 600)
    assert [recovery.subject for recovery in recovered] == ["ups"]


def test_large_messages_of_many_topics_are_not_all_kept_to_be_judged_again(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "LARGEST", 1000)
    judged = Judged(tmp_path, "[r]\ntopic = '#'\nwhen = 'since(payload) >= 3'")
    for topic in ("a", "b", "c", "c", "d"):
        judged.say(topic, '"' + "x" * 398 + '"', 0)
    judged.pass_time(1, 5)
    assert judged.subjects == ["c", "d"]


def test_errors_and_floods_of_late_deserve_attention(tmp_path):
    judged = Judged(tmp_path, "[r]\ntopic = 't/#'\nwhen = 'payload.a > 1 && true'\ncooldown = 0")
    judged.say("t/0", '{"a": "x"}', 10)
    for number in range(FIRINGS + 5):
        judged.say(f"t/{number}", '{"a": 2}', 11)
    errors, flood = judged.evaluation.attention(20)
    assert errors.startswith("rule r could not be judged 1 times: ")
    assert flood == "rule r would have fired 5 times more: too often in a minute"
    assert judged.evaluation.attention(1000) == []


payloads = st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | st.floats().map(lambda n: repr(n).encode())


@given(st.lists(st.tuples(payloads, st.booleans(), st.floats(0, 100)), max_size=40))
def test_any_payloads_are_judged_without_a_crash_and_each_is_counted(tmp_path_factory, messages):
    text = '[a]\ntopic = "#"\nwhen = "payload > 0"\ncooldown = 0\n[b]\ntopic = "t"\nwhen = "payload.a[0] < 0"'
    judged = Judged(tmp_path_factory.mktemp("fuzz"), text)
    at = 0.0
    for payload, retain, step in messages:
        at += step
        judged.say("t", payload, at, retain=retain)
        judged.evaluation.passed(at)
    assert judged.facts.tally.heard == len(messages)
    live = sum(not retain for _, retain, _ in messages)
    assert judged.evaluation.states["b"].missing.total() == live
    assert judged.evaluation.states["a"].missing.total() <= live

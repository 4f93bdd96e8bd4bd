"""Conditions in CEL: what they see, what is refused when they are loaded, and errors that do not stop them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_judged import Judged, clock

from coordinator.rules.condition import Fault
from coordinator.rules.expression import Metric, compile_condition
from coordinator.rules.formula import LARGEST, LONGEST, Formula
from coordinator.rules.names import Names
from coordinator.rules.scene import Scene
from devices.errors import ConfigurationError
from devices.protocol.readings import NoNumber, parse

NOON = clock(12 * 3600)
TOPIC = "nut2mqtt/hosts/{host}/ups/{ups}/status"


def says(text: str, payload: str, topic: str = "nut2mqtt/hosts/nas/ups/big/status") -> object:
    scene = Scene(payload=parse(payload.encode()), topic=topic, size=len(payload))
    return compile_condition(text, Names(TOPIC)).value(scene)


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ('payload.contains("OB")', "OB DISCHRG"),
        ('payload == "ON"', "ON"),
        ("payload == 1", "1"),
        ('payload.startsWith("O") && payload.endsWith("G")', "OB DISCHRG"),
        (r'payload.matches("^OB\\b")', "OB DISCHRG"),
        ("payload.a.b[1] > 2 && payload.a.c", '{"a": {"b": [1, 3], "c": true}}'),
        ('payload["switch:0"].apower + 1 > 10.5', '{"switch:0": {"apower": 10}}'),
        ("payload.a * 2 > payload.b", '{"a": 2, "b": 3}'),
        ("payload.alarms.exists(alarm, alarm.level > 2)", '{"alarms": [{"level": 1}, {"level": 3}]}'),
        ("size(payload.alarms) > 1 && payload.alarms.size() < 3", '{"alarms": [1, 2]}'),
        ("has(payload.a) && !has(payload.b) && !has(payload.c)", '{"a": 1, "c": null}'),
        ("payload.absent > 1 || payload.a > 1", '{"a": 2}'),
        ('topic.host == "nas" && topic.ups == "big"', "1"),
        ('payload.state in ["on", "open"]', '{"state": "open"}'),
        ("payload.a > 3 ? payload.b : true", '{"a": 1}'),
        ("double(payload.text) > 2", '{"text": "2.5"}'),
        ("(payload.a - 32) / 1.8 > 37", '{"a": 100}'),
    ],
)  # fmt: skip
def test_a_formula_sees_json_at_any_depth_words_plain_numbers_and_named_segments(text, payload):
    assert says(text, payload) == 1.0


@pytest.mark.parametrize(
    "text",
    ["payload.x > 1", 'payload.x != "on"', "!payload.x", "payload.nil < 1", 'payload.nil == "on"', "payload.x == 0"],
)
def test_what_is_absent_or_null_is_no_news_whatever_is_asked_of_it(text):
    assert not isinstance(says(f"{text} && true", '{"nil": null, "a": 1}'), float)


@pytest.mark.parametrize(
    ("text", "payload", "why"),
    [
        ("payload.a > 1 && true", '{"a": "hot"}', "not defined for the given operand types"),
        ('payload.a.contains("x")', '{"a": 1}', "contains"),
        ("payload.a[7] > 1 || false", '{"a": 5}', ""),
        ("payload.a + 1", '{"a": 1}', "it says 2.0, which is neither true nor false"),
        ("double(payload.a) > 1", '{"a": "warm"}', "invalid float"),
    ],
)
def test_an_unexpected_payload_is_an_error_that_is_counted_and_told(text, payload, why):
    fault = says(text, payload)
    assert isinstance(fault, Fault | NoNumber)
    assert why in (fault.why if isinstance(fault, Fault) else "")


def test_an_error_neither_fires_nor_clears_and_the_rule_stays_alive(tmp_path):
    judged = Judged(tmp_path, "[r]\ntopic = 't'\ncooldown = 0\nwhen = 'payload.a > 1 && true'\nclear = 'payload.a < 1'")
    for at, payload in enumerate(['{"a": "x"}', '{"a": 2}', '{"a": "x"}', '{"a": 2}', '{"a": 0}', "OFF", '{"a": 3}']):
        judged.say("t", payload, at)
    assert judged.times == [1, 6]
    state = judged.state("r")
    assert (state.errors, state.failed) == (2, 2)
    assert "operand types" in state.error
    assert state.missing == {NoNumber.MISSING: 1}


def test_a_formula_on_hubs_knows_their_names_their_power_and_what_they_lack(tmp_path):
    text = "[r]\nwhen = '!hub.mains && hub.battery < 50 && hub.name != \"nas\"'\ncooldown = 0\n"
    text += "[hot]\nwhen = 'hub.temperature > 75 || hub.cpu > 90'"
    judged = Judged(tmp_path, text)
    judged.hub("nas", 0, battery=20.0, mains=False)
    judged.hub("pi", 1, battery=20.0, mains=True)
    judged.hub("attic", 2, battery=20.0, mains=False)
    judged.hub("none", 3, cpu=95)
    judged.hub("cold", 4)
    assert judged.subjects == ["attic", "none"]
    assert judged.fired[0].why == (
        "attic: !hub.mains && hub.battery < 50 && hub.name != \"nas\" (hub.mains false, hub.battery 20, hub.name 'attic')"
    )
    assert judged.fired[0].values == {"hub.mains": False, "hub.battery": 20.0, "hub.name": "attic"}
    assert judged.state("hot").errors == 0
    assert judged.state("hot").missing.total() == 4


def test_a_formula_on_instances_is_about_each_of_them(tmp_path):
    judged = Judged(tmp_path, "[r]\nwhen = 'instance.cpu > 50 && hub.cpu > 90 && instance.name != \"washer\"'")
    judged.hub("nas", 0, cpu=95, washer=(80.0, 1), photos=(80.0, 1), lamp=(1.0, 1))
    assert judged.subjects == ["photos"]
    assert judged.fired[0].instance == "photos"


def test_now_is_the_time_of_the_house_and_passes_without_a_message(tmp_path):
    text = "[late]\ntopic = 'door'\nwhen = 'payload == \"open\" && now.time >= \"22:00\"'\n"
    text += "[weekend]\nwhen = 'now.weekday >= 6 && now.hour > 8'\n[plain]\nwhen = 'now.minute_of_day >= 1380'"
    judged = Judged(tmp_path, text)
    evening = 21 * 3600 + 59 * 60.0
    judged.say("door", "open", evening)
    judged.pass_time(evening, evening + 59)
    assert judged.fired == []
    judged.pass_time(evening + 60, evening + 62)
    judged.say("door", "open", 24 * 3600.0)
    judged.hub("nas", evening)
    judged.hub("nas", evening + 3660)
    judged.hub("nas", 5 * 86400 + 12 * 3600.0)
    assert [(firing.rule.name, firing.at) for firing in judged.fired] == [
        ("late", evening + 60),
        ("plain", evening + 3660),
        ("weekend", 5 * 86400 + 12 * 3600.0),
    ]


def test_a_retained_message_neither_fires_nor_clears_a_formula_nor_is_it_judged_later(tmp_path):
    judged = Judged(tmp_path, "[r]\ntopic = 't'\nwhen = 'payload == \"on\" && now.hour >= 0'\ncooldown = 0")
    judged.say("t", "on", 0, retain=True)
    judged.pass_time(1, 3)
    assert judged.fired == []
    judged.say("t", "on", 4)
    judged.say("t", "off", 5, retain=True)
    judged.say("t", "on", 6)
    assert judged.times == [4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hub.cpuu > 1 && true", "did you mean hub.cpu?"),
        ("hub > 1 && true", "there is no metric 'hub'"),
        ("instance.tmp > 1 && true", "there is no metric 'instance.tmp'"),
        ("hub.cpu > 1 && now.houer > 3", "did you mean now.hour?"),
        ('avrg(hub.cpu, "5m") > 1 && true', "did you mean avg?"),
        ("payload.a > 1 && true", "needs a topic"),
        ("hub.cpu > 1 && cpu > 1", "there is no metric 'cpu'"),
        ("hub.cpu > 1 &&", "neither a comparison nor CEL: at character"),
        ("hub.cpu % 2 == 1 && true", "% is for whole numbers"),
        ("hub.cpu > 1 && true // much", "comment"),
        ("hub.cpu == null || false", "has("),
        ("hub.name.matches(hub.name)", "one pattern, in quotes"),
        ('hub.name.matches("(")', "is no pattern"),
        ('hub.name.matches("a{100}{100}")', "cost too much"),
        ('matches(hub.name, "a{100}{100}")', "stands behind"),
        ("[1, 2].exists(x, [3].exists(y, y > x))", "loop within a loop"),
        ("[1, 2].map(x, x).size() > 1", "there is no function 'map'"),
        ("[1].exists(x, x > 0) && x > 1", "there is no metric 'x'"),
        ("avg(hub.cpu) > 1 && true", "a duration in quotes"),
        ('avg(hub.cpu + 1, "5m") > 1 && true', "takes a name and a duration"),
        ('avg(hub.cpu, "5 minutes") > 1', "no duration"),
        ('avg(hub.cpu, "0s") > 1', "cannot be spanned"),
        ('since(hub.cpu, "5m") > 1', "takes no duration"),
        ('avg(hub.cpuu, "5m") > 1', "did you mean hub.cpu?"),
        ('avg(hub.cpu, "5m") == 1', "equality"),
        ("hub.cpu == 1", "equality"),
        ("(" * 40 + "hub.cpu > 1" + ")" * 40, "32 brackets"),
        ("hub.cpu > 1" + " || hub.cpu > 1" * LONGEST, "characters"),
        ("'''a''' == hub.name", ""),
    ],
)
def test_a_formula_that_cannot_be_is_refused_when_it_is_loaded(text, said):
    with pytest.raises(ConfigurationError) as caught:
        compile_condition(text, Names())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('topic.hosst == "nas"', "did you mean topic.host?"),
        ("hub.cpu > 1 && true", "write two rules"),
        ("power > 1 && true", "did you mean payload.power?"),
    ],
)
def test_a_formula_on_a_topic_names_the_nearest_word_too(text, said):
    with pytest.raises(ConfigurationError, match=said.replace("?", r"\?")):
        compile_condition(text, Names(TOPIC))


def test_numbers_beyond_all_measure_have_no_value(capfd):
    assert says("payload.a > 1 && true", f'{{"a": 1{"0" * 400}}}') is NoNumber.NOT_FINITE
    assert says("payload.a.exists(x, x > 1)", f'{{"a": [1{"0" * 400}]}}') is NoNumber.NOT_FINITE
    assert capfd.readouterr().err == ""


def test_texts_in_large_messages_are_not_looked_into_and_numbers_are(tmp_path):
    judged = Judged(tmp_path, "[r]\ntopic = 't'\nwhen = 'payload.a > 1 || payload.text.contains(\"x\")'\ncooldown = 0")
    filler = "y" * LARGEST
    judged.say("t", f'{{"a": 0, "text": "{filler}x"}}', 0)
    judged.say("t", f'{{"a": 2, "text": "{filler}x"}}', 1)
    assert judged.times == [1]
    assert "formulas look into" in judged.state("r").error


def test_plain_comparisons_do_not_load_the_library():
    script = (
        "import sys; from coordinator.rules.expression import compile_condition as c; from coordinator.rules.names import "
        "Names; c('hub.cpu > 80', Names()); c('avg(hub.cpu, \"5m\") > 80', Names()); assert 'cel' not in sys.modules;"
        "c('hub.cpu > 80 && true', Names()); assert 'cel' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert isinstance(compile_condition("hub.cpu > 80", Names()), Metric)


PIECES = [
    *(
        "payload",
        "payload.a",
        "payload.a.b",
        'payload["x y"]',
        "topic.host",
        "now.hour",
        "1",
        "2.5",
        '"on"',
        "true",
        "x",
    ),
    *("&&", "||", ">", "<", "==", "!=", "!", "+", "-", "*", "/", "?", ":", "(", ")", "[", "]", ",", ".", "in"),
    *('.contains("o")', '.matches("o+")', ".exists(x, x > 1)", "has(payload.a)", "size(payload)", "double(payload)"),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x y"]), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map(" ".join), st.lists(values, max_size=3))
def test_any_formula_is_refused_or_judges_any_payload_without_a_crash(text, payloads):
    try:
        condition = compile_condition(text, Names(TOPIC))
    except ConfigurationError:
        return
    for payload in payloads:
        scene = Scene(payload=payload, topic="nut2mqtt/hosts/nas/ups/big/status", calendar=lambda _: NOON)
        value = condition.value(scene)
        if isinstance(condition, Formula) and isinstance(value, float):
            assert value in (0.0, 1.0)
            condition.words(condition.values(scene, value))


def test_two_rules_whose_value_leads_to_different_places_are_judged_apart(tmp_path):
    judged = Judged(
        tmp_path,
        "[a]\ntopic = 't'\nvalue = 'a'\nwhen = 'value > 1 && true'\n[b]\ntopic = 't'\nvalue = 'b'\nwhen = 'value > 1 && true'\n"
        "[c]\ntopic = 't'\nvalue = 'c'\nwhen = 'max(value, \"1s\") > 1'\n[d]\ntopic = 't'\nvalue = 'd'\nwhen = 'max(value, \"1s\") > 1'",
    )
    for at in (0, 1):
        judged.say("t", '{"a": 0, "b": 2, "c": 0, "d": 2}', at)
    assert [firing.rule.name for firing in judged.fired] == ["b", "d"]

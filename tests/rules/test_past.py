"""Windows, forecasts and clocks in rules: what they say, when they begin to speak, and what bounds their memory."""

from __future__ import annotations

import pytest
from rules_judged import Judged

from coordinator.rules import past
from coordinator.rules.past import Pasts


def feed(judged: Judged, values: list[float], every: float = 10.0, start: float = 0.0) -> None:
    for number, value in enumerate(values):
        judged.hub("nas", start + number * every, cpu=value, memory=value)


@pytest.mark.parametrize(
    ("when", "values", "at", "value"),
    [
        ('avg(hub.cpu, "1m") > 50', [0, 0, 60, 100, 100, 100], 40, 52),
        ('max(hub.cpu, "1m") > 50', [60, 0, 0, 0, 0], 30, 60),
        ('min(hub.cpu, "1m") < 5', [9, 9, 9, 9, 4], 40, 4),
        ('rate(hub.cpu, "1m") > 1.9', [0, 0, 0, 40, 80, 120, 160], 40, 2),
        ('count(hub.cpu, "1m") >= 5', [1, 1, 1, 1, 1], 40, 5),
        ("since(hub.cpu) >= 30", [1, 2, 2, 2, 2], 40, 30),
        ("avg(hub.cpu, '1m') > 50 && true", [0, 0, 60, 100, 100, 100], 40, 1),
        ('avg(hub.cpu, "1m") + max(hub.cpu, "1m") > 150', [0, 0, 60, 100, 100, 100], 40, 1),
    ],
)
def test_a_window_counts_in_a_plain_comparison_and_in_a_formula(tmp_path, when, values, at, value):
    judged = Judged(tmp_path, f"[r]\nwhen = '''{when}'''")
    feed(judged, values)
    assert [(firing.at, firing.value) for firing in judged.fired] == [(at, value)]


def test_an_event_tells_the_windows_value_as_it_was_written(tmp_path):
    judged = Judged(tmp_path, "[r]\nwhen = 'avg( hub.cpu ,\"1m\") > 50%'")
    feed(judged, [100] * 5)
    assert judged.fired[0].why == 'nas: avg(hub.cpu, "1m") 100 > 50'
    assert judged.fired[0].values == {'avg(hub.cpu, "1m")': 100.0}


def test_a_forecast_fires_before_the_memory_is_full_and_noise_does_not(tmp_path):
    judged = Judged(tmp_path, "[ahead]\nwhen = 'forecast(hub.memory, \"10m\") > 92'")
    feed(judged, [40 + (number % 7) for number in range(200)])
    assert judged.fired == []
    feed(judged, [40 + number * 0.25 for number in range(200)], start=2000)
    (firing,) = judged.fired
    reached = 2000 + (92 - 40) / 0.25 * 10
    assert reached - 900 < firing.at < reached - 120


def test_each_hub_instance_and_topic_has_a_past_of_its_own(tmp_path):
    text = "[h]\nwhen = 'avg(hub.cpu, \"20s\") > 50'\n[i]\nwhen = 'min(instance.cpu, \"20s\") > 50'\n"
    text += "[t]\ntopic = 'tele/{plug}'\nwhen = 'count(payload.button, \"20s\") > 2 && topic.plug != \"x\"'"
    judged = Judged(tmp_path, text)
    for at in range(0, 40, 10):
        judged.hub("nas", at, cpu=90, washer=(80.0, 1), lamp=(10.0, 1))
        judged.hub("pi", at, cpu=10)
        judged.say("tele/a", '{"button": "single"}', at)
        judged.say("tele/a", '{"other": 1}', at + 1)
        judged.say("tele/b", '{"button": "single"}' if at == 0 else "{}", at)
    assert sorted({(firing.rule.name, firing.subject) for firing in judged.fired}) == [
        ("h", "nas"),
        ("i", "washer"),
    ]
    for at in (31, 32, 33):
        judged.say("tele/a", '{"button": "single"}', at)
    assert judged.subjects[-1] == "tele/a"


def test_since_counts_from_the_last_change_and_needs_no_further_message(tmp_path):
    text = "[open]\ntopic = 'door/{name}'\nwhen = 'payload.contact == false && since(payload.contact) >= 600'\ncooldown = 0"
    judged = Judged(tmp_path, text)
    judged.say("door/front", '{"contact": false, "battery": 90}', 0)
    judged.say("door/front", '{"contact": false, "battery": 89}', 300)
    judged.pass_time(301, 599)
    assert judged.fired == []
    judged.pass_time(600, 605)
    assert judged.times == [600]
    assert "since(payload.contact) 600" in judged.fired[0].why
    judged.say("door/front", '{"contact": true}', 700)
    judged.say("door/front", '{"contact": false}', 800)
    judged.pass_time(801, 1400)
    assert judged.times == [600, 1400]


def test_a_retained_message_is_no_part_of_any_past(tmp_path):
    judged = Judged(tmp_path, "[r]\ntopic = 't'\nwhen = 'max(payload, \"10s\") > 50'")
    judged.say("t", "99", 0, retain=True)
    for at in range(1, 20):
        judged.say("t", "1", at)
    assert judged.fired == []


def test_after_a_lost_connection_the_past_of_topics_begins_anew(tmp_path):
    judged = Judged(tmp_path, "[r]\ntopic = 't'\nwhen = 'since(payload) > 100'")
    judged.say("t", "1", 0)
    judged.facts.deaf()
    judged.pass_time(1, 150)
    judged.say("t", "1", 151)
    judged.pass_time(152, 240)
    assert judged.fired == []
    judged.pass_time(241, 252)
    assert judged.times == [252]


def test_rules_that_are_changed_keep_the_past_that_they_share_with_those_of_before(tmp_path):
    judged = Judged(tmp_path, "[r]\nwhen = 'avg(hub.cpu, \"1m\") > 99'")
    feed(judged, [60] * 5)
    judged.evaluation.replace(judged.book('[s]\nwhen = \'avg(hub.cpu, "1m") > 50 && max(hub.cpu, "1m") > 0\'').rules)
    judged.hub("nas", 50, cpu=60)
    assert judged.times == [50]


def test_the_pasts_of_invented_topics_are_forgotten_oldest_first(tmp_path, monkeypatch):
    monkeypatch.setattr(past, "SUBJECTS", 3)
    kept = Pasts()
    for name in ("a", "b", "a", "c", "d"):
        kept.of(("topic", name), ())
    assert [kept.known(("topic", name)) is not None for name in "abcd"] == [True, False, True, True]
    assert kept.forgotten == 1

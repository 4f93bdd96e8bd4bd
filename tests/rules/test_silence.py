"""Absence, quiet times and repeated firings: time is an argument."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from rules_judged import MIDNIGHT, Judged

from coordinator.rules import silence
from coordinator.rules.files import RuleBook
from coordinator.rules.wall import Wall
from devices.errors import ConfigurationError
from devices.timekeeping import Machine

METER = '[meter]\ntopic = "evcc/site/gridPower"\nsilent = "5m"\ncooldown = 0\n'


def test_a_topic_that_has_never_spoken_is_silent_from_the_start_on(tmp_path):
    judged = Judged(tmp_path, METER)
    judged.pass_time(0, 299)
    assert judged.fired == []
    judged.pass_time(300, 400)
    assert [(firing.subject, firing.at, firing.value) for firing in judged.fired] == [("evcc/site/gridPower", 300, 300)]
    assert judged.fired[0].why == "evcc/site/gridPower: silent for 5m"


def test_a_live_message_ends_a_silence_and_a_retained_one_is_no_sign_of_life(tmp_path):
    judged = Judged(tmp_path, METER)
    judged.facts.passed(0)
    judged.say("evcc/site/gridPower", "1", 100)
    judged.say("evcc/site/gridPower", "1", 200, retain=True)
    judged.pass_time(200, 399)
    assert judged.fired == []
    judged.pass_time(400, 500)
    judged.say("evcc/site/gridPower", "1", 510, retain=True)
    judged.pass_time(511, 600)
    judged.say("evcc/site/gridPower", "", 600)
    judged.pass_time(601, 900)
    assert judged.times == [400, 900]


def test_with_a_wildcard_each_topic_that_was_heard_is_watched_apart(tmp_path):
    judged = Judged(tmp_path, '[r]\ntopic = "tele/{plug}/SENSOR"\nsilent = "10s"\n')
    judged.say("tele/a/SENSOR", "1", 0)
    judged.say("tele/b/SENSOR", "1", 0)
    for at in range(1, 30):
        judged.say("tele/a/SENSOR", "1", at)
        judged.facts.passed(at)
    assert judged.subjects == ["tele/b/SENSOR"]


def test_our_own_lost_connection_starts_the_wait_anew(tmp_path):
    judged = Judged(tmp_path, METER)
    judged.pass_time(0, 290)
    judged.facts.deaf()
    judged.pass_time(295, 594)
    assert judged.fired == []
    judged.pass_time(595, 596)
    assert judged.times == [595]


def test_topics_without_end_are_watched_within_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(silence, "TOPICS", 3)
    judged = Judged(tmp_path, '[r]\ntopic = "#"\nsilent = "10s"\n')
    judged.facts.passed(0)
    for number in range(10):
        judged.say(f"t/{number}", "1", 0)
    judged.pass_time(1, 20)
    assert judged.subjects == ["t/7", "t/8", "t/9"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('silent = "5m"', "needs a topic"),
        ('topic = "a"\nsilent = "5m"\nwhen = "payload > 1"', "does not go with"),
        ('topic = "a"\nsilent = "5m"\nfor = "1m"', "does not go with"),
        ('topic = "a"\nsilent = "0.5s"', "less than a second"),
        ('topic = "a"\nsilent = "five"', "no duration"),
        ('when = "hub.cpu > 1"\nquiet = "22-7"', "no time of day"),
        ('when = "hub.cpu > 1"\nquiet = "25:00-07:00"', "no time of day"),
        ('when = "hub.cpu > 1"\nquiet = "07:00-07:00"', "the whole day or none"),
        ('when = "hub.cpu > 1"\nenabled = "no"', "true or false"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, lines, said):
    (tmp_path / "r.toml").write_text(f"[r]\n{lines}")
    with pytest.raises(ConfigurationError, match=said):
        RuleBook.load(tmp_path)


def test_in_its_quiet_time_a_rule_does_not_fire_and_does_so_after_it_if_it_still_holds(tmp_path):
    text = '[r]\ntopic = "tank/{name}"\nwhen = "payload > 5"\nquiet = "22:00-07:00"\ncooldown = 0'
    judged = Judged(tmp_path, text)
    night, morning = 23 * 3600.0, 31 * 3600.0
    judged.say("tank/a", "6", night)
    judged.say("tank/b", "6", night)
    judged.say("tank/b", "1", night + 60)
    judged.pass_time(morning - 3, morning - 1)
    assert judged.fired == []
    judged.pass_time(morning, morning + 3)
    judged.say("tank/b", "6", morning + 10)
    assert list(zip(judged.subjects, judged.times, strict=True)) == [("tank/a", morning), ("tank/b", morning + 10)]


def test_a_rule_that_is_turned_off_is_checked_and_not_in_force(tmp_path):
    (tmp_path / "r.toml").write_text('[r]\nwhen = "hub.cpu > 1"\nenabled = false\n[s]\nwhen = "hub.cpu > 1"')
    book = RuleBook.load(tmp_path)
    assert [rule.name for rule in book.rules] == ["s"]
    assert book.disabled == ("r",)
    (tmp_path / "r.toml").write_text('[r]\nwhen = "hub.cpuu > 1"\nenabled = false')
    with pytest.raises(ConfigurationError, match=r"hub\.cpu"):
        RuleBook.load(tmp_path)


def test_while_the_clock_cannot_be_right_nothing_fires_by_it(tmp_path):
    said = {"now": 0.0, "awaits": True}
    machine = Machine(lambda: said["now"], lambda: 60.0, lambda: False, lambda: said["awaits"])
    wall = Wall(ZoneInfo("Europe/Berlin"), 0.0, machine)
    text = "[late]\nwhen = 'now.hour >= 0'\n[hot]\nwhen = 'hub.cpu > 50'\nquiet = '03:00-04:00'\n[other]\nwhen = 'hub.cpu > 50'"
    judged = Judged(tmp_path, text)
    judged.evaluation._calendar = wall
    for state in judged.evaluation.states.values():
        state._calendar = wall
    judged.hub("nas", 0, cpu=60)
    assert [firing.rule.name for firing in judged.fired] == ["other"]
    said.update(now=MIDNIGHT.timestamp(), awaits=False)
    judged.hub("nas", 5, cpu=60)
    assert len(judged.fired) == 1
    judged.hub("nas", 10, cpu=60)
    assert [firing.rule.name for firing in judged.fired] == ["other", "late", "hot"]
    assert wall(10).isoformat() == "2026-01-05T01:00:00+01:00"

"""Rules on a recording: the same firings at the same times as live, and what a person sees of them."""

from __future__ import annotations

import json
import random
from zoneinfo import ZoneInfo

import pytest
from rules_judged import Judged

from coordinator.cli import chart, replaying
from coordinator.recording import Recorded, read_recording, written
from coordinator.rules.builtin import in_force
from coordinator.rules.files import RuleBook
from coordinator.rules.replay import Replayed, replay
from devices.protocol import messages
from devices.protocol.messages import HubMetrics, HubStatus
from devices.protocol.topics import Topics

BERLIN = ZoneInfo("Europe/Berlin")
EVENING = 1_780_000_000.0  # 2026-05-28 22:26:40 in Berlin


def metrics(at: float, hub: str = "nas", **said) -> Recorded:
    plain = {"cpu": 1, "load": 0, "memory": 50, "memory_available": 10**9, "swap": 0, "disk": 0}
    payload = messages.encode(HubMetrics(**(plain | said)))
    return Recorded(EVENING + at, f"midstream/hubs/{hub}/metrics", payload, False, 0)


def said(at: float | None, topic: str, payload: str, *, retain: bool = False) -> Recorded:
    return Recorded(None if at is None else EVENING + at, topic, payload.encode(), retain, 0)


def played(folder, text: str, recording: list[Recorded]) -> Replayed:
    (folder / "rules.toml").write_text(text)
    return replay(in_force(RuleBook.load(folder)), recording, BERLIN, Topics())


def times(seen: Replayed, rule: str) -> list[float]:
    return sorted(firing.at - EVENING for course in seen.courses[rule].values() for firing in course.firings)


def test_hubs_topics_silence_and_the_time_of_day_are_judged_with_the_recordings_time(tmp_path):
    text = """
    [hot]
    when = "hub.temperature > 75"
    for = "20s"
    do = "migrate"
    [charging]
    topic = "tele/{plug}/SENSOR"
    when = "payload.ENERGY.Power > 2000"
    for = "30s"
    [meter]
    topic = "evcc/site/gridPower"
    silent = "5m"
    [late]
    topic = "door"
    when = 'payload == "open" && now.time >= "22:30"'
    """
    recording = [metrics(at, temperature=80.0 if 50 <= at < 500 else 60.0) for at in range(0, 1000, 10)]
    recording += [said(0, "evcc/site/gridPower", "1"), said(400, "evcc/site/gridPower", "1", retain=True)]
    recording += [said(100, "tele/a/SENSOR", '{"ENERGY":{"Power":2500}}'), said(5, "door", "open")]
    recording += [said(1, "tele/a/SENSOR", "{", retain=False), said(2, "x", "1")]
    seen = played(tmp_path, text, sorted(recording, key=lambda each: each.time))
    assert times(seen, "hot") == [70]
    assert times(seen, "charging") == [130]
    assert times(seen, "meter") == [300]
    assert times(seen, "late") == [200]
    assert (seen.count, seen.facts.tally.malformed, seen.facts.tally.retained) == (106, 1, 1)
    assert len(seen.courses["hot"]["nas"].samples) == 100


def test_a_replay_fires_as_the_live_evaluation_does(tmp_path):
    text = (
        '[a]\ntopic = "t/{x}"\nwhen = "avg(payload, \'20s\') > 60"\nfor = "5s"\nclear = "payload < 30"\ncooldown = 0\n'
    )
    text += "[b]\ntopic = 't/{x}'\nwhen = 'payload > 80 && since(payload) >= 3'\ncooldown = 10"
    chance = random.Random(7)
    recording = [
        said(at, f"t/{chance.choice('ab')}", str(chance.randrange(100)), retain=chance.random() < 0.1)
        for at in range(0, 600, 2)
    ]
    live = Judged(tmp_path, text)
    for number, message in enumerate(recording):
        for second in range(int(recording[number - 1].time) + 1, int(message.time) + 1) if number else ():
            live.facts.passed(second)
        live.say(message.topic, message.payload, message.time, retain=message.retain)
    seen = played(tmp_path, text, recording)
    replayed = [
        (f.rule.name, f.subject, f.at) for rule in seen.courses.values() for c in rule.values() for f in c.firings
    ]
    assert replayed
    assert sorted(replayed) == sorted((f.rule.name, f.subject, f.at) for f in live.fired)


def test_messages_without_a_time_or_with_one_that_goes_backward_are_played_in_order(tmp_path):
    text = '[r]\ntopic = "t"\nwhen = "payload > 5"\nfor = "3s"'
    seen = played(tmp_path, text, [said(None, "t", str(number)) for number in range(12)])
    assert seen.untimed == 12
    assert [firing.at for firing in seen.courses["r"]["t"].firings] == [9]
    seen = played(tmp_path, text, [said(10, "t", "6"), said(2, "t", "7"), said(14, "t", "8")])
    assert times(seen, "r") == [13]


def test_a_hub_that_has_gone_and_one_that_speaks_nonsense_change_nothing(tmp_path):
    text = '[hot]\nwhen = "hub.temperature > 75"\nfor = "20s"'
    gone = Recorded(
        EVENING + 15,
        "midstream/hubs/nas/status",
        messages.encode(HubStatus(state="offline", boot="b", start=1)),
        False,
        1,
    )
    recording = [metrics(0, temperature=80.0), gone, said(16, "midstream/hubs/nas/metrics", "{}")]
    recording += [metrics(25, temperature=80.0), metrics(30, "other/x", temperature=99.0)]
    seen = played(tmp_path, text, recording)
    assert times(seen, "hot") == []
    assert seen.facts.tally.malformed == 1


def test_the_rule_that_comes_with_midstream_counts_until_it_is_replaced_or_turned_off(tmp_path):
    low = [metrics(at, battery=10.0, mains=False) for at in (0, 30, 40)]
    charging = [metrics(at, battery=10.0, mains=True) for at in (0, 30, 40)]
    assert times(played(tmp_path, "", low), "low-battery") == [30]
    assert times(played(tmp_path, "", charging), "low-battery") == []
    own = '[low-battery]\nwhen = "hub.battery < 5"'
    assert times(played(tmp_path, own, low), "low-battery") == []
    assert "low-battery" not in played(tmp_path, own + "\nenabled = false", low).courses


def test_the_document_and_the_charts_tell_values_threshold_and_events(tmp_path, capsys):
    text = '[hot]\nwhen = "hub.temperature > 75"\n[open]\ntopic = "door"\nwhen = \'payload == "open" || payload.x\'\n'
    recording = [metrics(at, temperature=60.0 + at / 10) for at in range(0, 300, 10)]
    recording += [said(300, "door", "shut"), said(310, "door", '{"x": 1}'), said(320, "door", "open")]
    seen = played(tmp_path, text, recording)
    document = replaying.tested(seen, "evening.jsonl", BERLIN)
    _, hot, opened = document.rules
    assert document.begins == "2026-05-28T22:26:40.000+02:00"
    assert (hot.rule, hot.values, len(hot.fired), hot.fired[0].value) == ("hot", 30, 1, 76.0)
    assert hot.fired[0].at == "2026-05-28T22:29:20.000+02:00"
    assert (opened.fired[0].values, opened.errors) == ({"payload": "open"}, 1)
    replaying.show(seen, BERLIN)
    shown = capsys.readouterr().out
    assert "33 messages from 2026-05-28 22:26:40" in shown
    assert "hot: would have fired once  [hub.temperature > 75]" in shown
    assert "05-28 22:29:20  nas: hub.temperature 76 > 75" in shown
    assert "1 errors, the last one: it says 1.0, which is neither true nor false" in shown or "operand" in shown
    assert "low-battery" not in shown


@pytest.mark.parametrize("width", [5, 40, 100])
def test_a_chart_shows_the_course_of_a_value_across_its_threshold(width):
    samples = [(float(at), float(at)) for at in range(100)]
    lines = chart.chart(samples, 50.0, [50.0], (0.0, 99.0), width)
    columns = max(width - 11, 10)
    assert len(lines) == chart.HEIGHT + 1
    assert lines[0].startswith("       99 ┤")
    assert lines[-2].startswith("        0 ┤•")
    (threshold,) = [line for line in lines if "─" in line]
    assert threshold.startswith("       50 ┤─")
    assert lines[-1].index("▲") - 11 == int(50 / 99 * columns)
    assert all(len(line) <= columns + 11 for line in lines)


def test_a_chart_of_nothing_of_one_value_and_of_something_that_is_so_or_not():
    assert chart.chart([], None, [], (0, 1), 40) == []
    assert "•" in "".join(chart.chart([(0, 5.0)], None, [], (0, 0), 40))
    strip, marks = chart.strip([(0, 0.0), (5, 1.0), (9, 0.0)], [5], (0, 10), 21)
    assert (strip, marks) == ("    holds ┤▁    █   ▁", "                ▲")


def test_a_recording_holds_text_as_text_and_bytes_as_base64_and_is_read_as_it_was_written(tmp_path):
    lines = [
        written("a", "21.5 °C".encode(), retain=True, qos=1, at="2026-01-05T00:00:00Z"),
        written("b", b"\xff\x00", retain=False, qos=0),
        written("c", b"", retain=False, qos=0),
    ]
    (tmp_path / "r.jsonl").write_bytes(b"".join(lines))
    assert json.loads(lines[0]) == {
        "time": "2026-01-05T00:00:00Z", "topic": "a", "payload": "21.5 °C", "retain": True, "qos": 1,
    }  # fmt: skip
    assert "payload_b64" in json.loads(lines[1])
    back = list(read_recording(tmp_path / "r.jsonl"))
    assert [(each.topic, each.payload, each.retain, each.qos) for each in back] == [
        ("a", "21.5 °C".encode(), True, 1), ("b", b"\xff\x00", False, 0), ("c", b"", False, 0),
    ]  # fmt: skip

"""What real firmware says goes through facts and rules, line by line: nothing crashes, nothing fires that should not.

``samples.jsonl`` says what each message means, ``oddities.jsonl`` what a sensible consumer does with the odd ones.
A rule compares one number and knows no dialect, so the table `BEYOND` lists the lines where the meaning needs one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from recorded_lines import ODDITIES, SAMPLES, messages_of, payload_of

from coordinator.facts import Facts
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.files import RuleBook
from coordinator.rules.rule import Firing
from devices.protocol.readings import parse_path

UNREAD = "unread"  # the number is there for those who know the dialect; a plain rule sees none, which is harmless
SENTINEL = "sentinel"  # the wire holds a number that means "none" in this dialect
BEYOND = {
    ("tele/zbbridge/SENSOR", "ZbReceived.0x7120.EnergyTotal"): UNREAD,  # hexadecimal text
    ("homie/5/timer/clock/remaining", ""): UNREAD,  # an ISO 8601 duration
    ("00005e0053e5/wifi/rssi", "rssi"): UNREAD,  # "-76 dbM"
    ("telegraf/web01.example.com/cpu", "*"): UNREAD,  # Influx lines
    ("wled/desk/v", "*"): UNREAD,  # XML
    ("ESP-ECU/inverter0", "*"): UNREAD,  # not JSON: a bare inf, and a hole
    ("awtrix_0a1b2c/stats", "*"): UNREAD,  # not JSON: a bare nan
    ("nut2mqtt/hosts/nas/ups/ups/timer/shutdown", ""): SENTINEL,
    ("psmqtt/nas/sensors_battery/secsleft", ""): SENTINEL,
    ("msh/2/json/LongFast/!8a0b0c01", "payload.battery_level"): SENTINEL,
    ("msh/2/json/LongFast/!8a0b0c01", "payload.voltage"): SENTINEL,
    ("owntracks/jane/phone/step", "steps"): SENTINEL,
}

ODD_NUMBERS: dict[str, dict[str, list[float]]] = {
    "odd-09": {"power": [0], "energy": [17.6], "overload_protection": [], "voltage": [228]},
    "odd-14": {"battery": [100], "temperature": [30.46]},
    "odd-17": {"rssi": []},
    "odd-20": {"SerialReceived": []},
    "odd-27": {"ZbReceived.0x7120.EnergyTotal": [], "ZbReceived.0x7120.Device": [], "ZbReceived.0x7120.LinkQuality": [229]},
    "odd-30": {"": [2.1]},  # a version; whoever names this topic in a rule gets what it says
    "odd-36": {"": [1, 1], "value": []},  # 0 and 1 are numbers, every other spelling of a boolean is none
    "odd-42": {"state": [], "[0].id": [1]},
    "odd-43": {"value": [], "value.value": [0]},
    "odd-44": {"ENERGY.Power": [], "ENERGY.Power[0]": [26], "ENERGY.Power[3]": []},
    "odd-51": {'PMS5003["PM2.5"]': [2], "PMS5003.PM2.5": [], "NeoPool.Powerunit.24-30V": [33.7], "switch:0.apower": [1.5]},
    "odd-53": {"ZbReceived.Entrance_Ambient.LinkQuality": []},
    "odd-55": {"t": [21.5]},
    "odd-63": {"grid.power": []},
    "odd-64": {"grid.power": []},
    "odd-65": {"": [1691961100, 2450]},
    "odd-79": {"value": [12, 9]},
    "odd-83": {"": [7.4]},
    "odd-85": {"": [0.5]},
    "odd-86": {"battery": [97], "contact": []},
    "odd-92": {"": [10, 10]},
    "odd-93": {"POWER": [], "": []},
    "odd-94": {"gates.camera_fps": [25], "cameras.gates.camera_fps": [25]},
    "odd-95": {"params.switch:0.apower": [639.2]},
    "odd-96": {"temperature_C": [17.4, 11.3]},
    "odd-97": {"": [17.4, 17.4]},
    "odd-100": {"batt": [80, 80, 80, 80]},
    "odd-102": {"value": [10]},  # months old, which only its dialect can tell
    "odd-113": {"params.temperature:0.tC": [19.0], "params.sys.time": [], "params.sys.uptime": [0]},
    "odd-114": {"NeoPool.Temperature": [23.5]},
    "odd-115": {"StatusSNS.ENERGY.Power": [0], "StatusSNS.Time": []},
    "odd-117": {"tst": [1642628067, 1388991216], "params.ts": [1657970344.65], "time": [1548683523859]},
    "odd-121": {"ENERGY.Total": [359.067, 355.1]},
    "odd-123": {"": [13124, 64541], "aenergy.total": [1039.106], "aenergy.by_minute": []},
    "odd-126": {"value": [20.43000030517578]},
    "odd-128": {"DHT11.Temperature": [21.0, 69.8], "TempUnit": []},
    "odd-130": {"value": [17.2]},
    "odd-131": {"value": [1]},
    "odd-133": {"": [4294900, 1275000000, 1275000060]},
    "odd-134": {"": [0.492942, 3137.403564]},
    "odd-136": {"": [838831, 838857.6, 5.3]},
    "odd-138": {"ImpulsesTotal": [3065, 5], "Time": []},
}  # fmt: skip


@dataclass
class House:
    """Rules on many paths of many topics, which fire at every number that they see."""

    folder: Path
    topics: list[str]
    paths: list[str]
    fired: list[Firing] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)

    def __post_init__(self) -> None:
        tables = []
        for topic in dict.fromkeys(self.topics):
            for path in {parse_path(path): path for path in self.paths}.values():
                metric = "payload" + (path if path.startswith("[") or not path else "." + path)
                name = f"r{len(tables)}"
                for sign, far in ((">", "-1" + "0" * 30), ("<", "1" + "0" * 30)):
                    when = json.dumps(f"{metric} {sign} {far}", ensure_ascii=False)
                    table = f"[{name}{'u' if sign == '>' else 'd'}]\ntopic = {json.dumps(topic, ensure_ascii=False)}\nwhen = {when}\ncooldown = 0\n"
                    tables.append(table)
        (self.folder / "all.toml").write_text("\n".join(tables))
        self.evaluation = Evaluation(RuleBook.load(self.folder).rules, self.facts, self.fired.append)

    def say(self, topic: str, payload: bytes, retain: bool, at: float) -> None:
        self.facts.telemetry(topic, payload, 0, retain, at)
        self.evaluation.passed(at)
        for state in self.evaluation.states.values():
            state.subjects.clear()  # ready to fire at the next number too

    def numbers(self, path: str) -> list[float]:
        """What the rules on a path have seen, the same from above and from below."""
        steps = parse_path(path)
        seen = {
            side: [f.value for f in self.fired if f.rule.when.path == steps and f.rule.name[-1] == side]
            for side in "ud"
        }
        assert seen["u"] == seen["d"]
        return seen["u"]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every path into a JSON value, with what stands there."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            if not set(key) & set("\"'"):
                yield from leaves(inner, f'{path}["{key}"]')
    elif isinstance(value, list):
        for index, inner in enumerate(value[:3]):
            yield from leaves(inner, f"{path}[{index}]")


def paths_of(payload: bytes) -> dict[str, Any]:
    try:
        return dict(leaves(json.loads(payload)))
    except ValueError:
        return {}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@pytest.mark.parametrize("sample", SAMPLES, ids=[f"{n}-{s['dialect']}" for n, s in enumerate(SAMPLES, start=1)])
@pytest.mark.parametrize("retain", [False, True], ids=["live", "retained"])
def test_each_sample_gives_rules_the_numbers_it_means_and_no_others(tmp_path, sample, retain):
    payload, topic = payload_of(sample), sample["topic"]
    meaning = {path: told["value"] for path, told in sample["meaning"].items()}
    found = paths_of(payload)
    house = House(tmp_path, [topic], [*meaning, *found])
    house.say(topic, payload, retain, 1.0)
    if retain:
        assert house.fired == []
        return
    for path, value in meaning.items():
        beyond = BEYOND.get((topic, path)) or BEYOND.get((topic, "*"))
        if topic.startswith("spBv1.0/") or beyond == UNREAD or (beyond is None and not is_number(value)):
            assert house.numbers(path) == []
        elif beyond is None:
            assert house.numbers(path) == [pytest.approx(value, abs=1e-6)]
    for path, value in found.items():
        if is_number(value):
            assert house.numbers(path) == [value]
        elif not isinstance(value, str):
            assert house.numbers(path) == []


@pytest.mark.parametrize("oddity", ODDITIES, ids=[f"{o['id']}-{o['kind']}" for o in ODDITIES])
@pytest.mark.parametrize("kept", [False, True], ids=["live", "retained"])
def test_each_oddity_gives_rules_only_the_numbers_that_can_be_relied_on(tmp_path, oddity, kept):
    messages = list(messages_of(oddity))
    expected = {"": []} | ODD_NUMBERS.get(oddity["id"], {})
    paths = [*expected, *(path for message in messages for path in paths_of(payload_of(message)))]
    house = House(tmp_path, [message["topic"] for message in messages], paths)
    for at, message in enumerate(messages):
        house.say(message["topic"], payload_of(message), kept or bool(message.get("retain")), float(at))
    assert house.facts.tally.heard == len(messages)
    if kept:
        assert house.fired == []
        return
    assert {path: house.numbers(path) for path in expected} == {
        path: [pytest.approx(value) for value in values] for path, values in expected.items()
    }
    assert all(math.isfinite(firing.value) and firing.why.isprintable() for firing in house.fired)


def test_the_tables_of_this_file_name_lines_that_exist():
    known = {(sample["topic"], path) for sample in SAMPLES for path in (*sample["meaning"], "*")}
    assert set(BEYOND) <= known
    assert set(ODD_NUMBERS) <= {oddity["id"] for oddity in ODDITIES}


def test_all_lines_together_through_one_set_of_rules_count_what_is_malformed(tmp_path):
    lines = [*SAMPLES, *(oddity for oddity in ODDITIES if "sequence" not in oddity)]
    house = House(tmp_path, ["#", "$SYS/#"], ["", "ENERGY.Power", "temperature", "value"])
    for at, line in enumerate(lines):
        house.facts.telemetry(line["topic"], payload_of(line), 0, bool(line["retain"]), at * 2.0)
    tally = house.facts.tally
    assert tally.heard == len(lines)
    assert tally.malformed > 10
    assert tally.empty >= 5
    assert house.fired
    assert not any(firing.value == 0 and firing.subject.endswith("availability") for firing in house.fired)

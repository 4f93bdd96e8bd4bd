"""Simulated devices speak as the recorded ones did, and what they count numbers their readings."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path

import pytest

from devices.errors import UsageError
from devices.protocol.readings import number_at, parse, parse_path
from devices.simulators.heat import ramp, show
from devices.simulators.house import FIRMWARES, furnish, reading_of
from devices.simulators.recorded import telling

SAMPLES = Path(__file__).parents[1] / "telemetry" / "samples.jsonl"
RECORDED = Path(__file__).parents[2] / "devices" / "simulators" / "recorded.jsonl"

CHANGING = {
    "STATE": {"Time", "Uptime", "UptimeSec"},
    "SENSOR": {"Time", "Total", "Today", "Period", "Power", "Factor", "Current"},
    "0x00158d0000000001": {"last_seen", "temperature"},
    "switch:0": {"total", "minute_ts"},
}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def flat(value, key=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from flat(inner, key)
    else:
        yield key, value


def test_every_recorded_message_is_one_of_the_samples():
    samples = {
        (line["topic"], line["payload"], line["retain"], line["qos"]) for line in lines(SAMPLES) if "payload" in line
    }
    assert {(line["topic"], line["payload"], line["retain"], line["qos"]) for line in lines(RECORDED)} <= samples


@pytest.mark.parametrize("device", furnish(), ids=FIRMWARES)
def test_without_a_site_a_device_speaks_on_its_firmwares_own_topics_with_its_qos_and_retain_flag(device):
    flags = {(line["topic"].split("/")[0], line["topic"].split("/")[-1]): line for line in lines(RECORDED)}
    for publication in device.reading(1):
        levels = publication.topic.split("/")
        recorded = flags[levels[0], levels[-1]]
        assert (publication.qos, publication.retain) == (recorded["qos"], recorded["retain"])


@pytest.mark.parametrize("device", furnish(), ids=FIRMWARES)
def test_a_reading_differs_from_the_recorded_one_only_in_what_has_to_change(device):
    recorded = {line["topic"].split("/")[-1]: line["payload"] for line in lines(RECORDED)}
    for publication in device.reading(7):
        leaf = publication.topic.split("/")[-1]
        if leaf in CHANGING:
            before = dict(flat(json.loads(recorded[leaf])))
            after = dict(flat(json.loads(publication.payload)))
            assert list(before) == list(after)
            assert {key for key in before if before[key] != after[key]} <= CHANGING[leaf]


@pytest.mark.parametrize("device", furnish("somewhere"), ids=FIRMWARES)
def test_the_number_of_a_reading_goes_up_by_one_step_each_time_for_a_long_while(device):
    numbers = [
        reading_of([device], one.topic, one.payload) for count in range(1, 20_000) for one in device.reading(count)
    ]
    found = [each[1] for each in numbers if each is not None]
    steps = {later - earlier for earlier, later in itertools.pairwise(found)}
    assert len(found) == 19_999
    assert len(steps) == 1
    assert min(steps) >= 1


@pytest.mark.parametrize("device", furnish(), ids=FIRMWARES)
def test_what_is_no_numbered_reading_has_no_number(device):
    (birth,) = device.birth()
    assert reading_of([device], birth.topic, birth.payload) is None
    assert reading_of([device], device.numbered, b"") is None
    assert reading_of([device], device.numbered, b'{"a":1}') is None
    assert reading_of([device], "other", device.reading(1)[-1].payload) is None


def test_a_site_stands_before_every_topic_and_makes_the_client_ids_its_own():
    here, there = furnish("here/and/now"), furnish("there")
    for device in here:
        said = [*device.birth(), *device.reading(1), *device.farewell()]
        assert all(one.topic.startswith("here/and/now/") for one in said)
        assert device.will.topic.startswith("here/and/now/")
    assert not {device.client_id for device in here} & {device.client_id for device in there}
    assert [device.client_id for device in furnish("there")] == [device.client_id for device in there]


def test_the_plugs_daily_counter_falls_at_midnight_and_its_total_does_not():
    (plug,) = furnish("", ["tasmota"])
    last = None
    for count in range(1, 10_000):
        sensor = json.loads(plug.reading(count)[-1].payload)
        day, today = datetime.fromisoformat(sensor["Time"]).date(), sensor["ENERGY"]["Today"]
        if last is not None and day != last[0]:
            assert today == 0.0
            assert last[1] > 7
            return
        last = (day, today)
    pytest.fail("no midnight came")


def test_the_numbers_can_be_found_by_the_paths_of_rules_and_functions_too():
    found = {}
    for device, path in zip(furnish(), ("ENERGY.Total", "last_seen", "aenergy.total", ""), strict=True):
        payload = next(one.payload for one in device.reading(3) if one.topic == device.numbered)
        found[path] = number_at(parse(payload), parse_path(path))
    del found["last_seen"]  # a time: text
    assert found == {"ENERGY.Total": 0.055, "aenergy.total": 1042.106, "": 0.003}


def test_a_key_that_does_not_stand_once_in_a_payload_is_a_mistake():
    with pytest.raises(AssertionError):
        telling('{"a":1,"b":{"a":2}}', {"a": "3"})


def test_an_unknown_firmware_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="tasmotta") as caught:
        furnish("", ["tasmotta"])
    assert "zigbee2mqtt" in (caught.value.remedy or "")


def test_a_thermal_zone_shows_thousandths_of_a_degree(tmp_path):
    show(tmp_path / "temp", 75.25)
    assert (tmp_path / "temp").read_text() == "75250\n"


async def test_a_ramp_ends_hot_and_leaves_one_file(tmp_path):
    await ramp(tmp_path / "temp", 40.0, 85.0, seconds=0.01)
    assert (tmp_path / "temp").read_text() == "85000\n"
    assert [path.name for path in tmp_path.iterdir()] == ["temp"]

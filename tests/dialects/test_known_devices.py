"""Which devices there are, whether they are there, and what stays known of them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from coordinator.dialects.interpretation import Signal
from coordinator.ingest import device as single
from coordinator.ingest import devices as ingest
from coordinator.ingest import turns
from coordinator.ingest.devices import Devices
from coordinator.ingest.liveness import Liveness, Signs, judge
from coordinator.views.devices import rows
from devices.errors import RefusedError

NOW = 1.7e9
SAMPLES = Path(__file__).parents[1] / "telemetry" / "samples.jsonl"


class Ear:
    """Devices, fed by hand; the wall clock goes with the messages'."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.devices = Devices("midstream", wall=lambda: NOW + self.at)
        self.devices.passed(self.at)

    def say(self, topic: str, payload: str | bytes, *, retained: bool = False, after: float = 0.0) -> None:
        self.at += after
        data = payload.encode() if isinstance(payload, str) else payload
        self.devices.heard(topic, data, retained=retained, at=self.at)
        self.devices.passed(self.at)

    def one(self, name: str):
        (device,) = [device for device in self.devices.every() if device.name == name]
        return device

    def liveness(self, name: str, after: float = 0.0) -> tuple[Liveness, str]:
        self.at += after
        return self.devices.liveness(self.one(name), self.at)

    def known(self, name: str, path: str):
        (known,) = [known for place, known in self.one(name).readings.items() if place[2] == path]
        return known


@pytest.fixture
def ear() -> Ear:
    return Ear()


def test_null_and_no_number_are_no_news_and_keep_what_was_known(ear):
    ear.say("zigbee2mqtt/trv", '{"battery":81,"duration":900}')
    ear.say("zigbee2mqtt/trv", '{"battery":null,"temperature":21}', after=60)
    battery = ear.known("trv", "battery")
    assert (battery.reading.value, ear.devices.age(battery, ear.at)) == (81, 60.0)
    assert "null" in battery.news
    assert ear.known("trv", "duration").reading.value == 900
    ear.say("zigbee2mqtt/trv", '{"battery":80}', after=60)
    assert ear.known("trv", "battery")[0:2] == (ear.known("trv", "battery").reading, ear.at)
    assert not ear.known("trv", "battery").news


def test_what_the_broker_had_kept_has_no_age_shows_no_life_and_never_replaces_what_was_heard(ear):
    ear.say("zigbee2mqtt/lamp", '{"brightness":10}', retained=True)
    assert ear.devices.age(ear.known("lamp", "brightness"), ear.at) is None
    assert ear.liveness("lamp")[0] is Liveness.UNKNOWN
    ear.say("zigbee2mqtt/lamp", '{"brightness":20}')
    ear.say("zigbee2mqtt/lamp", '{"brightness":10}', retained=True)
    assert ear.known("lamp", "brightness").reading.value == 20
    assert ear.liveness("lamp")[0] is Liveness.ONLINE


def test_a_dead_bridge_makes_what_speaks_through_it_unknown_although_its_own_word_is_online(ear):
    ear.say("zigbee2mqtt/bridge/state", '{"state":"online"}')
    ear.say("zigbee2mqtt/lamp/availability", '{"state":"online"}')
    ear.say("zigbee2mqtt/lamp", '{"state":"ON"}')
    assert ear.liveness("lamp")[0] is Liveness.ONLINE
    ear.say("zigbee2mqtt/bridge/state", '{"state":"offline"}', after=1)
    state, why = ear.liveness("lamp", after=300)
    assert state is Liveness.UNKNOWN
    assert "zigbee2mqtt, through which it speaks, is offline" in why


def test_an_offline_word_that_live_data_contradicts_is_inconsistent(ear):
    ear.say("evcc/status", "offline", retained=True)
    assert ear.liveness("evcc")[0] is Liveness.OFFLINE
    ear.say("evcc/updated", "1691961100", after=30)
    state, why = ear.liveness("evcc")
    assert (state, "yet it speaks" in why, "kept" in why) == (Liveness.INCONSISTENT, True, True)


def test_a_device_that_said_that_it_goes_to_sleep_is_asleep_although_its_will_says_offline(ear):
    ear.say("tele/attic/LWT", "Online")
    ear.say("stat/attic/DEEPSLEEP", '{"DeepSleep":{"Time":"2024-01-01T00:00:00","Epoch":1704067200}}')
    ear.say("tele/attic/LWT", "Offline", after=1)
    assert ear.liveness("attic", after=7200)[0] is Liveness.ASLEEP
    ear.say("tele/attic/LWT", "Online")
    assert ear.liveness("attic")[0] is Liveness.ONLINE


def test_a_word_that_nobody_has_explained_is_unknown_not_down(ear):
    ear.say("tele/plug/LWT", "Verbunden", retained=True)
    state, why = ear.liveness("plug")
    assert (state, "'Verbunden'" in why, "nobody has explained" in why) == (Liveness.UNKNOWN, True, True)


def test_silence_is_judged_by_a_devices_habits_and_not_while_we_were_deaf(ear):
    for _ in range(5):
        ear.say("home/g/BTtoMQTT/AA", '{"id":"AA:BB","tempc":20}', after=45)
    assert ear.liveness("AA:BB", after=150)[0] is Liveness.ONLINE
    state, why = ear.liveness("AA:BB", after=60)
    assert (state, "usual is less than" in why) == (Liveness.SILENT, True)
    ear.devices.deaf()
    ear.devices.passed(ear.at)
    assert ear.liveness("AA:BB", after=10)[0] is Liveness.ONLINE
    assert ear.liveness("AA:BB", after=300)[0] is Liveness.SILENT


def test_a_phone_that_loses_its_session_every_ten_minutes_comes_and_goes(ear):
    for _ in range(3):
        ear.say("owntracks/jane/phone", '{"_type":"lwt","tst":1459198293}', after=60)
        ear.say(
            "owntracks/jane/phone", json.dumps({"_type": "location", "tst": int(NOW + ear.at) + 5, "lat": 1}), after=5
        )
    assert "comes and goes" in ear.liveness("jane/phone")[1]


def test_an_empty_message_takes_away_what_was_kept_and_raises_no_alarm(ear):
    ear.say("zigbee2mqtt/old/availability", '{"state":"online"}', retained=True)
    ear.say("evcc/loadpoints/1/vehicleSoc", "55")
    ear.say("evcc/loadpoints/1/vehicleSoc", "")
    assert [device.name for device in ear.devices.every()] == ["old"]
    ear.say("zigbee2mqtt/old/availability", "")
    assert not ear.one("old").readings


def test_what_only_describes_is_no_device_and_what_only_was_kept_is_no_sign_of_life(ear):
    ear.say("homeassistant/sensor/x/t/config", '{"stat_t":"x/t","unit_of_meas":"°C"}', retained=True)
    ear.say("homie/d/$name", "Lamp", retained=True)
    ear.say("owntracks/jane/phone", '{"_type":"location","tst":1700000000,"batt":80}', retained=True)
    assert [device.name for device in ear.devices.every()] == ["jane/phone"]
    assert ear.liveness("jane/phone")[0] is Liveness.UNKNOWN
    ear.say("homie/d/n/power", "true")
    ear.say("homie/5/d/n/power", "true")
    ear.say("homie/d/$name", "Lamp", retained=True)
    assert sorted(device.dialect for device in ear.devices.every()) == ["homie4", "homie5", "owntracks"]


def test_numbers_and_words_that_alternate_on_a_topic_are_told(ear):
    for payload in ("10", '"Online"', "11"):
        ear.say("statestream/sensor/name/state", payload)
    known = ear.known("sensor.name", "")
    assert (known.reading.value, known.mixed) == (11, True)


def test_repeats_and_history_do_not_replace_the_newest(ear):
    for gateway, seconds in (("1", 5), ("2", 4)):
        packet = {"from": 7, "id": 9, "type": "telemetry", "payload": {"uptime_seconds": seconds}}
        ear.say(f"msh/2/json/LongFast/!0000000{gateway}", json.dumps(packet))
    uptimes = [known.reading.value for place, known in ear.one("!00000007").readings.items() if "uptime" in place[2]]
    assert uptimes == [5]


def test_strangers_that_come_once_never_drive_out_who_is_at_home(ear, monkeypatch):
    monkeypatch.setattr(ingest, "NEWCOMERS", 20)
    monkeypatch.setattr(ingest, "RESIDENTS", 3)
    for _ in range(5):
        ear.say("tele/plug/SENSOR", '{"Time":"x"}', after=10)
    for n in range(100):
        ear.say(f"home/g/BTtoMQTT/{n}", json.dumps({"id": f"AA:{n}", "rssi": -50}), after=0.1)
    names = [device.name for device in ear.devices.every()]
    assert ("plug" in names, len(names), ear.devices.forgotten) == (True, 21, 80)


def test_a_device_has_so_many_readings_and_says_how_many_had_to_go(ear):
    for n in range(single.READINGS + 10):
        ear.say(f"glances/nas/fs/m{n}/percent", "1")
    assert (len(ear.one("nas").readings), ear.one("nas").forgotten) == (single.READINGS, 10)


def test_rows_tell_everything_and_find_a_device_by_the_end_of_its_name(ear, monkeypatch):
    monkeypatch.setattr("coordinator.views.devices.time.monotonic", lambda: ear.at)
    ear.say("zigbee2mqtt/Küche/Tür", '{"contact":true,"battery":"12,5"}')
    ear.say("zigbee2mqtt/Ku\u0308che/Tu\u0308r", '{"contact":true}')
    ear.say("midstream/hubs/nas/status", "online")
    ear.say("tele/plug/SENSOR", "{broken")
    every = rows(ear.devices)
    assert [(row.dialect, row.device) for row in every] == [
        ("tasmota", "plug"), ("zigbee2mqtt", "Ku\u0308che/Tu\u0308r"), ("zigbee2mqtt", "Küche/Tür"),
    ]  # fmt: skip
    assert every[2].same_as == "Ku\u0308che/Tu\u0308r"
    assert (every[0].unreadable, "like JSON" in every[0].error) == (1, True)
    (door,) = rows(ear.devices, "Tür")
    battery = next(reading for reading in door.readings if reading.path == "battery")
    assert (battery.value, battery.unit, battery.raw, battery.age) == (None, "%", "12,5", 0.0)
    assert "not wholly" in battery.why
    with pytest.raises(RefusedError):
        rows(ear.devices, "nobody")


@pytest.mark.parametrize(
    ("signs", "state"),
    [
        (Signs(), Liveness.UNKNOWN),
        (Signs(signal=Signal.UP, word="online", said=0.0), Liveness.ONLINE),
        (Signs(signal=Signal.DOWN, word="offline", said=90.0, alive=90.0), Liveness.OFFLINE),
        (Signs(signal=Signal.DOWN, word="offline", said=50.0, alive=90.0), Liveness.INCONSISTENT),
        (Signs(signal=Signal.UNKNOWN, word="huh", said=50.0, alive=90.0), Liveness.ONLINE),
    ],
)
def test_liveness_is_its_own_word_and_its_silence(signs, state):
    assert judge(signs, 100.0, 0.0, None)[0] is state
    silent = judge(signs, 100.0 + 26 * 3600, 0.0, None)[0]
    assert silent is (Liveness.SILENT if state is Liveness.ONLINE and signs.signal is not Signal.UNKNOWN else silent)
    assert silent is not Liveness.ONLINE


def test_a_flood_is_looked_into_a_bounded_number_of_times_a_second_and_the_newest_of_each_topic_counts(monkeypatch):
    monkeypatch.setattr(turns, "EACH_SECOND", 10)
    monkeypatch.setattr(turns, "WAITING", 30)
    devices = Devices("midstream", wall=lambda: NOW)
    devices.passed(1000.0)
    for n in range(100):
        devices.heard("glances/nas/cpu/total", str(n).encode(), retained=False, at=1000.0 + n / 1000)
    (nas,) = devices.every()
    assert [known.reading.value for known in nas.readings.values()] == [0]
    devices.passed(1001.0)
    assert [known.reading.value for known in nas.readings.values()] == [99]
    assert nas.messages == 100
    for n in range(100):
        devices.heard(f"glances/nas/fs/m{n}/percent", b"1", retained=False, at=1002.0)
    assert len(nas.readings) == 10
    for second in range(5):
        devices.passed(1003.0 + second)
    assert len(nas.readings) == 10 + 30


def test_every_message_of_a_sparkplug_node_counts_however_fast_they_come():
    devices = Devices("midstream", wall=lambda: NOW)
    for seq in range(3):
        devices.heard(
            "spBv1.0/g/NDATA/n", b"\x12\x07\x0a\x01V\x20\x03\x50" + bytes([seq, 0x18, seq]), retained=False, at=1000.0
        )
    (node,) = devices.every()
    known = {place[2]: known.reading for place, known in node.readings.items()}
    assert (known["seq"].value, known["seq"].why) == (2, "")


def test_what_speaks_when_something_happens_may_be_silent_for_a_night_and_what_keeps_a_beat_may_not(ear):
    for pause in (5, 20, 7200, 3, 3, 3):
        ear.say("zigbee2mqtt/door", '{"contact":true}', after=pause)
        ear.say("zigbee2mqtt/bridge/logging", '{"level":"info"}')
    assert ear.liveness("door", after=6 * 3600)[0] is Liveness.ONLINE
    assert ear.liveness("door", after=3 * 3600)[0] is Liveness.UNKNOWN  # and its bridge has been silent with it
    for _ in range(5):
        ear.say("N/p1/heartbeat", '{"value":1718860917}', after=3)
    assert ear.liveness("p1", after=61)[0] is Liveness.SILENT


def test_a_bridge_that_passes_messages_on_is_there_although_it_says_nothing_itself(ear):
    ear.say("zigbee2mqtt/bridge/state", "online")
    for _ in range(10):
        ear.say("zigbee2mqtt/lamp", '{"state":"ON"}', after=1800)
    assert ear.liveness("zigbee2mqtt")[0] is Liveness.ONLINE
    assert ear.liveness("lamp", after=120)[0] is Liveness.ONLINE


def test_all_devices_together_have_so_many_readings(ear, monkeypatch):
    monkeypatch.setattr(ingest, "TOGETHER", 50)
    for n in range(30):
        ear.say(f"zigbee2mqtt/d{n}", '{"a":1,"b":2,"c":3,"d":4,"e":5}', after=1)
    devices = list(ear.devices.every())
    assert (len(devices), sum(len(device.readings) for device in devices)) == (10, 50)
    assert devices[-1].name == "d29"


def test_the_death_of_an_edge_node_makes_its_devices_unknown_and_a_late_will_does_not(ear):
    birth, death = b"\x12\x0a\x0a\x05bdSeq\x20\x04\x58\x05\x18\x00", b"\x12\x0b\x0a\x05bdSeq\x20\x04\x58\x04"
    birth, death = (head[:1] + bytes([len(head) - 2 - tail]) + head[2:] for head, tail in ((birth, 2), (death, 0)))
    ear.say("spBv1.0/g/NBIRTH/n", birth)
    ear.say("spBv1.0/g/DDATA/n/d", b"\x12\x07\x0a\x01V\x20\x03\x50\x01\x18\x01")
    ear.say("spBv1.0/g/NDEATH/n", death, after=300)
    assert ear.liveness("g/n")[0] is Liveness.ONLINE
    ear.say("spBv1.0/g/NDEATH/n", death[:-1] + b"\x05")
    assert ear.liveness("g/n")[0:2] == (Liveness.OFFLINE, "it says 'NDEATH'; last heard 5 min ago")
    assert ear.liveness("g/n/d")[0] is Liveness.UNKNOWN


def test_whatever_is_heard_in_whatever_order_the_bounds_hold(monkeypatch):
    monkeypatch.setattr(ingest, "RESIDENTS", 12)
    monkeypatch.setattr(ingest, "NEWCOMERS", 6)
    monkeypatch.setattr(ingest, "TOGETHER", 120)
    monkeypatch.setattr(single, "READINGS", 20)
    lines = [json.loads(line) for line in SAMPLES.read_text().splitlines()]
    chance, devices, at = random.Random(7), Devices("midstream", wall=lambda: NOW), 1000.0
    for _ in range(1500):
        line = chance.choice(lines)
        payload = b"" if chance.random() < 0.1 else line.get("payload", "").encode()
        at += chance.choice([0, 0.1, 1, 5, 100])
        devices.heard(line["topic"], payload, retained=chance.random() < 0.3, at=at)
        if chance.random() < 0.3:
            devices.passed(at)
        if chance.random() < 0.02:
            devices.deaf()
    assert devices._readings == sum(len(device.readings) for device in devices.every()) <= 120
    assert len(list(devices.every())) <= 18
    assert all(row.why for row in rows(devices))


def test_a_homie_device_is_lost_with_its_root(ear):
    ear.say("homie/5/hub/$state", "ready")
    ear.say("homie/5/lamp/n/power", "false")
    ear.say("homie/5/lamp/$description", '{"homie":"5.0","version":1,"root":"hub","nodes":{}}', retained=True)
    ear.say("homie/5/lamp/$state", "ready")
    ear.say("homie/5/lamp/n/power", "true")
    assert ear.liveness("lamp")[0] is Liveness.ONLINE
    ear.say("homie/5/hub/$state", "lost")
    assert ear.liveness("lamp", after=120)[0] is Liveness.UNKNOWN

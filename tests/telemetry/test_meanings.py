"""Every recorded message means what ``samples.jsonl`` says, and every odd one what ``oddities.jsonl`` expects.

Where we disagree it stands in `DIALECTS` and in the comments of `EXPECTED`.
"""

from __future__ import annotations

import math

import msgspec
import pytest
from recorded_lines import ODDITIES, SAMPLES, messages_of, payload_of

from coordinator.dialects.interpretation import Interpretation, Kind, Reading, Signal
from coordinator.dialects.interpreter import Interpreter

DIALECTS = {
    "node-red": "generic",  # a flow's topics are the user's own: nothing in them tells Node-RED
    ("esphome", "homeassistant"): "ha-mqtt",  # discovery is Home Assistant's language, whoever speaks it
    "homie3": "homie",  # 3 and 4 look alike until `$homie` was heard; the recording has one device in both
    "homie4": "homie",
}


def same(reading: Reading, meaning: dict) -> bool:
    value, wanted = reading.value, meaning["value"]
    if isinstance(wanted, bool | str) or wanted is None or isinstance(value, bool | str) or value is None:
        equal = value == wanted and type(value) is type(wanted)
    else:
        equal = math.isclose(value, wanted, rel_tol=1e-12)
    return equal and reading.unit == meaning["unit"] and reading.kind == meaning["kind"]


def check(found: Interpretation, sample: dict) -> None:
    for path, meaning in sample["meaning"].items():
        assert path in found.readings
        assert same(found.readings[path], meaning), (path, found.readings[path], meaning)
    wanted = DIALECTS.get((sample["dialect"], sample["topic"].split("/")[0])) or sample["dialect"]
    assert found.dialect.startswith(DIALECTS.get(wanted, wanted))


@pytest.mark.parametrize("sample", SAMPLES, ids=[f"{n}-{s['dialect']}" for n, s in enumerate(SAMPLES, start=1)])
def test_each_sample_means_what_it_says_to_one_who_has_heard_nothing_else(sample):
    found = Interpreter().interpret(sample["topic"], payload_of(sample), retained=bool(sample["retain"]), at=0.0)
    check(found, sample)
    assert bool(found.error) == (
        sample["dialect"] == "aps-ecu"
    )  # a hole where a number belongs: told, the rest is read
    if sample["retain"]:
        assert found.stale
        assert not found.sign_of_life


def test_the_samples_mean_the_same_to_one_who_hears_them_all():
    interpreter = Interpreter()
    for sample in SAMPLES:
        retained = bool(sample["retain"])
        check(interpreter.interpret(sample["topic"], payload_of(sample), retained=retained, at=0.0), sample)
    assert interpreter.mistakes == 0


NO = None
EXPECTED: dict[str, list[dict[str, tuple]]] = {
    "odd-02": [{"": (NO, "C", "gauge")}],
    "odd-04": [{"freq": (NO, "Hz", "gauge"), "tem": (NO, "C", "gauge"), "totalpwr": (1.7, "W", "gauge")}],  # and an error
    "odd-05": [{"temperature": (NO, "C", "gauge"), "wifiRssi": (-52, "dBm", "gauge")}],
    "odd-06": [{"distance": (NO, NO, "gauge"), "raw": (NO, NO, "gauge"), "rssi": (-70, NO, "gauge")}],
    "odd-07": [{"": (NO, NO, "gauge")}],
    "odd-09": [{"power": (0, "W", "gauge"), "overload_protection": (NO, NO, "gauge"), "voltage": (228, "V", "gauge")}],
    "odd-11": [{"": (NO, NO, "state")}],
    "odd-14": [{"battery": (100.0, "%", "gauge"), "voltage": (3015, "mV", "gauge")}],
    "odd-16": [{"": (NO, NO, "gauge")}],
    "odd-17": [{"rssi": (-76, "dBm", "gauge")}],  # ANAVI always writes it so: known, not guessed
    "odd-20": [{"SerialReceived": ("1-0:1.7.0(00.498*kW)", NO, "event")}],
    "odd-22": [{"": (NO, NO, "gauge")}],
    "odd-24": [{"": (NO, NO, "gauge")}],
    "odd-25": [{"": (NO, "C", "gauge")}],
    "odd-26": [{"": ("cd=1,tot_i=0,cel_c=75,tim_0=0|0|0|0|0|0|0,fc_v=202409090159,pv1=1076|1", NO, "state")}],
    # The one field that Zigbee2Tasmota always writes in hexadecimal; the address beside it stays text.
    "odd-27": [{"ZbReceived.0x7120.EnergyTotal": (0, NO, "counter"), "ZbReceived.0x7120.Device": ("0x7120", NO, "config")}],
    "odd-30": [{"": ("2.1", NO, "config")}],
    "odd-36": [
        {"": ("on", NO, "state")}, {"": (True, NO, "liveness")}, {"": (1, NO, "state")}, {"": ("Online", NO, "liveness")},
        {"": ("ON", NO, "state")}, {"state": ("online", NO, "liveness")}, {"": (1, NO, "liveness")}, {"": ("no", NO, "state")},
        {"": ("ONLINE", NO, "liveness")}, {"": ("ready", NO, "liveness")}, {"value": (True, NO, "liveness")},
    ],
    "odd-38": [{"": ("Verbunden", NO, "liveness")}],
    "odd-39": [{"": ("Outdoor", NO, "config")}],
    "odd-40": [{"": ("OFF", NO, "state")}],
    "odd-42": [{"[0].id": (1, NO, "config")}],
    "odd-43": [{"value.value": (0, "s", "config")}],
    "odd-44": [{"ENERGY.Power[0]": (26, "W", "gauge"), "ENERGY.Power[2]": (8, "W", "gauge")}],
    "odd-51": [{'PMS5003["PM2.5"]': (2, NO, "gauge"), "NeoPool.Powerunit.24-30V": (33.7, NO, "gauge"), "switch:0.apower": (1.5, NO, "gauge")}],
    "odd-54": [{"": (0, NO, "gauge")}],
    "odd-55": [{"t": (21.5, NO, "gauge")}],
    "odd-57": [{"": ("", NO, "state")}],
    "odd-59": [{"used_percent": (40.28, "%", "gauge")}],
    "odd-60": [{"": ("log line", NO, "event")}],
    "odd-62": [{"vs.ac": (128, NO, "gauge"), "vs.cl[1]": (160, NO, "gauge"), "vs.wv": (NO, NO, "gauge")}],
    "odd-63": [{"grid.power": (3200, NO, "gauge")}] * 2,
    "odd-64": [{"grid.power": (3200, NO, "gauge")}],
    "odd-65": [{"": ("offline", NO, "liveness")}, {"": (1691961100, "s", "liveness")}, {"": (2450, "W", "gauge")}],
    "odd-66": [{"": ("online", NO, "liveness")}],
    "odd-69": [{"_type": ("lwt", NO, "liveness")}] * 3,
    "odd-72": [{"bdSeq": (5, NO, "config")}, {"bdSeq": (4, NO, "liveness")}],
    "odd-73": [{"seq": (255, NO, "config")}, {"seq": (0, NO, "config")}, {"seq": (3, NO, "config")}],
    "odd-74": [{"Temp": (-87, "C", "gauge")}],
    "odd-75": [{"Uptime": (1723882554, "s", "counter")}],
    "odd-76": [{"": ("protobuf ServiceEnvelope", NO, "event")}],
    "odd-77": [{"": (NO, NO, "deletion")}],
    "odd-78": [{"": (NO, "C", "gauge")}],
    "odd-79": [{"value": (12, "W", "gauge")}, {"value": (NO, "W", "gauge")}, {"value": (9, "W", "gauge")}],
    "odd-80": [{"": (NO, "%", "gauge")}],
    "odd-81": [{"": (NO, NO, "deletion")}],
    "odd-82": [{"state": ("online", NO, "liveness")}],
    "odd-83": [{"": (7.4, NO, "gauge")}],
    "odd-84": [{"": (NO, NO, "gauge")}],
    "odd-85": [{"": (0.5, NO, "gauge")}],
    "odd-86": [{"contact": (True, NO, "state"), "battery": (97, "%", "gauge")}],
    "odd-88": [{"state": ("ON", NO, "state")}],
    "odd-92": [{"": (10, NO, "gauge")}, {"": ("Online", NO, "state")}, {"": (10, NO, "gauge")}],
    "odd-93": [{"POWER": ("ON", NO, "state")}, {"": ("ON", NO, "state")}],
    "odd-94": [{"gates.camera_fps": (25.0, "1/s", "gauge")}, {"cameras.gates.camera_fps": (25.0, "1/s", "gauge")}],
    "odd-95": [{"params.switch:0.apower": (639.2, "W", "gauge")}, {"params.mqtt.connected": (True, NO, "state")}],
    "odd-96": [{"temperature_C": (17.4, "C", "gauge")}, {"temperature_C": (11.3, "C", "gauge")}],
    "odd-97": [{"": (17.4, "C", "gauge")}] * 2,
    "odd-99": [{"payload.uptime_seconds": (19865, "s", "counter")}] * 2,
    "odd-100": [{"batt": (80, "%", "gauge")}] * 4,
    "odd-102": [{"value": (10, "%", "gauge")}],
    "odd-103": [{"Temp": (19, "C", "gauge")}],
    "odd-105": [{"SerialReceived": (f"1-0:{n}.7.0(00.{n}*kW)", NO, "event")} for n in range(25)],
    "odd-109": [{"": ("online", NO, "liveness")}],
    "odd-111": [{"": ("2022-10-29 18:42:29", NO, "timestamp")}],
    "odd-113": [{"params.temperature:0.tC": (19.0, "C", "gauge"), "params.sys.unixtime": (NO, "s", "timestamp")}],
    "odd-114": [{"NeoPool.Temperature": (23.5, "C", "gauge")}],
    "odd-115": [{"StatusSNS.Time": ("2018.02.04 23:17:01", NO, "timestamp"), "StatusSNS.ENERGY.Total": (3.185, "kWh", "counter")}],
    "odd-117": [{"tst": (1642628067, NO, "timestamp")}, {"params.ts": (1657970344.65, NO, "timestamp")}, {"time": (1548683523859, NO, "timestamp")}, {}, {"tst": ("1388991216", NO, "timestamp")}],
    "odd-121": [{"ENERGY.Total": (359.067, "kWh", "counter")}, {"ENERGY.Total": (355.1, "kWh", "counter"), "ENERGY.Today": (0.0, "kWh", "counter-daily")}],
    "odd-123": [{"": (13124, "W.min", "counter")}, {"": (64541.0, "Wh", "counter")}, {"aenergy.total": (1039.106, "Wh", "counter"), "aenergy.by_minute[0]": (854.637, "mWh", "gauge")}],
    "odd-126": [{"value": (20.43, "V", "gauge")}],
    "odd-128": [{"DHT11.Temperature": (21.0, "C", "gauge")}, {"DHT11.Temperature": (69.8, "F", "gauge")}],
    "odd-129": [{"": ("OL CHRG LB", NO, "state"), "on_battery": (False, NO, "state"), "low_battery": (True, NO, "state")}],
    "odd-130": [{"value": (17.2, NO, "gauge")}],
    "odd-131": [{"value": (1, NO, "config"), "max": (1, NO, "config")}],
    "odd-133": [{"": (4294900, "s", "counter")}, {"": (NO, "s", "counter")}, {"": (NO, "s", "counter")}],
    "odd-134": [{"": (0.492942, "kWh", "counter")}, {"": (3137.403564, "kWh", "counter")}],
    "odd-136": [{"": (838831, NO, "counter")}, {"": (838857.6, NO, "counter")}, {"": (5.3, NO, "counter")}],
    "odd-138": [{"ImpulsesTotal": (3065, NO, "counter")}, {"ImpulsesTotal": (5, NO, "counter"), "UptimeSec": (36, "s", "counter")}],
}  # fmt: skip
NOT_THERE = {"odd-42": ["state"], "odd-43": ["value"], "odd-44": ["ENERGY.Power"], "odd-51": ["PMS5003.PM2"]}
UNREADABLE = {"odd-04": "character 52", "odd-48": "like JSON", "odd-53": "UTF-8"}
STALE = {  # which messages are no news, and why
    "odd-63": [0, 1], "odd-64": [0], "odd-65": [0], "odd-72": [1], "odd-82": [0], "odd-93": [1], "odd-99": [1],
    "odd-43": [0], "odd-102": [0], "odd-103": [0], "odd-100": [0, 1, 2, 3],
}  # fmt: skip
TOLD_APART = {
    ("odd-73", 2, "seq"): "lost", ("odd-121", 1, "ENERGY.Total"): "last counts are lost", ("odd-121", 1, "ENERGY.Today"): "new day",
    ("odd-133", 1, ""): "not believed", ("odd-134", 1, ""): "no supply", ("odd-136", 2, ""): "began anew",
    ("odd-138", 1, "UptimeSec"): "began anew", ("odd-22", 0, ""): "not wholly", ("odd-84", 0, ""): "not wholly",
}  # fmt: skip
SIGNALS = {
    "odd-36": [None, "UP", None, "UP", None, "UP", "UP", None, "UP", "UP", "UP"], "odd-38": ["UNKNOWN"], "odd-65": ["DOWN", None, None],
    "odd-69": ["DOWN"] * 3, "odd-72": ["UP", None], "odd-79": ["UP", "DOWN", "UP"], "odd-77": [None], "odd-81": [None],
}  # fmt: skip


@pytest.mark.parametrize("oddity", ODDITIES, ids=[f"{o['id']}-{o['kind']}" for o in ODDITIES])
def test_each_oddity_means_what_a_sensible_consumer_expects(oddity):
    interpreter, name = Interpreter(), oddity["id"]
    found = [
        interpreter.interpret(
            message["topic"], payload_of(message), retained=bool(message.get("retain")), at=1.7e9 + 10 * n
        )
        for n, message in enumerate(messages_of(oddity))
    ]
    for one, expected in zip(found, EXPECTED.get(name, [{}] * len(found)), strict=True):
        for path, (value, unit, kind) in expected.items():
            assert same(one.readings[path], {"value": value, "unit": unit, "kind": kind}), (path, one.readings[path])
        assert not set(NOT_THERE.get(name, ())) & set(one.readings)
        assert (UNREADABLE[name] in one.error) if name in UNREADABLE else not one.error
    assert [n for n, one in enumerate(found) if one.stale] == STALE.get(name, [])
    assert [one.signal and one.signal.name for one in found] == SIGNALS.get(
        name, [one.signal and one.signal.name for one in found]
    )
    for (of, n, path), words in TOLD_APART.items():
        if of == name:
            assert words in found[n].readings[path].why
    numbers = [r.value for one in found for r in one.readings.values() if isinstance(r.value, float)]
    assert all(map(math.isfinite, numbers))
    msgspec.json.encode([one.readings for one in found])


def test_every_oddity_with_a_message_that_can_be_read_has_an_expectation():
    silent = {"odd-87"}  # the broker lets nothing through
    assert {oddity["id"] for oddity in ODDITIES} == set(EXPECTED) | (set(UNREADABLE) - {"odd-04"}) | silent


def test_the_ends_of_zigbee2mqtts_bridge_and_of_a_device_are_told_apart():
    interpreter = Interpreter()
    bridge = interpreter.interpret("zigbee2mqtt/bridge/state", b"offline", retained=False, at=0.0)
    lamp = interpreter.interpret("zigbee2mqtt/hall/lamp", b'{"state":"ON"}', retained=False, at=0.0)
    assert (bridge.device, bridge.signal, bridge.readings[""].kind) == ("zigbee2mqtt", Signal.DOWN, Kind.LIVENESS)
    assert (lamp.device, lamp.bridge) == ("hall/lamp", "zigbee2mqtt")

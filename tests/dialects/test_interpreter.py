"""Whatever strangers send, there is an answer in words, within bounds."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.dialects.interpretation import Kind
from coordinator.dialects.interpreter import Interpreter
from coordinator.dialects.leaves import MOST
from coordinator.dialects.memory import Recent
from coordinator.dialects.table import BY_ROOT
from devices.protocol import limits
from devices.protocol.readings import parse_path

TOPICS = [
    "tele/x/SENSOR", "stat/x/STATUS10", "zigbee2mqtt/x", "zigbee2mqtt/bridge/devices", "zigbee2mqtt/x/availability", "shellies/x-1/relay/0",
    "x/events/rpc", "x/status/switch:0", "n/sensor/x/state", "statestream/sensor/x/state", "homeassistant/sensor/x/config", "homie/d/n/p", "homie/5/d/$description",
    "homie/5/d/n/p", "spBv1.0/g/NBIRTH/n", "spBv1.0/g/DDATA/n/d", "spBv1.0/STATE/h", "home/g/BTtoMQTT/AA", "frigate/stats", "frigate/events", "nut2mqtt/hosts/h/ups/ups/status",
    "glances/h/fs/a/percent", "telegraf/h/cpu", "psmqtt/h/cpu", "rpi-MQTT-monitor/h/x", "a/h/p/load", "$SYS/broker/uptime", "valetudo/r/MapData/x", "wled/x/v",
    "msh/2/json/c/!1", "owntracks/u/d", "rtl_433/h/events", "N/p/battery/1/Soc", "zwave/n/38/0/currentValue", "zwave/_EVENTS/x/y", "evcc/site/x", "00005e0053e5/wifi/rssi", "x/stats", "a/b/c", "",
]  # fmt: skip
KEYS = st.sampled_from(["Time", "value", "state", "ENERGY", "params", "method", "payload", "_type", "tst", "cmps", "dev", "exposes", "definition", "a.b", "", "TempUnit", "Error", "id", "from", "unit", "nodes"]) | st.text(max_size=6)  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.integers()
    | st.text(max_size=12)
    | st.just("NotifyStatus"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
PAYLOADS = st.binary(max_size=80) | st.text(max_size=60).map(str.encode) | JSON.map(lambda v: json.dumps(v).encode())


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(TOPICS), PAYLOADS, st.booleans()), min_size=1, max_size=8))
def test_no_payload_on_any_topic_raises_and_every_reading_can_be_written(messages):
    interpreter = Interpreter()
    for topic, payload, retained in messages:
        found = interpreter.interpret(topic, payload, retained=retained, at=1.7e9)
        assert interpreter.mistakes == 0
        msgspec.json.encode(list(found.readings.values()))
        for path, reading in found.readings.items():
            assert reading.value is not True or reading.kind not in (Kind.GAUGE, Kind.COUNTER, Kind.DAILY)
            if "'" not in path and not path.startswith("[") and '[""]' not in path:
                parse_path(path)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested"),
        (b'{"a":1', "like JSON"),
        (b"\xff\xfe{", "UTF-8"),
        (b"x" * (limits.TELEMETRY + 1), "262145 bytes"),
    ],
)
def test_what_cannot_be_read_is_an_error_in_words(payload, words):
    assert words in Interpreter().interpret("tele/x/SENSOR", payload, retained=False, at=0.0).error


def test_a_broken_sparkplug_payload_says_where_it_breaks_and_shows_no_life():
    for payload in (b"\x12\xff", b"\x08", b"\x12\x02\x08", b"\x0b", b"\x12\x03\x0a\x01\xff", b"\xff" * 11, b"\x00\x00"):
        found = Interpreter().interpret("spBv1.0/g/DDATA/n/d", payload, retained=False, at=0.0)
        assert found.error.startswith("no Sparkplug payload")
        assert not found.sign_of_life


def test_what_is_too_large_is_named_by_its_head_and_an_inventory_may_be_larger():
    interpreter = Interpreter()
    picture = interpreter.interpret(
        "frigate/door/person/snapshot", b"\xff\xd8\xff" + bytes(300_000), retained=True, at=0.0
    )
    assert (picture.dialect, picture.readings[""].value, "300003 bytes" in picture.error) == (
        "frigate",
        "JPEG picture",
        True,
    )
    many = [
        {"friendly_name": f"probe{n}", "definition": {"exposes": [{"property": "x", "unit": "µS/cm"}]}}
        for n in range(4000)
    ]
    payload = json.dumps(many).encode()
    assert len(payload) > limits.TELEMETRY
    assert not interpreter.interpret("zigbee2mqtt/bridge/devices", payload, retained=True, at=0.0).error
    assert interpreter.interpret("zigbee2mqtt/probe7", b'{"x":1}', retained=False, at=0.0).readings["x"].unit == "uS/cm"


def test_a_message_has_no_more_readings_than_the_limit():
    payload = json.dumps({f"k{n}": n for n in range(3 * MOST)}).encode()
    assert len(Interpreter().interpret("a/b/c", payload, retained=False, at=0.0).readings) == MOST


def test_a_table_forgets_what_was_used_least_recently():
    table: Recent[int, int] = Recent(3)
    for n in range(3):
        table[n] = n
    assert table.get(0) == 0
    table[3] = 3
    assert (1 in table, 0 in table, len(table)) == (False, True, 3)


def test_names_behind_numbers_come_with_the_birth():
    interpreter = Interpreter()
    metric = b"\x0a\x05Power\x10\x07\x20\x09\x4a\x0f\x0a\x07engUnit\x12\x04\x42\x02kW\x65\x00\x00\x20\x41"
    birth = b"\x12" + bytes([len(metric)]) + metric + b"\x18\x00"
    data = b"\x12\x07\x10\x07\x65\x00\x00\x80\x3f\x18\x01"
    unnamed = interpreter.interpret("spBv1.0/g/NDATA/n", data, retained=False, at=0.0)
    assert "birth" in unnamed.readings["alias 7"].why
    interpreter.interpret("spBv1.0/g/NBIRTH/n", birth, retained=False, at=0.0)
    named = interpreter.interpret("spBv1.0/g/NDATA/n", data, retained=False, at=0.0)
    assert named.readings["Power"][:3] == (1.0, "kW", Kind.GAUGE)


def test_a_firmwares_first_level_leads_to_a_dialect_that_knows_it():
    assert all(BY_ROOT.values())


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("a/b/c", b'{"' + b'\\"' * 100_000),
        ("telegraf/h/x", b"m," + b"a=b," * 50_000 + b"c=d e=1"),
        ("telegraf/h/x", b'm e="' + b'\\"' * 100_000),
        ("a/b/c", b"x," * 100_000),
        ("wled/x/v", b"<ac>1" * 40_000),
    ],
)
@pytest.mark.timeout(20)
def test_a_hostile_payload_costs_no_more_than_its_length(topic, payload):
    assert len(payload) <= limits.TELEMETRY
    for _ in range(3):
        assert Interpreter().interpret(topic, payload, retained=False, at=0.0)

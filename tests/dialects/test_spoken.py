"""What firmware says beyond the recorded samples: ``vocabulary.jsonl``, composed after each firmware's documents, in order."""

from __future__ import annotations

import json
from pathlib import Path

from coordinator.dialects.filters import LISTENED
from coordinator.dialects.interpreter import Interpreter
from devices.protocol.topics import matches, wire_filter

HERE = Path(__file__).parent
LINES = [json.loads(line) for line in (HERE / "vocabulary.jsonl").read_text().splitlines()]

SAMPLES = [json.loads(line) for line in (HERE.parent / "telemetry" / "samples.jsonl").read_text().splitlines()]


def test_each_line_of_the_vocabulary_means_what_it_says_in_the_order_in_which_it_was_heard():
    interpreter = Interpreter()
    for line in LINES:
        found = interpreter.interpret(line["topic"], line["payload"].encode(), retained=False, at=0.0)
        meant = {path: [r.value, r.unit, r.kind] for path, r in found.readings.items() if path in line["meaning"]}
        assert (found.dialect, found.device, meant) == (line["dialect"], line["device"], line["meaning"])
        assert not found.error
    assert interpreter.mistakes == 0


def test_every_dialect_of_the_samples_speaks_here_too():
    assert {line["dialect"] for line in LINES} >= {
        "tasmota", "zigbee2mqtt", "shelly-gen1", "shelly-gen2", "esphome", "ha-statestream", "ha-mqtt", "homie4", "homie5",
        "openmqttgateway", "frigate", "nut", "glances", "telegraf", "psmqtt", "rpi-mqtt-monitor", "collectd", "mosquitto-sys",
        "meshtastic", "owntracks", "rtl_433", "victron", "zwave-js-ui", "evcc", "generic",
    }  # fmt: skip


def test_known_firmware_is_listened_to_where_it_speaks_by_default_but_not_to_its_pictures_and_logs():
    unheard = {line["topic"] for line in SAMPLES if not any(matches(known, line["topic"]) for known in LISTENED)}
    users_own = ("emoncms/", "home/flow/", "00005e0053e5/", "ESP-ECU/", "awtrix_")
    assert {topic for topic in unheard if not topic.startswith(users_own)} == {
        "livingroom/debug",
        "valetudo/robot/MapData/map-data-hass",
        "owntracks/jane/phone/step",
        "statestream/sensor/outdoor_temperature/last_changed",
        "statestream/light/desk/rgb_color",
        "statestream/light/desk/brightness",
        "N/c0619ab00001/settings/0/Settings/LEDs/Enable",
        "N/c0619ab00001/full_publish_completed",
    }
    assert all(wire_filter(known) == known for known in LISTENED)

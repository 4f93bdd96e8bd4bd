"""`rules check`, `rules test` and `record`, as a person calls them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from calling import Midstream

from devices.mqtt.broker import Broker
from devices.testing.broker import RawPublisher

RULES = '[warm]\ntopic = "tank"\nwhen = "payload > 50"\nfor = "20s"\n[off]\nwhen = "hub.cpu > 1"\nenabled = false\n'


def test_rules_are_checked_and_tried_without_a_broker(midstream: Midstream, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "house.toml").write_text(RULES)
    checked = json.loads(midstream("rules", "check", "--json").out)
    assert checked == {
        "folder": "rules", "rules": ["warm"], "disabled": ["off"], "builtin": ["low-battery"], "topics": ["tank"],
    }  # fmt: skip
    lines = [{"time": f"2026-01-05T00:00:{second:02}Z", "topic": "tank", "payload": "60"} for second in (0, 30)]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
    tried = json.loads(midstream("rules", "test", "--replay", "r.jsonl", "rules", "--timezone", "UTC", "--json").out)
    (warm,) = [rule for rule in tried["rules"] if rule["rule"] == "warm"]
    assert [(fired["at"], fired["subject"], fired["value"]) for fired in warm["fired"]] == [
        ("2026-01-05T00:00:20.000+00:00", "tank", 60.0)
    ]
    assert "▲" in midstream("rules", "test", "--replay", "r.jsonl", "rules").out
    (tmp_path / "rules" / "house.toml").write_text(RULES.replace("payload", "paylaod"))
    midstream("rules", "check").is_one_clear_error(2, "house.toml:3", "there is no metric 'paylaod'")
    midstream("rules", "test", "--replay", "none.jsonl", "rules").is_one_clear_error(2)


def test_a_recording_holds_what_was_said_and_nothing_of_checkpoints(
    midstream: Midstream, lonely_broker: Broker, tmp_path: Path
) -> None:
    file, url = tmp_path / "r.jsonl", str(lonely_broker.address)
    command = [sys.executable, "-P", "-m", "coordinator.cli", "record", str(file), "--broker", url]
    with RawPublisher(lonely_broker.address, "device") as device:
        device.publish("tele/plug", "kept", qos=1, retain=True)
        recorder = subprocess.Popen(command, stderr=subprocess.PIPE, env=dict(os.environ), text=True)
        try:
            while not file.exists() or not file.stat().st_size:
                assert recorder.poll() is None
                device.publish("tele/plug", "first", qos=0)
            device.publish("midstream/checkpoints/c/up/1", "secret", qos=1)
            device.publish("midstream/hubs/nas/metrics", "{}", qos=1)
            device.publish("tele/plug", b"\xff", qos=1)
            while b"payload_b64" not in file.read_bytes():
                assert recorder.poll() is None
            recorder.send_signal(signal.SIGINT)
            assert recorder.wait(30) == 0
        finally:
            recorder.kill()
            assert recorder.stderr is not None
            told = recorder.stderr.read()
            recorder.stderr.close()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert (lines[0]["topic"], lines[0]["payload"], lines[0]["retain"]) == ("tele/plug", "kept", True)
    assert {"topic", "time", "payload", "retain", "qos"} == set(lines[0])
    assert (lines[-1]["payload_b64"], lines[-1]["qos"], lines[-1]["retain"]) == ("/w==", 1, False)
    assert {line["topic"] for line in lines} == {"tele/plug", "midstream/hubs/nas/metrics"}
    assert f"{len(lines)} messages of 2 topics" in told
    midstream("record", str(file), "--broker", url).is_one_clear_error(2, "there is a file")

"""A recording of one's own traffic: what it means, without broker and coordinator."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from coordinator.cli import schemas
from coordinator.cli.devices import devices
from coordinator.recording import LINE, Recorded, read_recording
from devices.errors import UsageError

SAMPLES = Path(__file__).parents[1] / "telemetry" / "samples.jsonl"


def recording(folder: Path, *lines: object) -> Path:
    path = folder / "traffic.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def test_a_recording_is_a_line_a_message_with_or_without_time(tmp_path):
    path = recording(
        tmp_path,
        {"topic": "a", "payload": "1", "retain": True, "qos": 1, "time": "2023-11-14T22:13:20Z", "other": {}},
        "",
        {"topic": "b", "payload_b64": base64.b64encode(b"\xff").decode(), "retain": None, "qos": None, "time": 1.7e9},
        {"topic": "c"},
    )
    assert list(read_recording(path)) == [
        Recorded(1.7e9, "a", b"1", True, 1), Recorded(1.7e9, "b", b"\xff", False, 0), Recorded(None, "c", b"", False, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"payload":"1"}',
        '{"topic":5}',
        '{"topic":"a","payload_b64":"%"}',
        '{"topic":"a","time":"noon"}',
        "x" * (LINE + 10),
    ],
)
def test_a_line_that_is_no_message_is_named_with_its_number(tmp_path, line):
    with pytest.raises(UsageError) as caught:
        list(read_recording(recording(tmp_path, {"topic": "a"}, line)))
    assert caught.value.place.endswith("traffic.jsonl:2")


def test_a_recording_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(UsageError):
        list(read_recording(tmp_path / "nothing.jsonl"))


def test_the_command_says_what_each_message_of_a_recording_means(tmp_path):
    said = CliRunner().invoke(devices, ["--from-recording", str(SAMPLES), "--json"])
    assert said.exit_code == 0
    meant = json.loads(said.output)
    jsonschema.validate(meant, json.loads((schemas.FOLDER / "devices-from-recording.json").read_text()))
    samples = [json.loads(line) for line in SAMPLES.read_text().splitlines()]
    assert [one["topic"] for one in meant] == [sample["topic"] for sample in samples]
    for one, sample in zip(meant, samples, strict=True):
        assert set(sample["meaning"]) <= set(one["readings"])
    odd = recording(tmp_path, {"topic": "tele/x/SENSOR", "payload": "{\u001b"}, {"topic": "a/b/c", "payload": "12,5"})
    said = CliRunner().invoke(devices, ["--from-recording", str(odd)])
    assert "like JSON" in said.output
    assert "not wholly a plain number" in said.output
    assert "\x1b" not in said.output
    told = recording(
        tmp_path,
        {"topic": "home/g/LWT", "payload": "Offline"},
        {"topic": "owntracks/a/b", "payload": '{"_type":"location","tst":1700000000}', "time": 1700000060},
    )
    meant = json.loads(CliRunner().invoke(devices, ["--from-recording", str(told), "--json"]).output)
    assert [(one["liveness"], one["age"]) for one in meant] == [("offline", None), ("online", 60.0)]
    odd = recording(tmp_path, {"topic": "tele/x/SENSOR", "payload": "{"}, {"topic": "a/b/c", "payload": "12,5"})
    only = CliRunner().invoke(devices, ["--from-recording", str(odd), "a/b", "--json"])
    assert [one["topic"] for one in json.loads(only.output)] == ["a/b/c"]

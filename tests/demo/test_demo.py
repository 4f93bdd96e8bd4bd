"""The demo proves what it says, on both brokers and on somebody's own, and leaves nothing behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import psutil
import pytest

from coordinator.cli import schemas
from devices.mqtt.broker import Broker
from devices.testing.broker import DEADLINE, Tap, running_broker

SCHEMA = json.loads((schemas.FOLDER / "demo.json").read_text())
LONGEST = 90


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the demo makes its temporary folder."""
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


def started(folder: Path, *options: str, **settings: object) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MIDSTREAM_")}
    environment |= {"TMPDIR": str(folder), "MIDSTREAM_FOLDER": str(folder / "data")}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "coordinator.cli", "demo", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **settings,
    )  # fmt: skip


def until_the_function_runs(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    assert demo.stderr is not None
    seen = ""
    while "function" not in seen:
        line = demo.stdout.readline()
        assert line, seen + demo.stderr.read()
        seen += line


def of_the_demo(folder: Path) -> list[psutil.Process]:
    """Every process that has the demo's folder in its command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join(process.cmdline()) or process.environ().get("TMPDIR") == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


def nothing_is_left(folder: Path) -> bool:
    deadline = time.monotonic() + DEADLINE
    while of_the_demo(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not of_the_demo(folder) and not list(folder.iterdir())


def proof_of(folder: Path, *options: str) -> dict[str, object]:
    with started(folder, "--json", *options) as demo:
        out, err = demo.communicate(timeout=LONGEST)
    assert demo.returncode == 0, err + out
    assert err == ""
    proof: dict[str, object] = json.loads(out)
    jsonschema.validate(proof, SCHEMA)
    return proof


def is_whole(proof: dict[str, object]) -> None:
    assert proof["moved"] == 1
    assert proof["sent"] == proof["applied"] == 1200
    assert proof["missing"] == proof["doubled"] == 0
    assert proof["equal"] is True
    assert len(proof["lineage"]) >= 2  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
def test_the_proof_holds_and_is_one_json_document(folder: Path, kind: str) -> None:
    proof = proof_of(folder, *(["--embedded"] if kind == "embedded" else []))
    is_whole(proof)
    assert proof["broker"] == kind
    assert nothing_is_left(folder)


@pytest.fixture(params=["home", "stock"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with running_broker("mosquitto", tmp_path / "broker", request.param) as running:
        yield running


def test_on_a_users_broker_it_stays_below_its_own_prefix_and_clears_it_away(folder: Path, broker: Broker) -> None:
    with Tap(broker.address, "#") as everything:
        is_whole(proof_of(folder, "--broker", str(broker.address)))
        topics = {heard.topic for heard in everything.heard}
    assert topics
    assert all(topic.startswith("midstream-demo-") for topic in topics)
    with Tap(broker.address, "#") as kept:
        pass
    assert kept.heard == []
    assert nothing_is_left(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_in_the_middle_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    with started(folder) as demo:
        until_the_function_runs(demo)
        assert of_the_demo(folder)
        demo.send_signal(number)
        _, err = demo.communicate(timeout=LONGEST)
    assert demo.returncode == 128 + number
    assert "Traceback" not in err, err
    assert nothing_is_left(folder)


@pytest.mark.parametrize("victim", ["coordinator", "hub", "mosquitto"])
def test_a_part_that_dies_ends_it_with_one_sentence(folder: Path, victim: str) -> None:
    with started(folder) as demo:
        until_the_function_runs(demo)
        (dies, *_) = [one for one in of_the_demo(folder) if victim in one.cmdline() or victim in one.name()]
        dies.kill()
        _, err = demo.communicate(timeout=LONGEST)
    assert demo.returncode in (1, 3)
    assert err.startswith("error: ")
    assert "Traceback" not in err, err
    assert nothing_is_left(folder)


def test_the_story_names_each_step(folder: Path) -> None:
    with started(folder) as demo:
        out, err = demo.communicate(timeout=LONGEST)
    assert demo.returncode == 0, err + out
    for word in ("broker", "ready", "function", "hub-a", "event", "captured", "household.py:", "blob", "lineage",
                 "command", "goes on at hub-b", "gap", "totals", "proof", "missing 0", "twice 0"):  # fmt: skip
        assert word in out, out
    assert nothing_is_left(folder)

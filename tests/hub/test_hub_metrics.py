"""Readings are real, in the units that are promised, and absent where a machine has no such thing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from devices.hub.metrics import Meter


def test_readings_are_within_their_units(tmp_path: Path):
    metrics = Meter(tmp_path).read({}, spool_written=7)
    for percent in (metrics.cpu, metrics.memory, metrics.swap, metrics.disk):
        assert 0 <= percent <= 100
    assert 0 <= metrics.load < 1000
    assert metrics.memory_available > 1_000_000
    assert metrics.agent_memory > 1_000_000
    assert metrics.processes >= 1
    assert metrics.spool_written == 7
    assert msgspec.json.decode(msgspec.json.encode(metrics))["v"] == 1


def test_a_temperature_comes_from_the_file_that_the_settings_name(tmp_path: Path):
    sensor = tmp_path / "temp"
    meter = Meter(tmp_path, sensor)
    assert meter.read({}, 0).temperature is None
    sensor.write_text("81500\n")
    assert meter.read({}, 0).temperature == 81.5
    sensor.write_text("hot\n")
    assert meter.read({}, 0).temperature is None


def test_a_busy_worker_and_its_children_are_seen(tmp_path: Path):
    code = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'x = b\"x\" * 50_000_000\\nprint(1, flush=True)\\nwhile True: pass']).wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as worker:
        try:
            assert worker.stdout is not None
            worker.stdout.readline()
            meter = Meter(tmp_path)
            cpu = 0.0
            while cpu < 5.0:
                use = meter.read({"burner": worker.pid}, 0).instances["burner"]
                cpu = use.cpu
            assert use.memory > 50_000_000
        finally:
            os.killpg(worker.pid, 9)


def test_a_worker_that_has_just_ended_is_left_out(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", ""]) as worker:
        worker.wait()
    assert Meter(tmp_path).read({"gone": worker.pid}, 0).instances == {}

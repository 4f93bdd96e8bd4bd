"""The command line as a person has it: a process, its words and its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from calling import Midstream, Said

from devices.mqtt.broker import Broker
from devices.testing.broker import running_broker


@pytest.fixture
def midstream(tmp_path: Path) -> Midstream:
    def call(*arguments: str, environment: dict[str, str] | None = None, folder: Path = tmp_path) -> Said:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("MIDSTREAM_")}
        ours |= {"MIDSTREAM_FOLDER": str(tmp_path / "data"), "COLUMNS": "120"} | (environment or {})
        done = subprocess.run(
            [sys.executable, "-P", "-m", "coordinator.cli", *arguments],
            capture_output=True, text=True, env=ours, cwd=folder, timeout=100, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="module")
def lonely_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with nobody on it."""
    with running_broker("mosquitto", tmp_path_factory.mktemp("broker")) as broker:
        yield broker

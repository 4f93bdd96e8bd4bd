"""An import has a price: what a command loads is asked of a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"rich", "msgspec", "paho", "aiomqtt", "sqlalchemy", "alembic", "cryptography", "cbor2", "asyncio", "psutil"}


def loaded_by(statement: str) -> set[str]:
    script = f"import sys\n{statement}\nprint(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_help_of_the_whole_loads_nothing_but_click() -> None:
    loaded = loaded_by("from coordinator.cli.main import call; call(['--help'])")
    assert "click" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "command",
    ["ps", "hubs", "migrate", "logs", "lineage", "run", "up", "demo", "broker", "hub", "inspect", "check", "exercise"],
)
def test_the_help_of_a_command_loads_neither_mqtt_nor_the_store(command: str) -> None:
    loaded = loaded_by(f"from coordinator.cli.main import call; call(['{command}', '--help'])")
    assert not loaded & (HEAVY - {"asyncio"})

"""The files of `broker-config/`: where they are, and how one is fitted to a broker that we start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path


def config_folder() -> Path:
    """Returns the folder `broker-config`: beside this file in an installed wheel, at the top of a checkout."""
    installed = Path(__file__).parent / "broker-config"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "broker-config"


def mosquitto_config(text: str, settings: Mapping[str, str | None]) -> str:
    """Returns a mosquitto.conf with some settings changed, so that people and we start from the same file.

    Args:
        text: the file; each setting stands on a line of its own and comes once.
        settings: values by name; a new one is added at the end, and ``None`` leaves the setting out.
    """
    lines, left = [], dict(settings)
    for line in text.splitlines():
        name = line.split(" ", 1)[0]
        if name not in settings:
            lines.append(line)
        elif (value := left.pop(name)) is not None:
            lines.append(f"{name} {value}")
    lines += [f"{name} {value}" for name, value in left.items() if value is not None]
    return "\n".join(lines) + "\n"


def embedded_config(text: str, port: int) -> str:
    """Returns the embedded broker's file with its one listener on another port of this machine."""
    changed, count = re.subn(r'^listen = ".*"$', f'listen = "127.0.0.1:{port}"', text, flags=re.MULTILINE)
    assert count == 1, "embedded.toml has one listener"
    return changed

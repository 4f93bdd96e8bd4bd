"""Where this machine keeps what must outlive a run: the user's data folder (XDG), and in it who runs here now."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import platformdirs

from devices.errors import UsageError
from devices.mqtt.address import BrokerAddress

_RUNNING: Final = "up.broker"


def data_folder() -> Path:
    """Returns the folder: ``MIDSTREAM_FOLDER``, or ``~/.local/share/midstream``."""
    return Path(os.environ.get("MIDSTREAM_FOLDER") or platformdirs.user_data_path("midstream"))


def running_here() -> BrokerAddress | None:
    """Returns the broker of the `midstream up` that runs on this machine, so that `midstream ps` needs no address."""
    with contextlib.suppress(OSError, UsageError, ValueError):
        owner, _, url = (data_folder() / _RUNNING).read_text().partition(" ")
        os.kill(int(owner), 0)  # a file that a killed `up` left behind names nobody
        return BrokerAddress.parse(url.strip())
    return None


@contextlib.contextmanager
def announced(address: BrokerAddress) -> Iterator[None]:
    """Says for the time of the block that `up` runs here; the file holds the broker's password: mode 600."""
    path = data_folder() / _RUNNING
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{os.getpid()} {address.url}\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)

"""Who this agent is: alone in its folder, this boot of the machine, this start of the agent (`docs/protocol.md`, rule 7)."""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path

from devices.errors import ConfigurationError, RefusedError
from devices.hub.durable import write_durably


def boot_id() -> str:
    """Returns what Linux calls this boot of the machine; one made up for this start on other systems."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(uuid.uuid4())


def count_start(folder: Path) -> int:
    """Returns the number of this start of the agent, counted durably in its folder (rule 7).

    Raises:
        ConfigurationError: it cannot be counted.
    """
    path = folder / "starts"
    try:
        starts = int(path.read_bytes() or b"0") if path.exists() else 0
        write_durably(path, str(starts + 1).encode())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the starts of this hub cannot be counted: {error}", place=str(path)) from error
    return starts + 1


def require_alone(folder: Path) -> int:
    """Locks a hub's folder for this process; returns the descriptor that holds the lock until it is closed.

    Raises:
        RefusedError: another agent runs on it.
        ConfigurationError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"the hub's folder cannot be used: {error.strerror}", place=str(folder)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise RefusedError(
            "another agent of this hub is running on this machine",
            place=str(folder),
            remedy="stop it first, or give this one another name",
        ) from error
    return descriptor

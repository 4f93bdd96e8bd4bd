"""The copies that a process has made of itself (`devices.runtime.process_copy`), as the system shows them."""

from __future__ import annotations

import time
from pathlib import Path

PATIENCE = 30.0  # seconds until a test gives up
_KEPT = 4  # descriptors of a copy that has closed what it does not need


def copies(pid: int) -> list[int]:
    """Those that have not ended, by process id."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid and state not in "ZX":
            found.append(int(path.parent.name))
    return found


def copy_of(pid: int) -> int:
    """The one copy that there is, when it has begun its own life."""
    deadline = time.monotonic() + PATIENCE
    while not (found := copies(pid)) or len(list(Path(f"/proc/{found[0]}/fd").iterdir())) > _KEPT:
        assert time.monotonic() < deadline
    (one,) = found
    return one


def wait_until_gone(pid: int) -> None:
    """Returns when a process has ended."""
    deadline = time.monotonic() + PATIENCE
    while _lives(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False

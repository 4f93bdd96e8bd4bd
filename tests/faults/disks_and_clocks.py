"""What this machine allows: file systems of our own that can be filled, and clocks that can be turned.

Where something is not allowed its faults are left out, and the result says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path
from typing import Final

_NEW_MOUNTS: Final = 0x00020000  # CLONE_NEWNS, linux/sched.h
_FAKETIME: Final = "faketime/libfaketimeMT.so.1"


def own_mounts() -> bool:
    """Gives this process mounts that end with it; returns whether that is allowed."""
    if ctypes.CDLL(None).unshare(_NEW_MOUNTS) != 0:
        return False
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, check=False)
    return done.returncode == 0


def small_disk(folder: Path, megabytes: int) -> None:
    """Mounts a file system of its own at a folder. To be called behind `own_mounts`."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)


def remove_disk(folder: Path) -> None:
    """Takes it off again, whoever still has files open there."""
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def fill(folder: Path, name: str) -> Path:
    """Fills a folder's file system to the last byte; returns the file that does."""
    path = folder / name
    with contextlib.suppress(OSError), path.open("wb") as file:
        size = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        os.posix_fallocate(file.fileno(), 0, max(1, size))
        while file.write(bytes(4096)):
            file.flush()
    return path


def clock_library() -> Path | None:
    """Returns libfaketime, if it is installed."""
    return next((path for path in Path("/usr/lib").glob(f"*/{_FAKETIME}")), None)


def clock(library: Path, file: Path) -> dict[str, str]:
    """Returns the environment of a process whose time of day is read from a file, as ``+3h``; others go on as they are."""
    file.write_text("+0")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }

"""Writes that survive a power cut, and their two rules: sync before saying so, and sync the folder for a new name."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Replaces a file's content as a whole: a crash leaves the old or the new one.

    Raises:
        OSError: the disk is full or broken; then the old one stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        write_synced(file.fileno(), data)
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(descriptor: int, data: bytes) -> None:
    """Appends to an open file and syncs it; if that fails the file is as long as before.

    Raises:
        OSError: the disk is full or broken.
    """
    view = memoryview(data)
    start = os.lseek(descriptor, 0, os.SEEK_END)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, start)
        raise

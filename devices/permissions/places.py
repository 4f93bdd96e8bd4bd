"""Files by directory descriptors: a name that is swapped while we work leads nowhere else.

Each step opens one name below an open directory and follows no symbolic link (openat(2), ``O_NOFOLLOW``); owner and mode
are set on what was opened, not on what bears its name by then. Modes are set after making, so no umask has a say.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from devices.errors import ConfigurationError

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FRESH: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def open_trusted(path: Path) -> int:
    """Opens a directory that nobody but the superuser and us can swap for another; makes its last level if need be.

    Args:
        path: absolute, without symbolic links.

    Raises:
        ConfigurationError: a directory on the way is somebody else's, or can be written by others.
    """
    descriptor = os.open("/", FOLDER)
    try:
        for level, name in enumerate(path.parts[1:], start=2):
            if level == len(path.parts):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=descriptor)
            below = os.open(name, FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
            _trust(os.fstat(descriptor), "/".join(("", *path.parts[1:level])))
    except OSError as error:
        os.close(descriptor)
        raise ConfigurationError(f"the folder cannot be used: {error.strerror}", place=str(path)) from error
    except ConfigurationError:
        os.close(descriptor)
        raise
    return descriptor


def _trust(found: os.stat_result, place: str) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigurationError("this folder is another user's, who could put another tree there", place=place)
    if found.st_mode & _OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
        raise ConfigurationError(
            "others can write to this folder and could put another tree there", place=place, remedy="chmod go-w it"
        )


@contextlib.contextmanager
def opened(name: str, above: int) -> Iterator[int]:
    """Opens a directory below another, and closes it."""
    descriptor = os.open(name, FOLDER, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def below(path: str, root: int) -> Iterator[int]:
    """Opens a directory some levels below another, and closes it."""
    with contextlib.ExitStack() as levels:
        descriptor = root
        for name in path.split("/"):
            descriptor = levels.enter_context(opened(name, descriptor))
        yield descriptor


class Walker:
    """Opens directories deep below one, and keeps the last one: neighbours are asked for one after the other.

    Args:
        root: an open directory; stays the caller's.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._path: str | None = None
        self._descriptor = -1

    def folder(self, path: str) -> int:
        """Returns a directory's descriptor, good until the next call; an empty path is the root's.

        Raises:
            OSError: a level is missing, no directory, or a symbolic link.
        """
        if not path:
            return self._root
        if path != self._path:
            self.close()
            descriptor = self._root
            for name in path.split("/"):
                below = os.open(name, FOLDER, dir_fd=descriptor)
                if descriptor != self._root:
                    os.close(descriptor)
                descriptor = below
            self._path, self._descriptor = path, descriptor
        return self._descriptor

    def close(self) -> None:
        """Closes what is open."""
        if self._path is not None:
            os.close(self._descriptor)
            self._path = None


def make_folder(name: str, above: int, *, mode: int, owner: tuple[int, int]) -> None:
    """Makes a directory."""
    os.mkdir(name, 0o700, dir_fd=above)
    with opened(name, above) as descriptor:
        _own(descriptor, mode, owner)


@contextlib.contextmanager
def new_file(name: str, above: int, *, mode: int, owner: tuple[int, int]) -> Iterator[int]:
    """Makes a file and gives its descriptor to be written to."""
    descriptor = os.open(name, _FRESH, 0o600, dir_fd=above)
    try:
        yield descriptor
        _own(descriptor, mode, owner)
    finally:
        os.close(descriptor)


def make_device(name: str, above: int, *, device: os.stat_result, mode: int, owner: tuple[int, int]) -> None:
    """Makes a node for a device that there is. Only where nobody else can reach the directory yet: by name."""
    os.mknod(name, stat.S_IFMT(device.st_mode) | 0o600, device.st_rdev, dir_fd=above)
    os.chown(name, *owner, dir_fd=above, follow_symlinks=False)
    os.chmod(name, mode, dir_fd=above)


def _own(descriptor: int, mode: int, owner: tuple[int, int]) -> None:
    os.fchown(descriptor, *owner)
    os.fchmod(descriptor, mode)  # after the owner: changing that takes the setgid bit away


def write_all(descriptor: int, data: bytes) -> None:
    """Writes everything."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def replace_file(name: str, above: int, data: bytes, mode: int = 0o600) -> None:
    """Replaces a file as a whole, durably: a crash leaves the old or the new one.

    Raises:
        OSError: the disk is full or broken; then the old one stays.
    """
    fresh = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh, dir_fd=above)
    try:
        with new_file(fresh, above, mode=mode, owner=(os.geteuid(), os.getegid())) as descriptor:
            write_all(descriptor, data)
            os.fsync(descriptor)
        os.rename(fresh, name, src_dir_fd=above, dst_dir_fd=above)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=above)
        raise
    os.fsync(above)


def read_file(name: str, above: int, most: int) -> bytes:
    """Reads a file, at most so many bytes.

    Raises:
        FileNotFoundError: there is none.
        OSError: it is a symbolic link, or cannot be read.
    """
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=above)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def sync_all(descriptor: int) -> None:
    """Makes all that was written to a directory's file system durable (syncfs(2)): one call for ten thousand files."""
    if _LIBC.syncfs(descriptor):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))

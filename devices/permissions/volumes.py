"""Volumes: what functions have written goes from tree to tree, and is never thrown away.

A volume has one directory. It is renamed from the old tree into the new one when that is adopted, so that it costs the
same whatever it holds; one that a package no longer names is laid aside and comes back with the next that names it.

If its group has got another number, what is in it must follow. Tasks may be at work in there meanwhile: each thing is
opened without following links, looked at, and what was looked at is changed; and it is changed only if it bears the
old number. So a hard link to a file of the system, or a name swapped for one, is left as it is.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count
from typing import Final

from devices.permissions import places

_DEEPEST: Final = 100
"""Folders within folders of a volume that are looked at; a task could make ever more of them, and each is a descriptor."""
_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def bring(name: str, above: int, sources: Iterable[int]) -> None:
    """Has a volume stand in a directory: the one that does already, the first that a source has, or else a new one.

    Args:
        name: of the volume.
        above: where it is to stand; nobody else may reach that yet.
        sources: directories of the same file system; tasks may be at work there.
    """
    for source in sources:
        if not is_there(name, above):
            with contextlib.suppress(FileNotFoundError):
                os.rename(name, name, src_dir_fd=source, dst_dir_fd=above)
    if is_there(name, above) and not stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=above)  # a task has put another thing in the place of its volume
    if not is_there(name, above):
        os.mkdir(name, 0o700, dir_fd=above)


def lay_aside(name: str, source: int, aside: int) -> None:
    """Keeps a volume that no tree names any longer."""
    numbered = (f"{name}.{number}" for number in count(2))
    free = next(it for it in chain([name], numbered) if not is_there(it, aside))
    with contextlib.suppress(FileNotFoundError):
        os.rename(name, free, src_dir_fd=source, dst_dir_fd=aside)


def is_there(name: str, above: int) -> bool:
    """Tells whether a directory has anything of that name."""
    try:
        os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def hand_over(name: str, above: int, *, mode: int, owner: int, group: int, users: Mapping[int, int]) -> None:
    """Gives a volume to a group, and its contents with it if they are another's.

    Args:
        name: of the volume.
        above: the directory in which it stands.
        mode: of the volume itself.
        owner: of the volume itself; files in it are their makers'.
        group: its new number.
        users: roles that have got another number: old number => new number.
    """
    with places.opened(name, above) as volume:
        before = os.fstat(volume)
        if before.st_gid != group or users:
            _give(volume, before.st_gid, group, users, _DEEPEST)
        os.fchown(volume, owner, group)  # last: until then what is left to do can be told from its number
        os.fchmod(volume, mode)


def _give(folder: int, old: int, new: int, users: Mapping[int, int], depth: int) -> None:
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            looked = os.open(name, _LOOK, dir_fd=folder)
            try:
                found = os.fstat(looked)
                if stat.S_ISDIR(found.st_mode) and depth:
                    with places.opened(name, folder) as below:
                        _give(below, old, new, users, depth - 1)
                owner = users.get(found.st_uid, found.st_uid)
                group = new if found.st_gid == old else found.st_gid
                if not stat.S_ISLNK(found.st_mode) and (owner, group) != (found.st_uid, found.st_gid):
                    os.chown(f"/proc/self/fd/{looked}", owner, group)
            finally:
                os.close(looked)


def used(folder: int) -> int:
    """Returns the bytes on the disk that a volume takes, each file once."""
    return sum({(it.st_dev, it.st_ino): it.st_blocks * 512 for it in _everything(folder, _DEEPEST)}.values())


def _everything(folder: int, depth: int) -> Iterator[os.stat_result]:
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            yield found
            if stat.S_ISDIR(found.st_mode) and depth:
                with places.opened(name, folder) as below:
                    yield from _everything(below, depth - 1)

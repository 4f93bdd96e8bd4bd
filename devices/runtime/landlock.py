"""Landlock (landlock(7)): takes the right to read some files from this process, whatever their modes say.

Used for one thing: a task that writes a resource and may not read it, where modes cannot say so. Rights are granted by
directories and hold for all below, so everything is granted but the directories above those resources.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Collection, Iterable
from typing import Final

_CREATE: Final = 444  # these three have the same number on all processors
_ADD: Final = 445
_RESTRICT: Final = 446
_VERSION: Final = 1  # flag of _CREATE
_PATH_BENEATH: Final = 1
_READ_FILE: Final = 1 << 2
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def available() -> bool:
    """Tells whether this kernel has it and it is switched on."""
    return bool(_LIBC.syscall(_CREATE, None, 0, _VERSION) > 0)


def read_only_below(paths: Iterable[str]) -> None:
    """Lets this process, and all that it starts, read files below these paths and nowhere else. Needs ``no_new_privs``.

    Raises:
        OSError: this kernel cannot.
    """
    attributes = struct.pack("Q", _READ_FILE)
    rules = _call(_CREATE, attributes, len(attributes), 0)
    try:
        for path in paths:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                _call(_ADD, rules, _PATH_BENEATH, struct.pack("=Qi", _READ_FILE, place), 0)
            finally:
                os.close(place)
        _call(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def all_but(root: str, hidden: str, names: Collection[str]) -> list[str]:
    """Returns the paths below ``root`` that leave out some names in one of its directories.

    Args:
        root: a directory.
        hidden: a directory in it, by its name.
        names: what is left out there.
    """
    found = [os.path.join(root, name) for name in os.listdir(root) if name != hidden]
    inner = os.path.join(root, hidden)
    found += [os.path.join(inner, name) for name in os.listdir(inner) if name not in names]
    return [path for path in found if not os.path.islink(path)]


def _call(*arguments: object) -> int:
    result = int(_LIBC.syscall(*arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result

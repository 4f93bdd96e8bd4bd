"""Directories, groups, tasks: the shape into which permissions are cast, the same words on both sides.

Names are abstract. A group is the set of tasks that are in it, a role is a user without a number; which local ids they
get is each hub's own business (`devices.permissions.ids`). An empty group is the superuser's: nobody is in it.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from devices.errors import UsageError

OUTER: Final = "0710"
"""Mode of a pair's outer directory: who reaches it may pass, nobody may look around."""
INNER: Final = "2775"
"""Mode of the inner one: its group writes, the others who have passed read; what is made in it stays with the group."""

Right = Literal["", "r", "w", "rw"]
FileMode = Literal["0664", "0624", "0644"]

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")


class Directory(msgspec.Struct, kw_only=True, frozen=True):
    """A directory below the tree's root."""

    path: str  # relative, with slashes
    mode: str  # `OUTER` or `INNER`, octal
    group: str
    resources: list[str]  # that stand in it, sorted
    files: FileMode | Literal[""] = ""  # mode of the files that a package brings into it; folders have its own


class TaskGrants(msgspec.Struct, kw_only=True, frozen=True):
    """As whom a task runs."""

    role: str
    groups: list[str]  # exactly those that its access needs, sorted


def check_name(kind: str, name: str) -> str:
    """Returns ``name`` if it can be a resource's, a task's or a role's.

    Args:
        kind: the word for the message: ``"resource"``.
        name: letters, digits, ``.``, ``_`` and ``-``, at most 63: it becomes a file's name on machines of many kinds.

    Raises:
        UsageError: anything else.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:100]!r} cannot be the name of a {kind}",
            remedy="use letters, digits, '.', '_' and '-', at most 63 characters, as in 'snapshots'",
        )
    return name


def right(*, reads: bool, writes: bool) -> Right:
    """Returns the table's word for it."""
    return ("rw" if writes else "r") if reads else ("w" if writes else "")

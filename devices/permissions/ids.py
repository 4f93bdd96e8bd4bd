"""Abstract roles and groups to local numbers: taken from a range, never one that exists here, and kept.

A role's number is a user id and, as the user's own group, a group id; a group's number is a group id. Both come from
one range and no number is given twice, so a number that is free is free as either. What exists locally is looked up
anew for each package: the user and group databases as the system sees them (network directories included), the ranges
of subordinate ids, and who owns files below the target that no package has given them. A number that was ours and
has meanwhile been given to somebody else is left to them, and its name gets another one.
"""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from devices.errors import ConfigurationError, RefusedError

SUBORDINATE: Final = (Path("/etc/subuid"), Path("/etc/subgid"))
_HIGHEST: Final = 2**32 - 2
"""Beyond is -1, which calls of the kernel take for "leave it"."""
_LOWEST: Final = 1000
"""Below are the system's own, on every distribution."""


class Range(NamedTuple):
    """Numbers from ``first`` to ``last``, both included."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Range:
        """Reads ``"1900000000-1900009999"``.

        Raises:
            ConfigurationError: it is no range, or holds numbers that cannot be used.
        """
        first, dash, last = text.partition("-")
        if not dash or not first.strip().isdecimal() or not last.strip().isdecimal():
            raise ConfigurationError(f"{text!r} is no range of ids", remedy="as in '1900000000-1900009999'")
        found = cls(int(first), int(last))
        if not _LOWEST <= found.first <= found.last <= _HIGHEST:
            raise ConfigurationError(
                f"{text!r} cannot be a range of ids", remedy=f"from {_LOWEST} to {_HIGHEST}, the smaller one first"
            )
        return found


class Mapping(msgspec.Struct, kw_only=True):
    """Which name has which number on this hub."""

    roles: dict[str, int] = {}
    groups: dict[str, int] = {}

    def numbers(self) -> set[int]:
        """Returns all numbers in use."""
        return {*self.roles.values(), *self.groups.values()}


class Local:
    """The numbers that exist on this machine now.

    Args:
        owners: of files, as found below the target.
        subordinate: the files with the ranges of subordinate ids.
    """

    def __init__(self, owners: Iterable[int] = (), subordinate: Iterable[Path] = SUBORDINATE) -> None:
        users = pwd.getpwall()
        self._single = {*owners, *(user.pw_uid for user in users), *(user.pw_gid for user in users)}
        self._single |= {group.gr_gid for group in grp.getgrall()}
        self._ranges = [found for path in subordinate for found in _subordinate(path)]

    def has(self, number: int) -> bool:
        """Tells whether a number is somebody's. Directories that do not list their users answer for one of them."""
        if number in self._single or any(first <= number <= last for first, last in self._ranges):
            return True
        return _is_known(pwd.getpwuid, number) or _is_known(grp.getgrgid, number)


def _is_known(look_up: Callable[[int], object], number: int) -> bool:
    try:
        look_up(number)
    except KeyError:
        return False
    return True


def _subordinate(path: Path) -> Iterable[Range]:
    """Yields the ranges of a file like ``/etc/subuid``: ``name:first:count`` (subuid(5))."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        _, _, numbers = line.partition(":")
        first, _, count = numbers.partition(":")
        if first.isdecimal() and count.isdecimal() and int(count):
            yield Range(int(first), int(first) + int(count) - 1)


def assign(known: Mapping, *, roles: Iterable[str], groups: Iterable[str], allowed: Range, here: Local) -> Mapping:
    """Returns the mapping with the names of a new package in it; names of older ones keep their numbers.

    Args:
        known: what was given so far.
        roles: of the package.
        groups: of the package.
        allowed: where new numbers come from.
        here: the numbers that exist.

    Raises:
        RefusedError: the range has no free number left.
    """
    kept = Mapping(
        roles={name: number for name, number in known.roles.items() if _fits(number, allowed, here)},
        groups={name: number for name, number in known.groups.items() if _fits(number, allowed, here)},
    )
    taken = known.numbers()  # a number that had to be given up is not given to another name: files may still bear it
    free = (number for number in range(allowed.first, allowed.last + 1) if number not in taken and not here.has(number))
    for name, table in [
        *((name, kept.roles) for name in sorted(roles)),
        *((name, kept.groups) for name in sorted(groups)),
    ]:
        if name not in table:
            try:
                table[name] = next(free)
            except StopIteration:
                raise RefusedError(
                    f"no id is free from {allowed.first} to {allowed.last}",
                    remedy="give this hub a larger range: ids in [permissions] of hub.toml",
                ) from None
    return kept


def _fits(number: int, allowed: Range, here: Local) -> bool:
    return allowed.first <= number <= allowed.last and not here.has(number)

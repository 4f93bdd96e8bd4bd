"""The rules folder: TOML files in which each table is a rule.

A folder is read as a whole or not at all: an error in one file names file, line and remedy, and whoever reloads keeps
the rules that are in force.
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from coordinator.rules.rule import Rule
from coordinator.rules.table import Table
from devices.errors import ConfigurationError, MidstreamError
from devices.protocol.topics import wire_filter

LOOK: Final = 2.0
"""Seconds between two looks at the folder."""
_LARGEST_FILE: Final = 1024 * 1024  # bytes; a thousand rules are 100 KB
Signature = tuple[tuple[str, int, int], ...]
"""Name, time of change in ns and size of each file: when it differs, something was edited."""


def signature(folder: Path) -> Signature:
    """Returns what tells one state of a rules folder from another; of a folder that is not there, nothing."""
    found = []
    for path in _files(folder):
        try:
            status = path.stat()
        except OSError:  # gone since it was listed
            continue
        found.append((path.name, status.st_mtime_ns, status.st_size))
    return tuple(found)


@dataclass(frozen=True)
class RuleBook:
    """All rules of a folder.

    Args:
        rules: in the order of files and tables.
        disabled: names of those that are turned off.
        seen: the state of the folder that they were read from.
        functions: the folder in which the functions lie that they run.
    """

    rules: tuple[Rule, ...] = ()
    disabled: tuple[str, ...] = ()
    seen: Signature = ()
    functions: Path | None = field(default=None, compare=False)

    @classmethod
    def load(cls, folder: Path, functions: Path | None = None) -> Self:
        """Reads all ``*.toml`` files of a folder, in the order of their names; or a single file.

        Args:
            folder: of the rules.
            functions: the folder of the functions that they run; functions may lie beside the rules too.

        Raises:
            ConfigurationError: the folder cannot be read; a file is no TOML; a rule has an unknown key, lacks one, or
                says what cannot be. ``place`` is ``file:line``, the remedy names the nearest valid word.
        """
        if not folder.exists():
            raise ConfigurationError(
                f"there is no folder {folder}", remedy="make it, or name another one under [folders] as `rules`"
            )
        seen = signature(folder)
        rules: dict[str, Rule] = {}
        disabled: list[str] = []
        for path in _files(folder):
            for rule, enabled in _read(path, (path.parent, functions or path.parent.parent / "functions")):
                if rule.name in rules:
                    raise ConfigurationError(
                        f"there are two rules {rule.name!r}: the other one is at {rules[rule.name].place}",
                        place=rule.place,
                        remedy="give one of them another name",
                    )
                rules[rule.name] = rule
                if not enabled:
                    disabled.append(rule.name)
        return cls(
            tuple(rule for rule in rules.values() if rule.name not in disabled), tuple(disabled), seen, functions
        )

    def topics(self) -> list[str]:
        """Returns the topic filters that the rules look at, each once, as the broker takes them."""
        return sorted({wire_filter(rule.topic) for rule in self.rules if rule.topic})


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))


def _read(path: Path, places: tuple[Path, ...]) -> list[tuple[Rule, bool]]:
    """The rules of a file, each with whether it is in force."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigurationError(f"larger than {_LARGEST_FILE} bytes", place=path.name, remedy="split it")
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", place=path.name) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("is not UTF-8 text", place=path.name, remedy="save it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # beside TOML's own: a number or a nesting beyond Python's limits
        where = re.search(r"at line (\d+)", str(error))
        place = f"{path.name}:{where[1]}" if where else path.name
        raise ConfigurationError(f"this is no TOML: {error}", place=place, remedy="see toml.io") from error
    read = [Table(path.name, text, name, table, places) for name, table in tables.items()]
    return [(table.rule(), table.enabled) for table in read]


async def watch(
    folder: Path,
    book: RuleBook,
    changed: Callable[[RuleBook], Awaitable[None]],
    failed: Callable[[MidstreamError], None],
) -> None:
    """Reads the folder again whenever something in it was edited; runs until it is cancelled.

    It looks at names, times and sizes each `LOOK` seconds: an editor saves by writing, renaming or both, and one stat
    a file is the same for all.

    Args:
        folder: the rules.
        book: those in force.
        changed: puts a new book in force.
        failed: told of each error once: the old rules stay in force until the files are right.
    """
    seen = book.seen
    while True:
        await asyncio.sleep(LOOK)
        now = signature(folder)
        if now == seen:
            continue
        seen = now
        try:
            fresh = RuleBook.load(folder, book.functions)
        except ConfigurationError as error:
            failed(error)
        else:
            seen = fresh.seen
            await changed(fresh)

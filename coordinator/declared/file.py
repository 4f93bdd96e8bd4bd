"""`functions.toml`: what runs always, each function under the name of its instance.

    washer.file = "washer.py"
    dryer = { file = "washer.py:washer", args = { plug = "dryer" }, hub = "nas", failover = "auto" }

A file that says something which cannot be is refused as a whole, with file, line and the nearest valid word: then nothing
is changed. The sources that it names are read one by one: a mistake in one of them leaves the other functions alone.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, Final

from devices.config import line_of
from devices.errors import ConfigurationError, MidstreamError, SourceError, printable
from devices.protocol.topics import check_name
from devices.runtime.settings import SETTINGS, read_settings
from devices.runtime.source import Source, read_source

FILE: Final = "functions.toml"
_LARGEST: Final = 1024 * 1024  # bytes; a hundred functions are 10 KB
_OWN: Final = ("file", "args", "hub")
KEYS: Final = (*_OWN, *SETTINGS)
_DEPTH: Final = 8
"""Nesting of an argument's value."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One function that runs always.

    Attributes:
        name: of its instance.
        file: as it was written: ``washer.py`` or ``washer.py:washer``, relative to the folder.
        path: of the source.
        function: its name; empty for the only one in it.
        arguments: by parameter.
        hub: where it would best be; empty leaves it to placement.
        settings: of `@function`, that weigh more than those in the source; as they were written.
        place: ``functions.toml:3``.
    """

    name: str
    file: str
    path: Path
    function: str
    arguments: Mapping[str, Any]
    hub: str
    settings: Mapping[str, Any]
    place: str

    def source(self) -> Source:
        """Returns the code that travels.

        Raises:
            SourceError: it is not there or cannot be used.
        """
        try:
            return read_source(self.path)
        except OSError as error:  # of looking whether it is there: a name that is too long, a folder that is closed
            raise SourceError(f"it cannot be read: {error.strerror}", place=printable(self.file, 200)) from error


def load(folder: Path) -> list[Declared]:
    """Returns what a folder's `functions.toml` declares, in its order.

    Raises:
        ConfigurationError: there is no such file, or something in it cannot be; with file, line and remedy.
    """
    path = folder / FILE
    text = ""
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"larger than {_LARGEST} bytes", place=FILE, remedy="split it")
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no {FILE} in {folder}", remedy='write one, as in washer.file = "washer.py"'
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", place=FILE) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("is not UTF-8 text", place=FILE, remedy="save it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # beside TOML's own: a number or a nesting beyond Python's limits
        where = re.search(r"at line (\d+)", str(error))
        place = f"{FILE}:{where[1]}" if where else FILE
        if "at end of document" in str(error):
            place = f"{FILE}:{len(text.splitlines()) or 1}"
        raise ConfigurationError(f"this is no TOML: {error}", place=place, remedy="see toml.io") from error
    return [_Table(folder, text, name, table).declared() for name, table in tables.items()]


class _Table:
    """One function's table, with the text that it stands in, for the lines of errors."""

    def __init__(self, folder: Path, text: str, name: str, table: Any) -> None:
        self._folder = folder
        self._text = text
        self._name = name
        if not isinstance(table, dict):
            raise self._error((), f"{printable(name, 60)!r} has no table", f'write {name}.file = "{name}.py"')
        self._table: dict[str, Any] = table

    def declared(self) -> Declared:
        """Returns what the table says.

        Raises:
            ConfigurationError: it cannot be.
        """
        self._check_name()
        for key in self._table:
            if key not in KEYS:
                near = get_close_matches(key, KEYS, n=1)
                remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(KEYS)}"
                raise self._error((key,), f"there is no key {printable(key, 60)!r}", remedy)
        file = self._text_of("file", required=True)
        path, function = self._path(file)
        return Declared(
            name=self._name,
            file=file,
            path=path,
            function=function,
            arguments=self._arguments(),
            hub=self._hub(),
            settings=self._settings(),
            place=self._place(()),
        )

    def _check_name(self) -> None:
        try:
            check_name("instance", self._name)
        except MidstreamError as error:
            raise self._error((), error.message, error.remedy) from error
        if "~" in self._name:
            raise self._error((), f"{self._name!r} is the name of a branch", "leave '~' and the number out")

    def _path(self, file: str) -> tuple[Path, str]:
        written, _, function = file.partition(":")
        inside = PurePosixPath(written)
        if not written.endswith(".py") or not written.isprintable() or (function and not function.isidentifier()):
            raise self._error(
                ("file",), f"{printable(file, 100)!r} names no function's file", 'write file = "washer.py:washer"'
            )
        if inside.is_absolute() or ".." in inside.parts:
            raise self._error(
                ("file",), f"{printable(file, 100)!r} lies outside of the folder", f"put it beside {FILE} or below"
            )
        return self._folder / inside, function

    def _arguments(self) -> dict[str, Any]:
        given = self._table.get("args", {})
        if not isinstance(given, dict):
            raise self._error(("args",), "`args` has to be a table", 'write args = { plug = "dryer" }')
        for name, value in given.items():
            if (why := _no_json(value, _DEPTH)) is not None:
                raise self._error(("args", name), f"{printable(name, 60)} {why}", "write it as a text")
        return given

    def _hub(self) -> str:
        hub = self._text_of("hub")
        if hub:
            try:
                check_name("hub", hub)
            except MidstreamError as error:
                raise self._error(("hub",), error.message, error.remedy) from error
        return hub

    def _settings(self) -> dict[str, Any]:
        given = {key: value for key, value in self._table.items() if key not in _OWN}
        for key, value in given.items():
            if (why := _no_json(value, _DEPTH)) is not None:
                raise self._error((key,), f"{key} {why}", "write it as a text")
            self._read_settings({key: value}, (key,))
        self._read_settings(given, ())
        return given

    def _read_settings(self, given: dict[str, Any], key: tuple[str, ...]) -> None:
        try:
            read_settings(given, FILE)
        except MidstreamError as error:
            raise self._error(key, error.message, error.remedy) from error

    def _text_of(self, key: str, *, required: bool = False) -> str:
        value = self._table.get(key, "")
        if not isinstance(value, str) or (key in self._table and not value.strip()):
            raise self._error((key,), f"`{key}` has to be a text that is not empty", f'write {key} = "..."')
        if required and not value:
            raise self._error((), f"there is no `{key}`", f'write {self._name}.{key} = "{self._name}.py"')
        return value

    def _error(self, key: tuple[str, ...], message: str, remedy: str | None) -> ConfigurationError:
        return ConfigurationError(f"[{printable(self._name, 60)}] {message}", place=self._place(key), remedy=remedy)

    def _place(self, key: tuple[str, ...]) -> str:
        line = line_of((self._name, *key), self._text)
        return f"{FILE}:{line}" if line else FILE


def _no_json(value: Any, depth: int) -> str | None:
    """Returns why a value of TOML cannot travel as JSON, in words; ``None`` if it can."""
    if isinstance(value, dict | list):
        inside: Iterator[Any] = iter(value.values() if isinstance(value, dict) else value)
        if depth == 0:
            return "is nested too deep"
        return next((why for each in inside if (why := _no_json(each, depth - 1)) is not None), None)
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, no finite number"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "is larger than 64 bits"
    return None if isinstance(value, str | int | float) else "is a date or time"

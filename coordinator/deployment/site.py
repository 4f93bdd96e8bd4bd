"""The site file: which resources there are, which tasks, and what each may read and write. TOML, strict.

    [resources]
    thresholds = { text = "low = 10" }
    model      = { file = "models/birds.onnx" }
    pages      = { folder = "pages" }
    camera     = { device = "/dev/video0" }
    snapshots  = { volume = "2GB" }

    [tasks.camera]
    role  = "recorder"
    read  = ["camera"]
    write = ["snapshots"]

Paths of files and folders are relative to the site file; a device is the hub's own.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import msgspec

from coordinator.deployment.plan import Wish
from devices.config import line_of, nearest
from devices.errors import ConfigurationError, UsageError
from devices.permissions.structure import check_name
from devices.protocol.sizes import size_in_bytes

Kind = Literal["text", "file", "folder", "device", "volume"]

_LONGEST: Final = 4 * 1024 * 1024  # bytes of a site file: a thousand resources and two hundred tasks have 100 KB


class _Resource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One of the first five says what it is."""

    text: str | None = None
    file: str | None = None
    folder: str | None = None
    device: str | None = None
    volume: str | None = None  # its quota: "2GB"
    travels: bool = False  # a volume's contents go along when a task moves


class _Task(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    role: str = ""  # the task's own name
    read: list[str] = []
    write: list[str] = []


@dataclass(frozen=True, slots=True)
class Resource:
    """A data resource. ``value`` is the text, the path as the file gives it, or a volume's quota in bytes."""

    kind: Kind
    value: str | int
    travels: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A site file, checked: every name in a wish is a resource."""

    folder: Path  # to which the paths of files and folders are relative
    resources: dict[str, Resource]
    wishes: dict[str, Wish]


def read_site(path: Path) -> Site:
    """Reads a site file.

    Raises:
        ConfigurationError: it is not there, not TOML, or says what cannot be; with the line and a remedy.
    """
    try:
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        raise ConfigurationError(f"the site file cannot be read: {error.strerror}", place=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("the site file is not UTF-8 text", place=str(path)) from error
    if len(data) > _LONGEST:
        raise ConfigurationError(f"{len(data)} bytes are no site file", place=str(path))
    return _Reader(path, text).site()


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text

    def site(self) -> Site:
        tables = self._tables()
        resources = {name: self._resource(name, table) for name, table in tables["resources"].items()}
        self._no_twins(resources, "resources")
        wishes = {name: self._wish(name, table, resources) for name, table in tables["tasks"].items()}
        self._no_twins(wishes, "tasks")
        return Site(folder=self._path.parent, resources=resources, wishes=wishes)

    def _tables(self) -> dict[str, dict[str, Any]]:
        try:
            found = tomllib.loads(self._text)
        except (ValueError, RecursionError) as error:  # beside TOML's own: a number or a nesting beyond Python's limits
            raise ConfigurationError(f"this is not TOML: {error}", place=str(self._path)) from error
        tables: dict[str, dict[str, Any]] = {"resources": {}, "tasks": {}}
        for key, value in found.items():
            if key not in tables:
                raise self._wrong(f"there is no table {key!r} in a site file", key, remedy=nearest(key, list(tables)))
            if not isinstance(value, dict):
                raise self._wrong(f"{key} is a table, not {value!r:.50}", key)
            tables[key] = value
        return tables

    def _wrong(self, message: str, *key: str, remedy: str | None = None) -> ConfigurationError:
        line = line_of(key, self._text)
        return ConfigurationError(
            message, place=str(self._path) if line is None else f"{self._path}:{line}", remedy=remedy
        )

    def _converted(self, table: Any, kind: Any, *key: str) -> Any:
        if isinstance(table, dict):
            for name in table:
                if name not in kind.__struct_fields__:
                    remedy = nearest(name, list(kind.__struct_fields__))
                    raise self._wrong(f"{'.'.join(key)} has no {name!r}", *key, name, remedy=remedy)
        try:
            return msgspec.convert(table, kind)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$.")
            setting = where.rstrip("`").partition("[")[0]
            raise self._wrong(f"{'.'.join((*key, setting)).rstrip('.')}: {message}", *key, setting) from error

    def _named(self, kind: str, name: str, *key: str) -> str:
        try:
            return check_name(kind, name)
        except UsageError as error:
            raise self._wrong(error.message, *key, remedy=error.remedy) from error

    def _no_twins(self, names: dict[str, Any], table: str) -> None:
        """Names that differ by case alone are one name on some file systems."""
        seen: dict[str, str] = {}
        for name in names:
            if (twin := seen.setdefault(name.casefold(), name)) != name:
                raise self._wrong(f"{twin!r} and {name!r} differ by case alone", table, name, remedy="rename one")

    def _resource(self, name: str, table: Any) -> Resource:
        key = ("resources", self._named("resource", name, "resources", name))
        given: _Resource = self._converted(table, _Resource, *key)
        kinds: dict[Kind, str | None] = {
            "text": given.text,
            "file": given.file,
            "folder": given.folder,
            "device": given.device,
            "volume": given.volume,
        }
        said = [(kind, value) for kind, value in kinds.items() if value is not None]
        if len(said) != 1:
            what = "says nothing" if not said else f"says {' and '.join(kind for kind, _ in said)}"
            raise self._wrong(
                f"resource {name!r} {what}: what is it?", *key, remedy=f"give it one of {', '.join(kinds)}"
            )
        ((kind, value),) = said
        if given.travels and kind != "volume":
            raise self._wrong(f"resource {name!r} is no volume: it cannot travel", *key, "travels")
        if kind == "device":
            self._device(value, *key)
        elif kind in ("file", "folder") and not value:
            raise self._wrong(f"resource {name!r} names no {kind}", *key, kind)
        return Resource(kind=kind, value=self._quota(value, *key) if kind == "volume" else value, travels=given.travels)

    def _device(self, path: str, *key: str) -> None:
        pure = PurePosixPath(path)
        if pure.parts[:2] != ("/", "dev") or len(pure.parts) < 3 or ".." in pure.parts or str(pure) != path:
            raise self._wrong(f"{path!r} is no device's path", *key, "device", remedy="as in '/dev/video0'")

    def _quota(self, text: str, *key: str) -> int:
        try:
            quota = size_in_bytes(text)
        except UsageError as error:
            raise self._wrong(error.message, *key, "volume", remedy=error.remedy) from error
        if quota <= 0:
            raise self._wrong(f"a volume of {text} can hold nothing", *key, "volume")
        return quota

    def _wish(self, name: str, table: Any, resources: dict[str, Resource]) -> Wish:
        key = ("tasks", self._named("task", name, "tasks", name))
        given: _Task = self._converted(table, _Task, *key)
        role = self._named("role", given.role or name, *key, "role")
        for verb, wanted in (("read", given.read), ("write", given.write)):
            for resource in wanted:
                if resource not in resources:
                    raise self._wrong(
                        f"task {name!r} wants to {verb} {resource!r}, and there is no such resource",
                        *key, verb, remedy=nearest(resource, list(resources)),
                    )  # fmt: skip
            if len(set(wanted)) != len(wanted):
                raise self._wrong(f"task {name!r} names a resource twice in {verb!r}", *key, verb)
        return Wish(role=role, reads=frozenset(given.read), writes=frozenset(given.write))

"""From a site file's resources to a package: contents are cut into parts, and what cannot be packed is refused by name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coordinator.deployment.plan import Plan
from coordinator.deployment.site import Resource, Site
from devices.errors import ConfigurationError, ProtocolError, RefusedError
from devices.permissions import soundness
from devices.permissions.package import Entry, Package, PackedResource, cut, digest
from devices.protocol import limits

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    start: int


class Packed:
    """A site's resources as a package has them, and where their parts are found."""

    def __init__(self, site: Site) -> None:
        self._places: dict[bytes, _Place | bytes] = {}
        self.resources = {name: self._packed(site, name, it) for name, it in sorted(site.resources.items())}

    @property
    def parts(self) -> list[bytes]:
        """The digests of all parts, each once."""
        return list(self._places)

    def part(self, name: bytes) -> bytes:
        """Returns a part.

        Raises:
            RefusedError: its file has changed since it was packed.
        """
        place = self._places[name]
        if isinstance(place, bytes):
            return place
        with place.path.open("rb") as file:
            file.seek(place.start)
            found = file.read(limits.PART)
        if digest(found) != name:
            raise RefusedError("the file was changed while it was sent", place=str(place.path), remedy="deploy again")
        return found

    def _packed(self, site: Site, name: str, resource: Resource) -> PackedResource:
        match resource.kind:
            case "device":
                return PackedResource(kind="device", device=str(resource.value))
            case "volume":
                return PackedResource(kind="volume", quota=int(resource.value), travels=resource.travels)
            case "text":
                return PackedResource(kind="file", entries=[self._text(str(resource.value).encode())])
        path = site.folder / str(resource.value)
        what = f"resource {name}"
        if resource.kind == "file":
            return PackedResource(kind="file", entries=[self._file(path, "", what)])
        if not path.is_dir():
            raise ConfigurationError(f"{what} is no folder", place=str(path))
        return PackedResource(kind="folder", entries=list(self._below(path, "", what)))

    def _text(self, text: bytes) -> Entry:
        parts = {digest(part): part for part in cut(text)}
        self._places.update(parts)
        return Entry(path="", size=len(text), parts=[digest(part) for part in cut(text)])

    def _below(self, folder: Path, prefix: str, what: str) -> Iterator[Entry]:
        for path in sorted(folder.iterdir()):
            inner = f"{prefix}{path.name}"
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                yield Entry(path=inner, folder=True)
                yield from self._below(path, f"{inner}/", what)
            elif stat.S_ISREG(mode):
                yield self._file(path, inner, what)
            else:
                raise ConfigurationError(
                    f"{what} holds what is neither file nor folder", place=str(path), remedy="links are not followed"
                )

    def _file(self, path: Path, inner: str, what: str) -> Entry:
        try:
            with os.fdopen(os.open(path, _OPEN), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ConfigurationError(f"{what} is no file", place=str(path))
                parts, size = [], 0
                while part := file.read(limits.PART):
                    parts.append(digest(part))
                    self._places.setdefault(parts[-1], _Place(path, size))
                    size += len(part)
        except OSError as error:
            raise ConfigurationError(f"{what} cannot be read: {error.strerror}", place=str(path)) from error
        return Entry(path=inner, size=size, parts=parts)


def package(plan: Plan, resources: Mapping[str, PackedResource], *, hub: str, version: int, created: str) -> Package:
    """Returns the package of a plan.

    Raises:
        ConfigurationError: a hub would refuse it: names of files that differ by spelling alone, or too much of anything.
    """
    made = Package(
        hub=hub,
        version=version,
        created=created,
        directories=plan.directories,
        groups=plan.groups,
        tasks=plan.tasks,
        access={task: {name: right for name, right in rights.items() if right} for task, rights in plan.access.items()},
        narrowed=[(each.task, each.resource) for each in plan.narrowed],
        resources=dict(resources),
    )
    try:
        soundness.check(made)
    except ProtocolError as error:
        raise ConfigurationError(error.message) from error
    return made

"""A package's tree: what must stand where, making it, and comparing what stands there.

One list says all of it (`wanted`): making walks it, comparing walks the directories and holds them against it. So what
is verified is what was asked for, and what nobody asked for is found.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from devices.errors import RefusedError, printable
from devices.permissions import places
from devices.permissions.ids import Mapping
from devices.permissions.package import Package, PackedResource, digest
from devices.permissions.structure import INNER, Directory
from devices.protocol import limits

ROOT_MODE: Final = 0o711
"""Of a tree's root: one may pass, and nobody may look around."""


@dataclass(frozen=True, slots=True)
class Want:
    """What must stand at a path."""

    kind: Literal["folder", "file", "device"]
    mode: int
    group: int
    size: int = 0
    parts: tuple[bytes, ...] = ()
    device: str = ""
    is_whole: bool = False  # a resource, not something in one
    changes: bool = False  # tasks may change what is in it


class Difference(msgspec.Struct, kw_only=True, frozen=True, order=True):
    """What on a hub is not as the package says."""

    path: str  # below the tree's root
    what: str


def wanted(package: Package, numbers: Mapping) -> dict[str, Want]:
    """Returns what must stand where, each folder before what is in it. The root is not listed."""
    found: dict[str, Want] = {}
    for directory in sorted(package.directories, key=lambda it: it.path):
        group = numbers.groups[directory.group] if directory.group else 0
        found[directory.path] = Want(
            "folder", int(directory.mode, 8), group, changes=bool(directory.group) and directory.mode == INNER
        )
        for name in directory.resources:
            found.update(_of_resource(name, package.resources[name], directory, group))
    return found


def _of_resource(name: str, resource: PackedResource, directory: Directory, group: int) -> Iterator[tuple[str, Want]]:
    path, changes = f"{directory.path}/{name}", bool(directory.group)
    folder, file = int(INNER, 8), int(directory.files, 8)
    if resource.kind == "device":
        yield path, Want("device", file, group, device=resource.device, is_whole=True)
    elif resource.kind != "file":
        theirs = changes or resource.kind == "volume"
        yield path, Want("folder", folder, group, is_whole=True, changes=theirs)
    for entry in resource.entries:
        where = f"{path}/{entry.path}" if entry.path else path
        if entry.folder:
            yield where, Want("folder", folder, group, changes=changes)
        else:
            yield where, Want("file", file, group, entry.size, tuple(entry.parts), is_whole=not entry.path)


def device_of(path: str) -> os.stat_result:
    """Returns a device that a package names.

    Raises:
        RefusedError: this hub has no such device.
    """
    try:
        real = Path(path).resolve(strict=True)
        found = real.stat()
    except OSError as error:
        raise RefusedError(f"this hub has no device {path}: {error.strerror}") from error
    if not real.is_relative_to("/dev") or not (stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)):
        raise RefusedError(f"{path} is no device on this hub")
    return found


def make(root: int, wants: dict[str, Want], part: Callable[[bytes], bytes], without: set[str], owner: int = 0) -> None:
    """Makes a tree in an empty directory that nobody else can enter yet.

    Args:
        root: the directory.
        wants: what to make.
        part: gives a part's bytes by its digest, checked.
        without: paths that are left out, volumes that are moved here later.
        owner: of everything.

    Raises:
        OSError: the disk is full or broken.
        RefusedError: a device is missing.
    """
    walker = places.Walker(root)
    try:
        for path, want in wants.items():
            if path in without:
                continue
            above, _, name = path.rpartition("/")
            folder, owned = walker.folder(above), (owner, want.group)
            match want.kind:
                case "folder":
                    places.make_folder(name, folder, mode=want.mode, owner=owned)
                case "file":
                    with places.new_file(name, folder, mode=want.mode, owner=owned) as descriptor:
                        for digest in want.parts:
                            places.write_all(descriptor, part(digest))
                case "device":
                    device = device_of(want.device)
                    places.make_device(name, folder, device=device, mode=want.mode, owner=owned)
    finally:
        walker.close()


def differences(
    root: int, wants: dict[str, Want], *, fresh: bool, without: Container[str] = (), owner: int = 0
) -> list[Difference]:
    """Compares a tree with what must stand there; sorted by path.

    What tasks may change is theirs to change: in a folder that they may write to, only a resource that is gone or has
    become something else is told. In a fresh tree nobody has changed anything, and contents were checked on their way.

    Args:
        root: the tree's root.
        wants: what must stand there.
        fresh: nobody has been let in yet.
        without: paths that are not there yet: volumes.
        owner: of everything.
    """
    below: dict[str, set[str]] = {"": set(), **{path: set() for path, want in wants.items() if want.kind == "folder"}}
    for path in wants:
        above, _, name = path.rpartition("/")
        below[above].add(name)
    found: list[Difference] = []
    walker = places.Walker(root)
    try:
        for path, names in below.items():
            if path not in without:
                theirs = not fresh and bool(path) and wants[path].changes
                found += _in_folder(
                    walker, path, names, wants, theirs=theirs, fresh=fresh, without=without, owner=owner
                )
    finally:
        walker.close()
    return sorted(found)


def _in_folder(
    walker: places.Walker,
    path: str,
    names: set[str],
    wants: dict[str, Want],
    *,
    theirs: bool,
    fresh: bool,
    without: Container[str],
    owner: int,
) -> Iterator[Difference]:
    prefix = f"{path}/" if path else ""
    try:
        folder = walker.folder(path)
    except OSError:
        return  # what is wrong with the folder is said of the folder
    there = set(os.listdir(folder))
    for name in () if theirs else there - names:
        yield Difference(path=prefix + printable(name), what="nobody asked for it")
    for name in names - there:
        if prefix + name not in without and (not theirs or wants[prefix + name].is_whole):
            yield Difference(path=prefix + name, what="it is missing")
    for name in names & there:
        want = wants[prefix + name]
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        said = _kind(status, want) or ("" if theirs else _unlike(status, want, owner))
        if not said and not theirs and not fresh and want.kind == "file" and not _holds(folder, name, want):
            said = "its content is another one"
        if said:
            yield Difference(path=prefix + name, what=said)


def _kind(status: os.stat_result, want: Want) -> str:
    mode = status.st_mode
    names = {"folder": stat.S_ISDIR(mode), "file": stat.S_ISREG(mode), "symbolic link": stat.S_ISLNK(mode)}
    names["device"] = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
    is_now = next((name for name, it_is in names.items() if it_is), "something else")
    return "" if is_now == want.kind else f"it is a {is_now}, not a {want.kind}"


def _unlike(status: os.stat_result, want: Want, owner: int) -> str:
    if (status.st_uid, status.st_gid) != (owner, want.group):
        return f"it belongs to {status.st_uid}:{status.st_gid}, not to {owner}:{want.group}"
    if stat.S_IMODE(status.st_mode) != want.mode:
        return f"its mode is {stat.S_IMODE(status.st_mode):04o}, not {want.mode:04o}"
    if want.kind == "file" and status.st_size != want.size:
        return f"it has {status.st_size} bytes, not {want.size}"
    if want.kind == "device" and status.st_rdev != device_of(want.device).st_rdev:
        return f"it is not {want.device}"
    return ""


def _holds(folder: int, name: str, want: Want) -> bool:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        return all(digest(file.read(limits.PART)) == part for part in want.parts)

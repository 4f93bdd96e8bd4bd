"""Whether a package can be built as it says: asked of every package, whoever signed it, before anything is touched.

The signature says who wants it. This says that what is wanted is a tree below the target and nothing else: no name
leaves it, no two names are one on some file system, no bit is beyond the two modes of a pair, and what the bits grant
each task is what the table says.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from devices.errors import ProtocolError, UsageError, printable
from devices.permissions.package import Entry, Package, PackedResource
from devices.permissions.structure import INNER, OUTER, Directory, check_name
from devices.protocol import limits


def check(package: Package) -> None:
    """Passes a package that can be built.

    Raises:
        ProtocolError: it cannot; the first thing that is wrong is named.
    """
    _few(package)
    for kind, names in (("resource", package.resources), ("task", package.tasks)):
        _names(kind, names)
    _names("role", {grants.role for grants in package.tasks.values()}, twins=True)
    homes = _pairs(package)
    _groups(package)
    for name, resource in package.resources.items():
        if name not in homes:
            raise ProtocolError(f"resource {name} stands in no directory")
        _resource(name, resource)
    _contents(package)
    _table(package, homes)


def _few(package: Package) -> None:
    for what, count in (
        ("resources", len(package.resources)),
        ("tasks", len(package.tasks)),
        ("groups", len(package.groups)),
    ):
        if count > limits.PACKAGE_NAMES:
            raise ProtocolError(f"a package of {count} {what}; at most {limits.PACKAGE_NAMES} are taken")
    if package.version < 1:
        raise ProtocolError(f"a package cannot have version {package.version}")


def _names(kind: str, names: Iterable[str], *, twins: bool = False) -> None:
    seen: dict[str, str] = {}
    for name in names:
        try:
            check_name(kind, name)
        except UsageError as error:
            raise ProtocolError(error.message) from error
        if seen.setdefault(name.casefold(), name) != name and not twins:
            raise ProtocolError(f"{kind}s {seen[name.casefold()]} and {name} differ by case alone")


def _pairs(package: Package) -> dict[str, tuple[Directory, Directory]]:
    """Returns each resource's outer and inner directory; what else is listed is no pair."""
    found = {directory.path: directory for directory in package.directories}
    if len(found) != len(package.directories):
        raise ProtocolError("a directory is listed twice")
    _names("directory", [path for path in found if "/" not in path])
    homes: dict[str, tuple[Directory, Directory]] = {}
    paired: set[str] = set()
    for inner in package.directories:
        above, slash, name = inner.path.partition("/")
        if not slash:
            continue
        outer = found.get(above)
        _names("directory", [name])
        if outer is None or above in paired or (outer.mode, inner.mode, inner.files == "") != (OUTER, INNER, False):
            raise ProtocolError(f"directory {printable(inner.path, 100)} is no half of a pair")
        if outer.resources or outer.files:
            raise ProtocolError(f"resources stand in the outer directory {above}")
        paired.add(above)
        for resource in inner.resources:
            if resource not in package.resources or resource in homes:
                raise ProtocolError(f"resource {printable(resource, 100)} stands in no one directory")
            homes[resource] = outer, inner
    if len(found) != 2 * len(paired):
        raise ProtocolError("a directory is no half of a pair")
    return homes


def _groups(package: Package) -> None:
    sets: set[frozenset[str]] = set()
    for group, tasks in package.groups.items():
        if not group or not group.isascii() or not group.isprintable() or len(group) > 100:
            raise ProtocolError(f"{printable(repr(group), 100)} is no group's name")
        members = frozenset(tasks)
        if not members or members in sets or not members <= package.tasks.keys():
            raise ProtocolError(f"group {group} is no set of tasks of its own")
        sets.add(members)
    for directory in package.directories:
        if directory.group and directory.group not in package.groups:
            raise ProtocolError(f"directory {directory.path} belongs to no group that there is")
    for task, grants in package.tasks.items():
        if set(grants.groups) != {group for group, tasks in package.groups.items() if task in tasks}:
            raise ProtocolError(f"task {task} is in other groups than the groups say")


def _resource(name: str, resource: PackedResource) -> None:
    entries = resource.entries
    match resource.kind:
        case "file":
            sound = len(entries) == 1 and not entries[0].path and not entries[0].folder
        case "folder":
            sound = True
            _folder(name, entries)
        case "device":
            path = PurePosixPath(resource.device)
            sound = path.parts[:2] == ("/", "dev") and len(path.parts) > 2 and ".." not in path.parts and not entries
        case "volume":
            sound = not entries and resource.quota > 0
    if not sound or bool(resource.device) != (resource.kind == "device"):
        raise ProtocolError(f"resource {name} is no {resource.kind}")


def _folder(resource: str, entries: Iterable[Entry]) -> None:
    """Passes entries that are each new, below a folder that was listed before, and the only one of their name there."""
    folders = {""}
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        above, _, name = entry.path.rpartition("/")
        if why := _unfit(entry.path, name):
            raise ProtocolError(f"resource {resource} holds {printable(repr(entry.path), 200)}: {why}")
        if above not in folders:
            raise ProtocolError(f"resource {resource} holds {entry.path} and no folder for it")
        if (twin := (above, unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()))) in seen:
            raise ProtocolError(f"resource {resource} holds {entry.path} twice, or names that differ by spelling alone")
        seen.add(twin)
        if entry.folder:
            folders.add(entry.path)


def _unfit(path: str, name: str) -> str:
    if name in ("", ".", ".."):
        return "that leads elsewhere"
    if len(name.encode(errors="surrogatepass")) > 255 or len(path.encode(errors="surrogatepass")) > limits.PACKAGE_PATH:
        return "that is too long"
    if path.count("/") >= limits.PACKAGE_DEPTH:
        return "that is too deep"
    unprintable = any(unicodedata.category(sign) in ("Cc", "Cs", "Cf", "Zl", "Zp") for sign in name)
    return "it has signs that nobody sees" if unprintable else ""


def _contents(package: Package) -> None:
    count = size = 0
    for name, resource in package.resources.items():
        for entry in resource.entries:
            count += 1
            size += entry.size
            wanted = -(-entry.size // limits.PART)
            if entry.size < 0 or len(entry.parts) != wanted or any(len(part) != 32 for part in entry.parts):
                raise ProtocolError(f"the parts of {entry.path or name} in resource {name} do not fit its size")
            if entry.folder and entry.size:
                raise ProtocolError(f"{entry.path} in resource {name} is a folder and a file")
    if count > limits.PACKAGE_ENTRIES:
        raise ProtocolError(f"a package of {count} files; at most {limits.PACKAGE_ENTRIES} are taken")
    if size > limits.PACKAGE_CONTENTS:
        raise ProtocolError(f"a package of {size} bytes; at most {limits.PACKAGE_CONTENTS} are taken")


def _table(package: Package, homes: dict[str, tuple[Directory, Directory]]) -> None:
    """Passes a table that says what the bits grant."""
    narrowed = set(package.narrowed)
    for task, rights in package.access.items():
        if task not in package.tasks or not rights.keys() <= package.resources.keys() or "" in rights.values():
            raise ProtocolError(f"the table speaks of a task or resource that there is not: {printable(task, 100)}")
    for task, grants in package.tasks.items():
        groups = set(grants.groups)
        rights = package.access.get(task, {})
        for resource, (outer, inner) in homes.items():
            granted = _granted(outer, inner, groups)
            right = rights.get(resource, "")
            may_read_too = right == "w" and granted == "rw" and (task, resource) in narrowed
            if granted != right and not may_read_too:
                raise ProtocolError(
                    f"the directories let {task} {_words(granted)} {resource}, and the table says {_words(right)}"
                )


def _granted(outer: Directory, inner: Directory, groups: set[str]) -> str:
    """Returns what the bits grant a task on files that the package brings; writing there is also writing the folder."""
    if outer.group not in groups:
        return ""
    if inner.group not in groups:
        return "r"
    return "rw" if int(inner.files, 8) >> 3 & 4 else "w"


def _words(right: str) -> str:
    return {"": "not touch", "r": "read", "w": "write", "rw": "read and write"}[right]

"""A hub's target: packages become trees below it, one of which is the current one.

    ids.json             which role and group has which number here
    packages/7           the sealed package of each tree that is kept
    parts/<sha256>       contents of those, and of one that is on its way
    trees/7/...          a package's tree
    current -> trees/7   the one that counts: replaced by rename(2), at once
    volumes/<name>       volumes that no tree names now
    view                 empty: on it each confined worker builds its own view of files
    adopting             there between the decision for a tree and its end

Everything is the superuser's; tasks pass through ``trees`` and below. A tree is made and verified under a name of its own,
closed to everybody, and made durable. Writing ``adopting`` is the commit point: before it, whatever happens leaves the
old tree and nothing else; behind it, what is left to do is done again from its beginning until it is done: volumes
are renamed into the new tree and ``current`` is replaced. So a crash leaves the old tree or the new one, once
`Target.recover` has looked.

Tried and left: giving both trees the same volumes by symbolic links needs groups on the volumes that change at another
moment than the tree does; exchanging whole directories (renameat2) leaves workers of the old tree at the new one's path.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Collection, Container, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from devices.errors import DamagedError, RefusedError
from devices.permissions import places, soundness, tree, volumes
from devices.permissions.ids import Local, Mapping, Range, assign
from devices.permissions.package import Package, digest, parts_of, reopen
from devices.permissions.tree import Difference, Want
from devices.protocol import limits

T = TypeVar("T")

_SPARE: Final = 16 * limits.MIB
"""Bytes that must be free beside a package's contents."""
_BLOCK: Final = 4096
"""Bytes that a small file or a folder takes on a disk."""
_STATE: Final = 1024 * 1024  # bytes of our own small files
_FOLDERS: Final = {"packages": 0o700, "parts": 0o700, "trees": tree.ROOT_MODE, "view": 0o700, "volumes": 0o700}
_log = logging.getLogger(__name__)


class _Adopting(msgspec.Struct, kw_only=True):
    """What is left to do once a tree is decided for."""

    version: int
    before: int  # the version of the tree that was the current one; 0: none
    numbers: Mapping
    users: dict[str, int] = {}  # roles that have got another number: old number => new number


class Bounds(NamedTuple):
    """As whom a task runs, and where what it may touch is: local numbers and paths."""

    version: int
    view: str
    user: int
    groups: list[int]
    resources: dict[str, tuple[str, str]]  # name => path, and "r", "w" or "rw"


class Target:
    """The folder into which packages are built.

    Args:
        path: absolute; made if its parent is there.
        allowed: where local numbers come from.
        local: tells which numbers exist here, given the owners of what is below the target.
    """

    def __init__(self, path: Path, allowed: Range, local: Callable[[Collection[int]], Local] = Local) -> None:
        self.path = path
        self._allowed = allowed
        self._local = local
        self._packages: dict[int, Package] = {}
        self._descriptor = places.open_trusted(path.resolve())
        os.fchmod(self._descriptor, tree.ROOT_MODE)
        for name, mode in _FOLDERS.items():
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=self._descriptor)
            with places.opened(name, self._descriptor) as folder:
                os.fchmod(folder, mode)
        self.recover()

    def close(self) -> None:
        """Lets go of the folder."""
        os.close(self._descriptor)

    # What there is -----------------------------------------------------------------------------------------------------

    @property
    def current(self) -> int:
        """The version of the current tree; 0 if there is none."""
        try:
            link = os.readlink("current", dir_fd=self._descriptor)
        except FileNotFoundError:
            return 0
        return int(link.removeprefix("trees/"))

    def kept(self) -> list[int]:
        """Returns the versions whose trees are here, with their packages; oldest first."""
        with self._folder("packages") as packages:
            there = set(os.listdir(packages))
        return [version for version in self._trees() if str(version) in there]

    def _trees(self) -> list[int]:
        with self._folder("trees") as trees:
            return sorted(int(name) for name in os.listdir(trees) if name.isdecimal())

    def sealed(self, version: int) -> bytes:
        """Returns a package as it came.

        Raises:
            RefusedError: it is not here.
        """
        try:
            with self._folder("packages") as packages:
                return places.read_file(str(version), packages, limits.PACKAGE)
        except FileNotFoundError:
            raise RefusedError(f"package {version} is not on this hub") from None

    def package(self, version: int) -> Package:
        """Returns what a package that was taken says."""
        if version not in self._packages:
            self._packages = {version: reopen(self.sealed(version))}
        return self._packages[version]

    def bounds(self, task: str) -> Bounds | None:
        """Returns within which bounds a task runs under the current package; ``None`` if it is no task of it."""
        version = self.current
        grants = self.package(version).tasks.get(task) if version else None
        if grants is None:
            return None
        package, numbers = self.package(version), self.numbers()
        homes = {name: it.path for it in package.directories for name in it.resources}
        tree_ = self.path / "trees" / str(version)
        return Bounds(
            version=version,
            view=str(self.path / "view"),
            user=numbers.roles[grants.role],
            groups=[numbers.groups[group] for group in grants.groups],
            resources={
                name: (str(tree_ / homes[name] / name), right) for name, right in package.access.get(task, {}).items()
            },
        )

    def numbers(self) -> Mapping:
        """Returns the numbers that were given so far."""
        return self._read("ids.json", Mapping) or Mapping()

    def differences(self) -> list[Difference]:
        """Returns what in the current tree is not as its package says; without one, nothing."""
        version = self.current
        if not version:
            return []
        with self._tree(version) as root:
            return tree.differences(root, tree.wanted(self.package(version), self.numbers()), fresh=False)

    def volumes(self) -> dict[str, int]:
        """Returns the bytes that each volume of the current tree takes."""
        version = self.current
        found: dict[str, int] = {}
        if version:
            with self._tree(version) as root:
                for path, name in _volumes(self.package(version)).items():
                    with contextlib.suppress(OSError), places.below(path, root) as volume:
                        found[name] = volumes.used(volume)
        return found

    # Parts ------------------------------------------------------------------------------------------------------------

    def missing(self, parts: Collection[bytes]) -> list[bytes]:
        """Returns those that are not here, each once, in order."""
        with self._folder("parts") as folder:
            there = set(os.listdir(folder))
        return [part for part in dict.fromkeys(parts) if part.hex() not in there]

    def keep(self, part: bytes) -> None:
        """Keeps a part under its digest.

        Raises:
            RefusedError: the disk is full.
        """
        with self._folder("parts") as folder, _said("a part of a package cannot be kept"):
            _write_new(digest(part).hex(), folder, part)

    def part(self, name: bytes) -> bytes:
        """Returns a part, checked.

        Raises:
            DamagedError: it is missing, or not what its name says.
        """
        try:
            with self._folder("parts") as folder:
                found = places.read_file(name.hex(), folder, limits.PART)
        except FileNotFoundError:
            raise DamagedError(f"part {name.hex()[:12]} of a package is missing") from None
        if digest(found) != name:
            with self._folder("parts") as folder:
                os.unlink(name.hex(), dir_fd=folder)
            raise DamagedError(f"part {name.hex()[:12]} of a package is not what it was")
        return found

    # Taking a package -------------------------------------------------------------------------------------------------

    def apply(self, sealed: bytes, package: Package, in_use: Container[int] = ()) -> None:
        """Builds a package's tree, verifies it and makes it the current one.

        Args:
            sealed: the package as it came.
            package: what it says, with its signature checked.
            in_use: versions whose trees somebody still works on.

        Raises:
            RefusedError: it is older than what is here, cannot be built here, or the disk is full: nothing has changed.
            ProtocolError: it is not sound: nothing has changed.
            DamagedError: a part is missing or damaged: nothing has changed.
        """
        self.recover(in_use)
        before = self.current
        if package.version <= before:
            raise RefusedError(
                f"package {package.version} is not newer than {before}, which this hub has",
                remedy="deploy it again: it gets a new version",
            )
        soundness.check(package)
        known = self.numbers()
        numbers = self._numbers_for(package, known)
        wants = tree.wanted(package, numbers)
        self._require_room(wants)
        moved = self._volumes_there(before) & set(_volumes(package).values())
        without = {path for path, name in _volumes(package).items() if name in moved}
        name = str(package.version)
        try:
            with _said("the new tree cannot be made"):
                self._make(name, wants, without)
                with self._folder("packages") as packages:
                    places.replace_file(name, packages, sealed)
                places.sync_all(self._descriptor)
                users = _changed(known.roles, numbers.roles)
                adopting = _Adopting(version=package.version, before=before, numbers=numbers, users=users)
                self._write("adopting", adopting)
        except BaseException:
            if self._read("adopting", _Adopting) is None:
                self._forget(name)
            raise
        self.recover(in_use)

    def discard(self) -> None:
        """Removes parts of packages that were not taken."""
        self._tidy_parts()

    def _numbers_for(self, package: Package, known: Mapping) -> Mapping:
        strangers = self._owners() - known.numbers() - {0, os.geteuid(), os.getegid()}
        return assign(
            known,
            roles={grants.role for grants in package.tasks.values()},
            groups=package.groups,
            allowed=self._allowed,
            here=self._local(strangers),
        )

    def _owners(self) -> set[int]:
        """Returns the owners and groups of what is below the target."""
        found: set[int] = set()
        for _, folders, files, above in os.fwalk(".", dir_fd=self._descriptor):
            for name in (*folders, *files):
                with contextlib.suppress(FileNotFoundError):
                    status = os.stat(name, dir_fd=above, follow_symlinks=False)
                    found |= {status.st_uid, status.st_gid}
        return found

    def _require_room(self, wants: dict[str, Want]) -> None:
        needed = sum(
            -(-want.size // _BLOCK) * _BLOCK + (_BLOCK if want.kind == "folder" else 0) for want in wants.values()
        )
        disk = os.fstatvfs(self._descriptor)
        free = disk.f_bavail * disk.f_frsize
        if needed + _SPARE > free:
            raise RefusedError(
                f"the package needs {needed + _SPARE} bytes, {free} are free",
                place=str(self.path),
                remedy="make room, or put the target on another disk: target in [permissions] of hub.toml",
            )
        if disk.f_favail and disk.f_favail < len(wants) + 1000:
            raise RefusedError(f"the package has {len(wants)} files, the disk has room for {disk.f_favail} more")

    def _volumes_there(self, before: int) -> set[str]:
        """Returns the names of the volumes that exist: in the current tree, or laid aside."""
        with self._folder("volumes") as aside:
            there = set(os.listdir(aside))
        return there | (set(_volumes(self.package(before)).values()) if before else set())

    def _make(self, name: str, wants: dict[str, Want], without: set[str]) -> None:
        with self._folder("trees") as trees:
            os.mkdir(name, 0o700, dir_fd=trees)
            with places.opened(name, trees) as root:
                tree.make(root, wants, self.part, without)
                wrong = tree.differences(root, wants, fresh=True, without=without)
                if wrong:
                    raise RefusedError(
                        f"the new tree is not as it should be: {wrong[0].path}: {wrong[0].what}",
                        place=str(self.path),
                        remedy="the file system must keep owners and modes, and nobody else may work in this folder",
                    )

    # Adopting ---------------------------------------------------------------------------------------------------------

    def recover(self, in_use: Container[int] = ()) -> None:
        """Ends what a crash has cut short: an adopted tree is adopted, one that was not is gone."""
        if self._read("adopting", _Adopting) is not None:
            with _said("the new tree is decided for and cannot be adopted yet: it is tried again"):
                self._adopt(in_use)
            return
        self._tidy_trees(in_use)

    def _adopt(self, in_use: Container[int]) -> None:
        """Does all that is left to do; each step may have been done before."""
        task = self._read("adopting", _Adopting)
        assert task is not None, "only called when it was written"
        package = self.package(task.version)
        wants, users = tree.wanted(package, task.numbers), {int(old): new for old, new in task.users.items()}
        self._write("ids.json", task.numbers)
        with contextlib.ExitStack() as stack:
            new, aside = stack.enter_context(self._tree(task.version)), stack.enter_context(self._folder("volumes"))
            sources = self._volumes_of(task.before, stack)
            for path, name in _volumes(package).items():
                above = stack.enter_context(places.below(path.rpartition("/")[0], new))
                volumes.bring(name, above, [*sources.pop(name, ()), aside])
                want = wants[path]
                volumes.hand_over(name, above, mode=want.mode, owner=0, group=want.group, users=users)
            for name, homes in sources.items():
                for source in homes:
                    volumes.lay_aside(name, source, aside)
            os.fchmod(new, tree.ROOT_MODE)  # only now: whoever works in the old tree must not reach the new one before
        self._point(task.version)
        places.sync_all(self._descriptor)
        os.unlink("adopting", dir_fd=self._descriptor)
        os.fsync(self._descriptor)
        self._tidy_trees(in_use)
        self._tidy_parts()

    def _volumes_of(self, version: int, stack: contextlib.ExitStack) -> dict[str, list[int]]:
        """Opens the directories in which an older tree's volumes stood; none if the tree is gone already."""
        found: dict[str, list[int]] = {}
        if version in self.kept():
            old = stack.enter_context(self._tree(version))
            for path, name in _volumes(self.package(version)).items():
                with contextlib.suppress(FileNotFoundError):
                    found[name] = [stack.enter_context(places.below(path.rpartition("/")[0], old))]
        return found

    def _point(self, version: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(".current.new", dir_fd=self._descriptor)
        os.symlink(f"trees/{version}", ".current.new", dir_fd=self._descriptor)
        os.rename(".current.new", "current", src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def _tidy_trees(self, in_use: Container[int]) -> None:
        """Removes trees that were not decided for, and those that nobody needs: all but two and those in use."""
        current = self.current
        previous = max((version for version in self.kept() if version < current), default=0)
        for version in self._trees():
            if version not in (current, previous) and (version > current or version not in in_use):
                self._forget(str(version))
        kept = set(map(str, self.kept()))
        with self._folder("packages") as packages:
            for name in os.listdir(packages):
                if name not in kept:
                    os.unlink(name, dir_fd=packages)

    def _tidy_parts(self) -> None:
        named = {part.hex() for version in self.kept() for part in parts_of(self.package(version).resources.values())}
        with self._folder("parts") as folder:
            for name in set(os.listdir(folder)) - named:
                os.unlink(name, dir_fd=folder)

    def _forget(self, name: str) -> None:
        with self._folder("trees") as trees:
            try:
                shutil.rmtree(name, dir_fd=trees)
            except FileNotFoundError:
                pass
            except (OSError, RecursionError) as error:
                _log.warning("tree %s cannot be removed: %s", name, error)
        with self._folder("packages") as packages, contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=packages)

    # Below the target -------------------------------------------------------------------------------------------------

    def _folder(self, name: str) -> contextlib.AbstractContextManager[int]:
        return places.opened(name, self._descriptor)

    @contextlib.contextmanager
    def _tree(self, version: int) -> Iterator[int]:
        with self._folder("trees") as trees, places.opened(str(version), trees) as root:
            yield root

    def _read(self, name: str, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(places.read_file(name, self._descriptor, _STATE), type=kind)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise DamagedError(f"{name} cannot be read: {error}", place=str(self.path)) from error

    def _write(self, name: str, value: Any) -> None:
        places.replace_file(name, self._descriptor, msgspec.json.encode(value))


def _volumes(package: Package) -> dict[str, str]:
    """Returns the path and name of each volume."""
    return {
        f"{directory.path}/{name}": name
        for directory in package.directories
        for name in directory.resources
        if package.resources[name].kind == "volume"
    }


def _changed(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    """Returns the numbers that names had and have no longer, and what they have now."""
    return {str(old[name]): new[name] for name in old if name in new and new[name] != old[name]}


def _write_new(name: str, folder: int, data: bytes) -> None:
    """Writes a file under its name when it is whole; not synced, for it is checked when it is read."""
    fresh = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh, dir_fd=folder)
    try:
        with places.new_file(fresh, folder, mode=0o600, owner=(os.geteuid(), os.getegid())) as descriptor:
            places.write_all(descriptor, data)
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=folder)
        raise


@contextlib.contextmanager
def _said(what: str) -> Iterator[None]:
    """Has what a disk refuses be said as a refusal."""
    try:
        yield
    except OSError as error:
        raise RefusedError(f"{what}: {error.strerror}", place=error.filename and str(error.filename)) from error

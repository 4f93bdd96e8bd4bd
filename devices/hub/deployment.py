"""Permission packages as they come to a hub: parts are asked for until all are there, then the tree is built.

Nothing of it exists, not even a folder, until the first package comes.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from devices.errors import DamagedError, MidstreamError, ProtocolError, RefusedError, printable
from devices.hub.workers import Surroundings
from devices.permissions import soundness
from devices.permissions.ids import Range
from devices.permissions.package import Package, digest, parts_of, unseal
from devices.permissions.target import Target
from devices.protocol import limits, link
from devices.protocol.answers import Deployed, Drift, VolumeUse, Wants
from devices.protocol.commands import Deploy, Survey
from devices.runtime import landlock

FULL: Final = "full"
_log = logging.getLogger(__name__)


def ability() -> str:
    """Returns `FULL`, or in words why this hub cannot take permission packages."""
    if os.geteuid() != 0:
        return "reduced: this hub does not run as the superuser, so it cannot give files to users and groups"
    return FULL


class Deployments:
    """The permission packages of this hub.

    Args:
        hub: its name.
        path: where they are built.
        ids: where local numbers come from.
        public: gives the coordinator's key.
        offered: what this hub has for functions that are no tasks: name => path.
    """

    def __init__(
        self, hub: str, path: Path, ids: Range, public: Callable[[], bytes], offered: dict[str, str] | None = None
    ) -> None:
        self._offered = offered or {}
        self._hub = hub
        self._path = path
        self._ids = ids
        self._public = public
        self._target: Target | None = None
        self._turn = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._wanted: set[str] = set()
        self.in_use: Callable[[], dict[int, list[str]]] = dict  # functions that run, by the version of their package
        self._begun: tuple[list[str], bytes, Package] | None = None  # the last that was opened: it is asked for often

    async def begin(self) -> None:
        """Ends what a crash has cut short. What it finds wrong is told again to who asks."""
        if ability() == FULL and self._path.exists():
            async with self._turn:
                try:
                    await asyncio.to_thread(self._open)
                except MidstreamError as error:
                    _log.warning("%s", error)

    def _open(self) -> Target:
        if (why := ability()) != FULL:
            raise RefusedError(f"this hub takes no permission package: {why}", remedy="run it as the superuser")
        if self._target is None:
            for above in reversed(self._path.parents):
                if not above.exists():
                    above.mkdir(mode=0o755)
            self._target = Target(self._path, self._ids)
        return self._target

    def take_part(self, name: str, payload: bytes) -> None:
        """Keeps a part that was asked for.

        Raises:
            ProtocolError: nobody has asked for it, or it is not what its name says.
            RefusedError: the disk is full.
        """
        if name not in self._wanted or self._target is None:
            raise ProtocolError(f"nobody has asked for part {printable(name, 70)} of a permission package")
        if len(payload) > limits.PART or digest(payload).hex() != name:
            raise DamagedError(f"part {name[:12]} of a permission package is not what its name says")
        self._target.keep(payload)
        self._wanted.discard(name)

    async def deploy(self, command: Deploy) -> Wants | Deployed:
        """Builds a package, or says what is missing for it.

        Raises:
            MidstreamError: it cannot be built; the tree of before stays.
        """
        async with self._turn:
            target = await asyncio.to_thread(self._open)
            try:
                return await self._deploy(target, command)
            except MidstreamError:
                self._wanted.clear()
                self._begun = None
                await asyncio.to_thread(target.discard)
                raise

    async def _deploy(self, target: Target, command: Deploy) -> Wants | Deployed:
        parts = [_digest(part) for part in command.parts]
        if not 0 < len(parts) <= limits.PACKAGE // limits.PART:
            raise ProtocolError(f"a permission package in {len(parts)} parts")
        if missing := target.missing(parts):
            return self._wants(command, missing)
        sealed, package = await asyncio.to_thread(self._opened, target, command.parts)
        if missing := await asyncio.to_thread(target.missing, parts_of(package.resources.values())):
            return self._wants(command, missing)
        if target.current != package.version or target.sealed(package.version) != sealed:  # else it was built already
            async with self._changing:
                await asyncio.to_thread(target.apply, sealed, package, list(self.in_use()))
        self._wanted.clear()
        self._begun = None
        return await self._deployed(target, command)

    def _opened(self, target: Target, names: list[str]) -> tuple[bytes, Package]:
        if self._begun is None or self._begun[0] != names:
            sealed = b"".join(target.part(bytes.fromhex(name)) for name in names)
            package = unseal(sealed, self._public())
            if package.hub != self._hub:
                raise ProtocolError(f"a permission package for hub {package.hub}, not for {self._hub}")
            soundness.check(package)
            if package.narrowed and not landlock.available():
                task, resource = package.narrowed[0]
                raise RefusedError(
                    f"{task} writes {resource} and may not read it, and this hub cannot keep it from that",
                    remedy="its kernel has no Landlock; let the task read, or give what it writes a resource of its own",
                )
            self._begun = names, sealed, package
        return self._begun[1:]

    def _wants(self, command: Deploy, missing: list[bytes]) -> Wants:
        now = [part.hex() for part in missing[: limits.PACKAGE_WANTED]]
        self._wanted = set(now)
        return Wants(hub=self._hub, id=command.id, parts=now, more=len(missing) - len(now))

    async def surroundings(self, function: str) -> Surroundings:
        """Returns what a function finds here: its resources, and within which bounds it runs if it is a task.

        Not while a tree is being changed for another: its volumes are on their way then.
        """
        async with self._changing:
            bounds = self._target.bounds(function) if self._target is not None else None
        if bounds is None:
            return Surroundings(resources=self._offered)
        confinement = link.Confinement(
            root=bounds.view, user=bounds.user, groups=bounds.groups, resources=bounds.resources
        )
        return Surroundings(confinement=confinement, tree=bounds.version)

    async def survey(self, command: Survey) -> Deployed:
        """Says what is in force and what differs from it.

        Raises:
            MidstreamError: this hub takes no packages.
        """
        async with self._turn:
            if self._target is None and not self._path.exists():
                return Deployed(hub=self._hub, id=command.id, version=0)
            return await self._deployed(await asyncio.to_thread(self._open), command)

    async def _deployed(self, target: Target, command: Deploy | Survey) -> Deployed:
        return await asyncio.to_thread(self._seen, target, command.id)

    def _seen(self, target: Target, command: str) -> Deployed:
        version = target.current
        differences = target.differences()
        resources = target.package(version).resources if version else {}
        return Deployed(
            hub=self._hub,
            id=command,
            version=version,
            trees=target.kept(),
            drift=[Drift(path=printable(it.path, 200), what=it.what) for it in differences[: limits.PACKAGE_DRIFT]],
            drifted=len(differences),
            older=[
                f"{function} still works in version {tree}"
                for tree, functions in sorted(self.in_use().items())
                for function in sorted(functions)
                if tree != version
            ][: limits.PACKAGE_DRIFT],
            volumes={
                name: VolumeUse(used=used, quota=resources[name].quota)
                for name, used in list(target.volumes().items())[: limits.PACKAGE_DRIFT]
            },
        )

    def close(self) -> None:
        """Lets go of the folder."""
        if self._target is not None:
            self._target.close()


def _digest(name: str) -> bytes:
    try:
        found = bytes.fromhex(name)
    except ValueError:
        found = b""
    if len(found) != 32 or found.hex() != name:
        raise ProtocolError(f"{printable(name, 70)!r} is no part's name")
    return found

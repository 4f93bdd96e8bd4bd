"""What a command line hands to the coordinator: a site as it was read, with its contents by reference.

It is what is kept of a deployment, too: a package is made of it anew for each hub and version, and going back is
deploying an older one again.
"""

from __future__ import annotations

import hashlib

import cbor2
import msgspec

from coordinator.deployment.plan import Plan, Wish, plan
from coordinator.deployment.site import Site
from devices.errors import ProtocolError
from devices.permissions.package import Entry, PackedResource, parts_of
from devices.protocol import sealing


class BundledTask(msgspec.Struct, kw_only=True, frozen=True):
    """What somebody wants for a task; sorted, each once."""

    role: str
    read: list[str]
    write: list[str]


class Bundle(msgspec.Struct, kw_only=True, frozen=True):
    """A site, packed."""

    tasks: dict[str, BundledTask]
    resources: dict[str, PackedResource]

    def plan(self) -> Plan:
        """Returns its plan."""
        wishes = {task: Wish(it.role, frozenset(it.read), frozenset(it.write)) for task, it in self.tasks.items()}
        return plan(self.resources, wishes)

    @property
    def parts(self) -> list[bytes]:
        """The digests of all contents, each once."""
        return parts_of(self.resources.values())

    def facts(self) -> dict[str, str]:
        """Returns what it says in words, so that two of them can be compared: ``"camera: snapshots"`` => ``"w"``."""
        said = {f"task {task}": f"role {it.role}" for task, it in self.tasks.items()}
        said |= {f"resource {name}": _in_words(it) for name, it in self.resources.items()}
        for task, it in self.tasks.items():
            for name in {*it.read, *it.write}:
                said[f"{task}: {name}"] = "r" * (name in it.read) + "w" * (name in it.write)
        return said


def bundle(site: Site, resources: dict[str, PackedResource]) -> Bundle:
    """Returns a site as it is handed over."""
    return Bundle(
        tasks={
            task: BundledTask(role=wish.role, read=sorted(wish.reads), write=sorted(wish.writes))
            for task, wish in sorted(site.wishes.items())
        },
        resources=resources,
    )


def encode(bundled: Bundle) -> bytes:
    """Returns its bytes."""
    return cbor2.dumps(msgspec.to_builtins(bundled, builtin_types=(bytes,), order="sorted"), canonical=True)


def decode(data: bytes) -> Bundle:
    """Returns what bytes from elsewhere say.

    Raises:
        ProtocolError: they are no bundle, or a task wants what there is not.
    """
    try:
        found = msgspec.convert(sealing.load_cbor(data, "the site"), Bundle)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"a site is not as the contract says: {error}") from error
    for task, it in found.tasks.items():
        if not {*it.read, *it.write} <= found.resources.keys():
            raise ProtocolError(f"task {task} wants a resource that there is not")
    return found


def _in_words(resource: PackedResource) -> str:
    if resource.kind == "device":
        return f"device {resource.device}"
    if resource.kind == "volume":
        return f"volume of {resource.quota} bytes{', travels' if resource.travels else ''}"
    files = [entry for entry in resource.entries if not entry.folder]
    size = sum(entry.size for entry in files)
    return f"{resource.kind} of {len(files)} files, {size} bytes, {_digest(resource.entries)}"


def _digest(entries: list[Entry]) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(entries)).hexdigest()[:12]

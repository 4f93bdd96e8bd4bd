"""Packages for tests: planned and packed by the real code, from sites that a line describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.deployment.packing import Packed, package
from coordinator.deployment.plan import Wish, plan
from coordinator.deployment.site import Resource, Site
from devices.permissions.ids import Local, Range
from devices.permissions.package import Package, seal
from devices.permissions.target import Target

KEY = Ed25519PrivateKey.generate()
ALLOWED = Range(1_900_000_000, 1_900_000_999)


def wishes(**tasks: str) -> dict[str, Wish]:
    """``wishes(camera="snapshots w, config r")``; the role is the task's name, or what stands before a colon."""
    found = {}
    for task, words in tasks.items():
        role, colon, rights = words.rpartition(":")
        pairs = [tuple(word.split()) for word in rights.split(",") if word.strip()]
        found[task] = Wish(
            role if colon else task,
            frozenset(name for name, right in pairs if "r" in right),
            frozenset(name for name, right in pairs if "w" in right),
        )
    return found


def made(
    folder: Path, resources: Mapping[str, Resource], who: Mapping[str, Wish], version: int = 1
) -> tuple[Package, Packed]:
    packed = Packed(Site(folder=folder, resources=dict(resources), wishes=dict(who)))
    planned = plan(resources, who)
    it = package(planned, packed.resources, hub="nas", version=version, created="2026-01-01T00:00:00Z")
    return it, packed


def only_here(owners: Iterable[int]) -> Local:
    return Local(owners, subordinate=())


def deploy(target: Target, package: Package, packed: Packed) -> None:
    for part in target.missing(packed.parts):
        target.keep(packed.part(part))
    target.apply(seal(package, KEY), package)

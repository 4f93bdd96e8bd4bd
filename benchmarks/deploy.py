"""Permission packages: how long a plan takes, building a tree, and what it costs a worker to shut itself in."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.deployment.packing import Packed, package
from coordinator.deployment.plan import Wish, plan
from coordinator.deployment.site import Resource, Site
from devices.errors import RefusedError
from devices.hub.workers import Surroundings, Workers
from devices.permissions.ids import Range
from devices.permissions.package import seal
from devices.permissions.target import Target
from devices.protocol.checkpoint import FunctionRecord
from devices.protocol.link import Confinement

SCALES: Final = (1, 2, 4)
TASKS: Final = 200
ALLOWED: Final = Range(1_900_000_000, 1_900_009_999)
_FUNCTION: Final = "from midstream import function\n\n@function\ndef task(): return 1\n"


def run(*, resources: int, files: int, starts: int) -> dict[str, Any]:
    """Returns the figures.

    Args:
        resources: of the smallest plan.
        files: of the smallest tree.
        starts: of a worker, in each form.

    Raises:
        RefusedError: not as the superuser.
    """
    if os.geteuid() != 0:
        raise RefusedError("building a tree gives files to users", remedy="run this benchmark as the superuser")
    folder = Path(tempfile.mkdtemp(prefix="midstream-"))
    folder.chmod(0o711)
    try:
        plans = {f"{scale}x": _plan(scale * resources) for scale in SCALES}
        applied = {f"{scale}x": _apply(folder / str(scale), scale * files) for scale in SCALES}
        start = asyncio.run(_starts(folder / "starts", starts))
    finally:
        shutil.rmtree(folder)
    growth = {
        "plan": round(plans["4x"]["ms"] / plans["1x"]["ms"], 2),
        "apply": round(applied["4x"]["ms"] / applied["1x"]["ms"], 2),
    }
    return {"plan": plans, "apply": applied, "growth_1x_to_4x": growth, "start": start}


def _plan(count: int) -> dict[str, Any]:
    chance = random.Random(6)
    names = [f"resource-{number}" for number in range(count)]
    wishes = {
        f"task-{number}": Wish(
            f"role-{number}",
            frozenset(chance.sample(names, count // 20)),
            frozenset(chance.sample(names, count // 50)),
        )
        for number in range(TASKS)
    }
    began = time.perf_counter()
    made = plan(names, wishes)
    spent = (time.perf_counter() - began) * 1000
    return {"resources": count, "tasks": TASKS, "groups": len(made.groups), "ms": round(spent, 1)}


def _apply(folder: Path, count: int) -> dict[str, Any]:
    """Builds a tree of so many files of 1 KB in folders of a hundred, and the next version of it."""
    for number in range(count):
        path = folder / "data" / f"{number // 100}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number:08}" * 128)
    site = Site(
        folder=folder,
        resources={"data": Resource("folder", "data")},
        wishes={
            "reader": Wish("reader", frozenset(["data"])),
            "writer": Wish("writer", frozenset(), frozenset(["data"])),
        },
    )
    target = Target(folder / "target", ALLOWED)
    key = Ed25519PrivateKey.generate()
    spent = []
    for version in (1, 2):
        packed = Packed(site)
        made = package(
            plan(site.resources, site.wishes), packed.resources, hub="hub", version=version, created="2026-01-01"
        )
        for part in target.missing(packed.parts):
            target.keep(packed.part(part))
        sealed = seal(made, key)
        began = time.perf_counter()
        target.apply(sealed, made)
        spent.append((time.perf_counter() - began) * 1000)
    target.close()
    return {"files": count, "package_bytes": len(sealed), "ms": round(spent[0], 1), "again_ms": round(spent[1], 1)}


async def _starts(folder: Path, count: int) -> dict[str, Any]:
    """Starts workers one after the other, every second one shut in, so that both see the same machine."""
    folder.mkdir()
    site = Site(
        folder=folder,
        resources={f"volume-{number}": Resource("volume", 10**6) for number in range(5)},
        wishes={"task": Wish("task", frozenset(), frozenset(f"volume-{number}" for number in range(5)))},
    )
    target = Target(folder / "target", ALLOWED)
    made = package(
        plan(site.resources, site.wishes), Packed(site).resources, hub="hub", version=1, created="2026-01-01"
    )
    target.apply(seal(made, Ed25519PrivateKey.generate()), made)
    bounds = target.bounds("task")
    assert bounds is not None
    confined = Surroundings(
        confinement=Confinement(root=bounds.view, user=bounds.user, groups=bounds.groups, resources=bounds.resources),
        tree=1,
    )
    function = FunctionRecord(
        name="task",
        module="main",
        files={"main.py": _FUNCTION},
        digest=hashlib.sha256(_FUNCTION.encode()).digest(),
        arguments={},
        settings={},
    )
    kinds = {"plain": Surroundings(), "confined": confined}
    spent: dict[str, list[float]] = {kind: [] for kind in kinds}
    now = {"": Surroundings()}

    async def around(_function: str) -> Surroundings:
        return now[""]

    async with Workers(around) as workers:
        for _ in range(count):
            for kind, times in spent.items():
                now[""] = kinds[kind]
                await asyncio.sleep(0.15)  # so that one is forked ahead, as on a hub
                began = time.perf_counter()
                worker = await workers.loaded(function)
                times.append((time.perf_counter() - began) * 1000)
                worker.close()
    target.close()
    medians = {f"{name}_p50_ms": round(statistics.median(times), 2) for name, times in spent.items()}
    return {**medians, "resources": 5, "starts": count}

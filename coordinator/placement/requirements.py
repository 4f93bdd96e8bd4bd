"""Who may run a function: hard requirements, each with its sentence."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from coordinator.ingest.hubs import Hub
from coordinator.placement.reservations import NOTHING, Promise, Size
from devices import requirements
from devices.protocol.messages import HubInfo, InstanceUse
from devices.runtime.settings import Needs


@dataclass(frozen=True)
class Requirements:
    """What a function asks of a hub.

    Attributes:
        needs: what `@function` says.
        engine: what its checkpoint was made by.
        packages: distributions and versions that its checkpoint was made with.
        instance: for which a place is sought; what it uses now, on the hub where it is, is free for it there.
        takes_occasion: it is started by a message.
        priority: those of a lower one may have to make room.
        granted: the hubs whose permission package names it as a task; ``None``: it runs under none.
        shuns: hubs that are no better than the one that it leaves, and why, in words that follow the name.
    """

    needs: Needs = field(default_factory=Needs)
    engine: str = "python"
    packages: Mapping[str, str] = field(default_factory=dict)
    instance: str = ""
    takes_occasion: bool = False
    priority: int = 0
    granted: frozenset[str] | None = None
    shuns: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> Size:
        """The memory and the cpu."""
        return Size(self.needs.memory, self.needs.cpu)


class Check(NamedTuple):
    """One requirement held against one hub; ``reason``, behind the hub's name, says why it is not met; empty: it is."""

    requirement: str
    reason: str


def why_not(hub: Hub, wanted: Requirements, promised: Promise = NOTHING) -> str:
    """Returns the first reason why a hub cannot run a function, in words that follow its name; empty if it can.

    Args:
        hub: as it is now.
        wanted: by the function.
        promised: what the hub owes to others.
    """
    if hub.info is None or not hub.online:
        return f"is {hub.state}"
    if hub.state != "online":
        return f"is {hub.state}: it takes nothing new"
    return next((check.reason for check in checks(hub, wanted, promised) if check.reason), "")


def checks(hub: Hub, wanted: Requirements, promised: Promise = NOTHING) -> Iterator[Check]:
    """Yields each requirement with what a hub that has told of itself says to it."""
    info, needs = hub.info, wanted.needs
    assert info is not None, "only a hub that has told of itself can be judged"
    if wanted.shuns:
        yield Check("no trouble of the same kind", wanted.shuns.get(hub.name, ""))
    yield Check(
        f"engine {wanted.engine!r}",
        "" if wanted.engine in info.engines else f"has no engine {wanted.engine!r}",
    )
    if wanted.takes_occasion:
        newer = "" if info.takes_occasions else "is an older version: it starts no function by a message"
        yield Check("a version that starts functions by messages", newer)
    if wanted.granted is not None:
        has_it = "" if hub.name in wanted.granted else "has no permission package that names it as a task"
        yield Check("a permission package that names it as a task", has_it)
    for label in needs.labels:
        yield Check(f"label {label!r}", "" if label in info.labels else f"has no label {label!r}")
    for device in needs.device:
        there = device in info.devices
        yield Check(f"device {device!r}", "" if there else f"has no device {device!r} attached")
    for name in needs.data:
        yield Check(f"data {name!r}", "" if name in info.data else f"offers no data {name!r}")
    if info.packages_left_out == 0:  # where some are left out the hub itself answers, when it gets ready
        yield from _packages(info, wanted)
    room = _room(hub, wanted, promised)
    if needs.memory:
        yield Check(_megabytes(needs.memory) + " of memory", _memory(info, needs.memory, room, promised))
    if needs.cpu:
        yield Check(_cores(needs.cpu), _cpu(info, needs.cpu, room, promised))


def nobody_meets(hubs: Collection[Hub], wanted: Requirements, promised: Mapping[str, Promise]) -> str:
    """Returns which requirement no hub meets, or which ones no hub meets together; empty where one meets all.

    Args:
        hubs: all that have told of themselves.
        wanted: by the function.
        promised: what each hub owes to others.
    """
    there = [hub for hub in hubs if hub.takes_functions]
    away = [hub for hub in hubs if not hub.takes_functions]
    met = _met(there, wanted, promised)
    if not there or any(not why_not(hub, wanted, promised.get(hub.name, NOTHING)) for hub in there):
        return ""
    lacking = [requirement for requirement, by in met.items() if not by]
    if lacking:
        elsewhere = _met(away, wanted, {})
        told = [it + (f" (only {' and '.join(by)}, away)" if (by := elsewhere.get(it)) else "") for it in lacking]
        return f"no hub that is there has {', '.join(told)}"
    everybody = len(there)
    each = [f"{requirement} ({' and '.join(by)})" for requirement, by in met.items() if len(by) < everybody]
    return f"no hub has all at once: {', '.join(each)}"


def _met(hubs: Collection[Hub], wanted: Requirements, promised: Mapping[str, Promise]) -> dict[str, list[str]]:
    """Returns by requirement the hubs that meet it."""
    met: dict[str, list[str]] = {}
    for hub in hubs:
        for requirement, reason in checks(hub, wanted, promised.get(hub.name, NOTHING)):
            by = met.setdefault(requirement, [])
            if not reason:
                by.append(hub.name)
    return met


def _packages(info: HubInfo, wanted: Requirements) -> Iterator[Check]:
    versions: dict[str, str] = {canonicalize_name(name): version for name, version in info.packages.items()}

    def version_of(name: str) -> str | None:
        return versions.get(name)

    said = set()
    for need in wanted.needs.packages:
        said.add(_package_of(need))
        yield Check(f"package {need}", requirements.unmet([need], {}, version_of))
    for name, then in wanted.packages.items():
        if name not in said:
            yield Check(f"package {name} as {then}", requirements.unmet([], {name: then}, version_of))


def _package_of(need: str) -> str:
    try:
        return canonicalize_name(Requirement(need).name)
    except InvalidRequirement:
        return ""


def shortage(hub: Hub, wanted: Requirements, promised: Promise) -> Size:
    """Returns how much memory and cpu a hub lacks for a function, nothing where it has enough."""
    room, asks = _room(hub, wanted, promised), wanted.asks
    memory = math.ceil(asks.memory - min(room.memory, room.memory_left)) if asks.memory else 0
    cpu = asks.cpu - min(room.cpu, room.cpu_left) if asks.cpu else 0.0
    return Size(max(0, memory), max(0.0, cpu))


class _Room(NamedTuple):
    """What is free for a function on a hub, and what is left of what its owner lets functions use."""

    memory: int
    memory_left: float
    cpu: float
    cpu_left: float


def _room(hub: Hub, wanted: Requirements, promised: Promise) -> _Room:
    info, metrics = hub.info, hub.metrics
    assert info is not None
    uses = metrics.instances if metrics is not None else {}
    own = uses.get(wanted.instance, InstanceUse(cpu=0.0, memory=0))
    available = metrics.memory_available if metrics is not None else info.memory
    others = sum(use.memory for use in uses.values()) - own.memory + promised.memory
    busy = sum(use.cpu for use in uses.values()) / 100 - own.cpu / 100 + promised.cpu
    return _Room(
        memory=available + own.memory - promised.memory,
        memory_left=info.functions_memory - others if info.functions_memory else math.inf,
        cpu=info.cores * (1 - (hub.cpu or 0.0) / 100) + own.cpu / 100 - promised.cpu,
        cpu_left=info.functions_cpu - busy if info.functions_cpu else math.inf,
    )


def _memory(info: HubInfo, needed: int, room: _Room, promised: Promise) -> str:
    if room.memory < needed:
        owed = f" beside the {_megabytes(promised.memory)} that others were promised" if promised.memory else ""
        return f"has {_megabytes(room.memory)} of memory free{owed}, {_megabytes(needed)} are needed"
    if room.memory_left < needed:
        return (
            f"lets functions use {_megabytes(info.functions_memory)} of memory, {_megabytes(room.memory_left)} are left, "
            f"{_megabytes(needed)} are needed"
        )
    return ""


def _cpu(info: HubInfo, needed: float, room: _Room, promised: Promise) -> str:
    if room.cpu < needed:
        owed = f" beside the {promised.cpu:.2g} that others were promised" if promised.cpu else ""
        return f"has {max(0.0, room.cpu):.2g} of {info.cores} cores free{owed}, {_are(needed)} needed"
    if room.cpu_left < needed:
        return f"lets functions use {_cores(info.functions_cpu)}, {_are(room.cpu_left)} left, {_are(needed)} needed"
    return ""


def _megabytes(size: float) -> str:
    return f"{int(max(0, size)) // 10**6} MB"


def _cores(number: float) -> str:
    return f"{number:.2g} core{'' if number == 1 else 's'}"


def _are(number: float) -> str:
    return f"{max(0.0, number):.2g} {'is' if number == 1 else 'are'}"

"""Who may run a function: hard requirements, each with its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from coordinator.ingest.hubs import Hub
from devices import requirements
from devices.protocol.messages import HubInfo
from devices.runtime.settings import Needs


@dataclass(frozen=True)
class Requirements:
    """What a function asks of a hub.

    Attributes:
        needs: what `@function` says.
        engine: what its checkpoint was made by.
        packages: distributions and versions that its checkpoint was made with.
    """

    needs: Needs = field(default_factory=Needs)
    engine: str = "python"
    packages: Mapping[str, str] = field(default_factory=dict)


def why_not(hub: Hub, wanted: Requirements) -> str:
    """Returns the first reason why a hub cannot run a function, in words that follow its name; empty if it can.

    Args:
        hub: as it is now.
        wanted: by the function.
    """
    info, metrics, needs = hub.info, hub.metrics, wanted.needs
    if info is None or not hub.online:
        return f"is {hub.state}"
    if hub.state != "online":
        return f"is {hub.state}: it takes nothing new"
    if wanted.engine not in info.engines:
        return f"has no engine {wanted.engine!r}"
    for label in needs.labels:
        if label not in info.labels:
            return f"has no label {label!r}"
    if info.packages_left_out == 0 and (reason := _packages(info, wanted)):
        return reason  # where some are left out the hub itself answers, when it gets ready
    if metrics is not None and metrics.memory_available < needs.memory:
        return f"has {metrics.memory_available // 10**6} MB of memory free, {needs.memory // 10**6} MB are needed"
    return ""


def _packages(info: HubInfo, wanted: Requirements) -> str:
    versions: dict[str, str] = {canonicalize_name(name): version for name, version in info.packages.items()}

    def version_of(name: str) -> str | None:
        return versions.get(name)

    return requirements.unmet(wanted.needs.packages, wanted.packages, version_of)

"""Who may run a function: hard requirements, each with its sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from coordinator.ingest.hubs import Hub
from devices.runtime.settings import Needs

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*((?:[<>=!~]=?=?\s*[0-9][^,\s]*\s*,?\s*)*)")
_SPECIFIER: Final = re.compile(r"(==|!=|>=|<=|~=|>|<)\s*([0-9][^,\s]*)")


def why_not(hub: Hub, needs: Needs, engine: str) -> str:
    """Returns the first reason why a hub cannot run a function, in words; empty if it can.

    Args:
        hub: as it is now.
        needs: of the function.
        engine: what its checkpoint was made by.
    """
    info, metrics = hub.info, hub.metrics
    if info is None or not hub.online:
        return f"is {hub.state}"
    if hub.state != "online":
        return f"is {hub.state}: it takes nothing new"
    if engine not in info.engines:
        return f"has no engine {engine!r}"
    for label in needs.labels:
        if label not in info.labels:
            return f"has no label {label!r}"
    for requirement in needs.packages:
        if missing := _missing(requirement, info.packages):
            return missing
    if metrics is not None and metrics.memory_available < needs.memory:
        return f"has {metrics.memory_available // 10**6} MB of memory free, {needs.memory // 10**6} MB are needed"
    return ""


def _missing(requirement: str, packages: Mapping[str, str]) -> str:
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None:
        return f"cannot be judged: {requirement!r} is no requirement"
    name = _normal(match[1])
    version = next((found for package, found in packages.items() if _normal(package) == name), None)
    if version is None:
        return f"has no package {match[1]}"
    for operator, bound in _SPECIFIER.findall(match[2]):
        if not _satisfies(version, operator, bound):
            return f"has {match[1]} {version}, {operator}{bound} is needed"
    return ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _satisfies(version: str, operator: str, bound: str) -> bool:
    """Compares release numbers (PEP 440), which is what people pin by; suffixes such as ``rc1`` are not looked at."""
    have, want = _release(version), _release(bound)
    width = max(len(have), len(want))
    padded = have + (0,) * (width - len(have)), want + (0,) * (width - len(want))
    match operator:
        case "==":
            return have[: len(want)] == want if bound.endswith(".*") else padded[0] == padded[1]
        case "!=":
            return padded[0] != padded[1]
        case ">=":
            return padded[0] >= padded[1]
        case "<=":
            return padded[0] <= padded[1]
        case ">":
            return padded[0] > padded[1]
        case "<":
            return padded[0] < padded[1]
    return padded[0] >= padded[1] and have[: len(want) - 1] == want[:-1]  # ~=: compatible


def _release(version: str) -> tuple[int, ...]:
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(number) for number in match[0].split(".")) if match else ()

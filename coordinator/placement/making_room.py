"""Who makes room for a function that is more important: the least important ones, and no more of them than need be.

Only functions of a lower priority make room, never one of the same: so no two can drive each other out in turn, and a
chain of those that make room for each other goes down and ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from coordinator.ingest.hubs import Hub
from coordinator.placement.requirements import Requirements, shortage, why_not
from coordinator.placement.reservations import NOTHING, Promise, Size, Tenant, Use, expected


@dataclass(frozen=True, slots=True)
class Plan:
    """A hub that fits when these functions are suspended there."""

    hub: str
    victims: tuple[str, ...]


def plan(
    hubs: Collection[Hub], wanted: Requirements, promised: Mapping[str, Promise], tenants: Iterable[Tenant], use: Use
) -> Plan | None:
    """Returns where room can be made at the least cost: of the lowest priority, then of the fewest functions.

    Args:
        hubs: among which to choose.
        wanted: by the function, with its priority.
        promised: what each hub owes to others.
        tenants: all functions that run or are on their way.
        use: what metrics show of them.

    Returns:
        ``None``: no hub lacks only memory and cpu, or those of lower priority do not have enough of it.
    """
    lower: dict[str, list[tuple[Tenant, Size]]] = {}
    for tenant in tenants:
        if tenant.priority < wanted.priority and not tenant.moving and tenant.instance != wanted.instance:
            frees = expected(tenant.asks, use(tenant.hub, tenant.instance))
            lower.setdefault(tenant.hub, []).append((tenant, frees))
    found = []
    for hub in hubs:
        if why_not(hub, _but_for_room(wanted)):
            continue
        short = shortage(hub, wanted, promised.get(hub.name, NOTHING))
        if victims := _fewest(lower.get(hub.name, []), short):
            cost = max(tenant.priority for tenant in victims), len(victims), hub.name
            found.append((cost, Plan(hub.name, tuple(tenant.instance for tenant in victims))))
    return min(found)[1] if found else None


def _but_for_room(wanted: Requirements) -> Requirements:
    return replace(wanted, needs=msgspec.structs.replace(wanted.needs, memory=0, cpu=0.0))


def _fewest(candidates: list[tuple[Tenant, Size]], short: Size) -> list[Tenant]:
    """Returns the least important ones that free enough, without those that are not needed for it; none: not enough."""
    chosen = sorted(candidates, key=lambda it: (it[0].priority, -it[1].memory, -it[1].cpu, it[0].instance))
    if not _enough(chosen, short):
        return []
    for one in reversed(list(chosen)):
        rest = [it for it in chosen if it is not one]
        if _enough(rest, short):
            chosen = rest
    return [tenant for tenant, _ in chosen]


def _enough(freeing: list[tuple[Tenant, Size]], short: Size) -> bool:
    memory, cpu = sum(size.memory for _, size in freeing), sum(size.cpu for _, size in freeing)
    return memory >= short.memory and cpu >= short.cpu

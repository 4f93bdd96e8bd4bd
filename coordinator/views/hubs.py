"""Hubs as rows."""

from __future__ import annotations

import time
from collections.abc import Mapping

from coordinator.ingest.hubs import Hub, Hubs
from coordinator.placement.choice import named_hub
from coordinator.store import instances
from coordinator.store.database import Store
from coordinator.views.answers import HubRow


async def rows(store: Store, hubs: Hubs, in_the_way: Mapping[str, str], hub: str = "") -> list[HubRow]:
    """Returns all hubs by name, or the one that is named.

    Args:
        store: knows what they hold.
        hubs: as they are now.
        in_the_way: by instance, why a hub that is draining cannot get rid of it.
        hub: only this one; empty for all.

    Raises:
        RefusedError: there is none of that name.
    """
    held: dict[str, list[str]] = {}
    for instance, _ in await store.read(instances.every):
        if instance.state not in instances.ENDED:
            held.setdefault(instance.hub, []).append(instance.id)
    wanted = [named_hub(hubs, hub)] if hub else hubs.every()
    found = [_row(each, held.get(each.name, [])) for each in wanted]
    for row in found:
        row.in_the_way = [in_the_way[instance] for instance in row.instances if instance in in_the_way]
    return found


def _row(hub: Hub, held: list[str]) -> HubRow:
    row = HubRow(hub=hub.name, state=hub.state, since=hub.since, reason=hub.reason, instances=held)
    if (info := hub.info) is not None:
        row.version, row.arch, row.cores, row.memory_bytes = info.version, info.arch, info.cores, info.memory
        row.python, row.engines, row.labels = info.python, info.engines, info.labels
        row.devices, row.data, row.cost = info.devices, info.data, info.cost
        row.functions_memory, row.functions_cpu = info.functions_memory, info.functions_cpu
    if (metrics := hub.metrics) is not None and hub.online:
        row.cpu, row.load, row.memory, row.disk = metrics.cpu, metrics.load, metrics.memory, metrics.disk
        row.temperature, row.battery, row.mains = metrics.temperature, metrics.battery, metrics.mains
        row.agent_memory, row.spool_written = metrics.agent_memory, metrics.spool_written
        row.metrics_age = round(time.monotonic() - hub.heard, 1)
    row.safe_to_power_off = hub.status is not None and hub.status.safe_to_power_off
    return row

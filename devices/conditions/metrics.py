"""What a hub measures, by the names and units that rules use."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Final

from devices.protocol.messages import HubMetrics, InstanceUse


class Unit(enum.Enum):
    """What a metric's number counts; ``value`` is the word for people."""

    PERCENT = "percent"
    CELSIUS = "degrees Celsius"
    BYTES = "bytes"
    PLAIN = "a plain number"


HUB: Final[Mapping[str, Unit]] = {
    "hub.cpu": Unit.PERCENT,
    "hub.load": Unit.PLAIN,
    "hub.memory": Unit.PERCENT,
    "hub.memory_available": Unit.BYTES,
    "hub.swap": Unit.PERCENT,
    "hub.disk": Unit.PERCENT,
    "hub.temperature": Unit.CELSIUS,
    "hub.battery": Unit.PERCENT,
    "hub.reserve": Unit.PERCENT,
    "hub.received": Unit.BYTES,
    "hub.sent": Unit.BYTES,
    "hub.processes": Unit.PLAIN,
    "hub.agent_memory": Unit.BYTES,
    "hub.spool_written": Unit.BYTES,
}
"""The fields of `HubMetrics`; ``received`` and ``sent`` are bytes a second, ``load`` is per core. ``reserve`` is what is
left in the battery of a hub that runs on it: one that is charging at 10 percent is in no danger."""

INSTANCE: Final[Mapping[str, Unit]] = {
    "instance.cpu": Unit.PERCENT,
    "instance.memory": Unit.BYTES,
    "instance.memory_percent": Unit.PERCENT,
}
"""``cpu`` is percent of one core, ``memory_percent`` the share of its hub's memory."""


def hub_readings(metrics: HubMetrics) -> dict[str, float]:
    """Returns the numbers of a hub by metric; what the machine does not have (no battery) is absent."""
    fields = ((name, getattr(metrics, name.removeprefix("hub."), None)) for name in HUB)
    readings = {name: float(value) for name, value in fields if value is not None}
    if metrics.battery is not None and not metrics.mains:
        readings["hub.reserve"] = metrics.battery
    return readings


def standing(metrics: HubMetrics) -> dict[str, float]:
    """Returns `hub_readings`, and for a hub on mains an endless reserve: what waits for more of it need wait no longer."""
    readings = hub_readings(metrics)
    return readings | {"hub.reserve": math.inf} if metrics.mains else readings


def instance_readings(metrics: HubMetrics, use: InstanceUse) -> dict[str, float]:
    """Returns the numbers of an instance by metric.

    The hub's total memory follows from what it tells: available = total * (1 - percent / 100). A hub without a free
    byte tells nothing about its total, so ``memory_percent`` is absent then.
    """
    readings = {"instance.cpu": use.cpu, "instance.memory": float(use.memory)}
    free = 1 - metrics.memory / 100
    if free > 0 and metrics.memory_available > 0:
        readings["instance.memory_percent"] = 100 * use.memory * free / metrics.memory_available
    return readings

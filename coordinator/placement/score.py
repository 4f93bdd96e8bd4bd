"""Who should run a function: a few numbers that people understand, added up, with the sum in words.

A hub starts with its free cpu and free memory (percent), loses what it is too hot by, and loses on battery. The hub
where the function is gets a bonus, so that two equal hubs do not play ping-pong. Metrics lag by seconds; instances that
were promised to a hub meanwhile count against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coordinator.ingest.hubs import Hub

STAYS: Final = 15.0
"""Points for the hub where the function is."""
WARM: Final = 60.0
"""Degrees Celsius from which on each one costs two points: small computers throttle at 80."""
ON_BATTERY: Final = 40.0
"""Points that a hub without mains loses."""
EACH_INSTANCE: Final = 3.0
"""Points that a hub loses for each instance that it holds."""
UNMEASURED: Final = 50.0
"""Percent that are assumed free where no metrics have come yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """A hub that fits, its points, and why in words.

    Args:
        hub: its name.
        points: the more the better.
        why: in words.
        refused: the hubs that do not fit, and why not, in words that follow a hub's name.
    """

    hub: str
    points: float
    why: str
    refused: Mapping[str, str] = field(default_factory=dict)


def rate(hub: Hub, *, instances: int, here: bool) -> Place:
    """Returns a hub's points.

    Args:
        hub: one that fits.
        instances: those that it holds or was promised.
        here: whether the function is there already.
    """
    metrics = hub.metrics
    points = (STAYS if here else 0.0) - EACH_INSTANCE * instances
    words = [f"{instances} functions"] if instances else ["no functions"]
    if metrics is None:
        return Place(hub.name, points + 2 * UNMEASURED, "no metrics yet")
    points += max(0.0, 100.0 - metrics.cpu) + max(0.0, 100.0 - metrics.memory)
    words[:0] = [f"cpu {metrics.cpu:.0f} %", f"memory {metrics.memory:.0f} %"]
    if metrics.temperature is not None:
        points -= 2 * max(0.0, metrics.temperature - WARM)
        words.append(f"{metrics.temperature:.0f} °C")
    if metrics.mains is False:
        points -= ON_BATTERY
        words.append("on battery" + (f" {metrics.battery:.0f} %" if metrics.battery is not None else ""))
    return Place(hub.name, points, ", ".join(words))

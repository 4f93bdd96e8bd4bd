"""Who should run a function: a few numbers that people understand, added up, with the sum in words.

A hub starts with its free cpu and free memory (percent), less what others were promised there. It loses what it is too
hot by, and where its load is heading; it loses without mains, and more as its battery empties. The hub where the
function is gets a bonus, so that two equal hubs do not play ping-pong. A hub that costs loses more than all of that
together: it is taken when nothing that costs less fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from coordinator.ingest.hubs import Hub
from coordinator.placement.reservations import NOTHING, Promise

STAYS: Final = 15.0
"""Points for the hub where the function is."""
WARM: Final = 60.0
"""Degrees Celsius from which on each one costs two points: small computers throttle at 80."""
ON_BATTERY: Final = 40.0
"""Points that a hub without mains loses; and half a point for each percent of charge that is missing."""
EACH_FUNCTION: Final = 3.0
"""Points that a hub loses for each function that it has or was promised."""
UNMEASURED: Final = 50.0
"""Percent that are assumed free where no metrics have come yet."""
HEADING: Final = 0.5
"""Points for each percent of cpu by which a hub is expected to be busier, or freer, in `Course.AHEAD`; at most 20."""
_HEADING_MOST: Final = 20.0
COSTS: Final = 1000.0
"""Points that a hub loses because it costs anything at all: more than all else together; and for each unit of price."""


class Part(NamedTuple):
    """A part of the sum; ``words`` are for the short explanation and may be missing."""

    name: str
    points: float
    words: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A hub that fits.

    Args:
        hub: its name.
        points: the more the better.
        why: in words.
        parts: what the points are made of.
        refused: the hubs that do not fit, and why not, in words that follow a hub's name.
    """

    hub: str
    points: float
    why: str
    parts: tuple[Part, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def rate(hub: Hub, *, promised: Promise = NOTHING, here: bool) -> Place:
    """Returns a hub's points.

    Args:
        hub: one that fits.
        promised: what it owes to others, and how many they are.
        here: whether the function is there already.
    """
    parts = [*_free(hub, promised), _functions(promised)]
    metrics = hub.metrics
    if metrics is not None and metrics.temperature is not None:
        hot = 2 * max(0.0, metrics.temperature - WARM)
        parts.append(Part("temperature", -hot, f"{metrics.temperature:.0f} °C"))
    if metrics is not None and metrics.mains is False:
        missing = 0.5 * (100 - metrics.battery) if metrics.battery is not None else 0.0
        charge = f" {metrics.battery:.0f} %" if metrics.battery is not None else ""
        parts.append(Part("power", -ON_BATTERY - missing, f"on battery{charge}"))
    if (heading := hub.course.heading(hub.heard)) is not None and abs(heading) >= 1:
        points = -max(-_HEADING_MOST, min(_HEADING_MOST, HEADING * heading))
        parts.append(Part("trend", points, f"cpu {'rising' if heading > 0 else 'falling'}"))
    if here:
        parts.append(Part("stays", STAYS, "it is there already"))
    if hub.info is not None and hub.info.cost:
        parts.append(Part("cost", -COSTS * (1 + hub.info.cost), f"costs {hub.info.cost:g} an hour"))
    points = sum(part.points for part in parts)
    return Place(hub.name, points, ", ".join(part.words for part in parts if part.words), tuple(parts))


def _free(hub: Hub, promised: Promise) -> list[Part]:
    metrics, info = hub.metrics, hub.info
    if metrics is None or hub.cpu is None:
        return [Part("cpu", UNMEASURED, "no metrics yet"), Part("memory", UNMEASURED)]
    owed_cpu = 100 * promised.cpu / info.cores if info is not None else 0.0
    owed_memory = 100 * promised.memory / info.memory if info is not None else 0.0
    return [
        Part("cpu", max(0.0, 100 - hub.cpu - owed_cpu), _percent("cpu", hub.cpu, owed_cpu)),
        Part("memory", max(0.0, 100 - metrics.memory - owed_memory), _percent("memory", metrics.memory, owed_memory)),
    ]


def _percent(name: str, used: float, owed: float) -> str:
    return f"{name} {used:.0f} %" + (f" and {owed:.0f} % promised" if owed >= 1 else "")


def _functions(promised: Promise) -> Part:
    words = {0: "no functions", 1: "1 function"}.get(promised.functions, f"{promised.functions} functions")
    return Part("functions", -EACH_FUNCTION * promised.functions, words)

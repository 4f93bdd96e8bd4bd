"""What a condition may look at, and the names by which it does so.

A `Reference` is one name of a rule, `hub.cpu`, `payload.ENERGY.Power`, `topic.host`, `now.time`, bound to where its value
is found. Nothing is guessed: where there is no value the reason stands instead (`devices.protocol.readings.NoNumber`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from devices.protocol.readings import NoNumber, Path, value_at


class Memory(Protocol):
    """The past of what is judged, as far as rules look at it (`coordinator.rules.past.Past`)."""

    def value(self, measure: Any, at: float) -> float | NoNumber:
        """Returns what a window, a forecast or a clock says at a moment."""


class Forgetful:
    """The memory of who has been heard for the first time, or of a rule that looks at no past."""

    def value(self, measure: Any, at: float) -> float | NoNumber:  # noqa: ARG002 - it knows nothing of either
        """Returns that there is nothing."""
        return NoNumber.MISSING


NO_PAST: Final = Forgetful()


Clock = Callable[[float], datetime | None]
"""Gives the time of day of a moment, in the site's zone; ``None`` while nobody knows it."""


def _no_clock(_: float) -> datetime | None:
    raise AssertionError("a scene that is judged has a clock")


@dataclass(slots=True)
class Scene:
    """What a condition may look at.

    Args:
        readings: the metrics of a hub and of the instance that is judged, by name.
        payload: a parsed telemetry payload (`devices.protocol.readings.parse`).
        topic: where it was published; empty for hubs and instances.
        size: of the payload, in bytes.
        facts: what is known of a hub and an instance beside numbers, by name: ``hub.name``, ``hub.mains``.
        at: the moment, in seconds of the facts' clock.
        calendar: gives the time of day of a moment, in the site's zone; ``None`` while nobody knows it.
        past: of this hub, instance or topic.
    """

    readings: Mapping[str, float] = field(default_factory=dict)
    payload: Any = NoNumber.MISSING
    topic: str = ""
    size: int = 0
    facts: Mapping[str, str | bool] = field(default_factory=dict)
    at: float = 0.0
    calendar: Clock = _no_clock
    past: Memory = NO_PAST


class Reference(Protocol):
    """A name and where its value is found. Equal ones are the same thing, so that they can be remembered once."""

    @property
    def name(self) -> str:
        """As it was written."""

    def get(self, scene: Scene) -> Any:
        """Returns the value, JSON of any kind; a `NoNumber` where there is none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a hub tells of itself or of an instance: ``hub.cpu``, ``instance.name``."""

    name: str

    def get(self, scene: Scene) -> Any:
        """Returns it; ``MISSING`` on a machine without it."""
        found = scene.readings.get(self.name)
        return scene.facts.get(self.name, NoNumber.MISSING) if found is None else found


@dataclass(frozen=True, slots=True)
class Element:
    """Something in a device's message: ``payload``, ``payload.ENERGY.Power``."""

    name: str = field(compare=False)
    path: Path

    def get(self, scene: Scene) -> Any:
        """Returns it; ``MISSING`` in a message without it, ``NULL`` where it is null."""
        found = value_at(scene.payload, self.path)
        return NoNumber.NULL if found is None else found


@dataclass(frozen=True, slots=True)
class Segment:
    """A named segment of a rule's topic filter: ``topic.host``, in ``nut2mqtt/hosts/{host}/ups``."""

    name: str
    position: int

    def get(self, scene: Scene) -> Any:
        """Returns the level of the topic."""
        levels = scene.topic.split("/")
        return levels[self.position] if self.position < len(levels) else NoNumber.MISSING


CALENDAR: Final[Mapping[str, Callable[[datetime], str | float]]] = {
    "time": lambda now: now.strftime("%H:%M"),
    "date": lambda now: now.strftime("%Y-%m-%d"),
    "hour": lambda now: float(now.hour),
    "minute": lambda now: float(now.minute),
    "minute_of_day": lambda now: float(60 * now.hour + now.minute),
    "weekday": lambda now: float(now.isoweekday()),
    "day": lambda now: float(now.day),
    "month": lambda now: float(now.month),
    "year": lambda now: float(now.year),
}
"""What can be asked of ``now``, in the site's time zone; ``weekday`` is 1 on Mondays and 7 on Sundays."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The time of day or the date: ``now.time``."""

    name: str

    def get(self, scene: Scene) -> Any:
        """Returns it; ``MISSING`` while the clock cannot be right."""
        now = scene.calendar(scene.at)
        return NoNumber.MISSING if now is None else CALENDAR[self.name.removeprefix("now.")](now)

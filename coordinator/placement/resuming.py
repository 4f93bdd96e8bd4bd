"""When a suspended function goes on by itself: conditions as a person says them aloud.

    hub.cpu < 50 for 2m          a metric of the hub where it is
    hub-a is back                it was away, and takes functions again
    any hub with label gpu       one takes functions
    after 22:00, after 2h        by the site's clock, counted from the suspension
    there is room                some hub fits

joined by `and` and `or`, of which `and` binds closer. What was said is kept as text with the moment of the suspension, so
that a coordinator that is started again judges the same; `for` then begins anew, for nobody has measured meanwhile.

Time is an argument: ``at`` in seconds of a clock that does not go backward, ``wall`` in seconds since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

import msgspec

from coordinator.ingest.hubs import Hub
from devices.conditions import comparison
from devices.conditions.comparison import Comparison
from devices.conditions.latch import Latch, Timing
from devices.conditions.metrics import HUB, standing
from devices.errors import ConfigurationError, UsageError, printable
from devices.protocol import durations
from devices.runtime import clock

ROOM: Final = "there is room"
_LONGEST: Final = 200  # characters of a condition
_OR: Final = re.compile(r"\s+or\s+")
_AND: Final = re.compile(r"\s+and\s+")
_READING: Final = re.compile(r"(hub\.\S.*?)(?:\s+for\s+(.+))?", re.DOTALL)
_BACK: Final = re.compile(r"([a-z0-9-]+)\s+is\s+back")
_LABELLED: Final = re.compile(r"(?:any|a)\s+hub\s+with\s+label\s+(['\"]?)(.+)\1")
_AFTER: Final = re.compile(r"after\s+(.+)")
_REMEDY: Final = (
    'say "hub.cpu < 50 for 2m", "hub-a is back", "any hub with label gpu", "after 22:00", "after 2h" or '
    f'"{ROOM}"; several with "and", "or"'
)


class Wish(msgspec.Struct, kw_only=True, frozen=True):
    """What is kept of a condition.

    Args:
        text: as it was said.
        since: when, in seconds since 1970.
        starts: the start counters that the hubs named in it had then: one that has begun again was away, also if nobody
            saw it.
        away: those of them that have been seen away since.
        memory: bytes that the instance used then: where there is room it has so much again.
        cpu: percent of a core, likewise.
        by_hub: whether its hub has suspended it by itself, while there was no coordinator.
    """

    text: str
    since: float
    starts: dict[str, int] = {}
    away: list[str] = []
    memory: int = 0
    cpu: float = 0.0
    by_hub: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A comparison with a metric of the hub where the instance is, and for how long it must hold."""

    comparison: Comparison
    hold: float


@dataclass(frozen=True, slots=True)
class Back:
    """A hub has been away and takes functions again."""

    hub: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A hub with a label takes functions."""

    label: str


@dataclass(frozen=True, slots=True)
class After:
    """A moment has passed, in seconds since 1970."""

    moment: float


@dataclass(frozen=True, slots=True)
class Room:
    """A hub fits."""


Clause = Reading | Back | Labelled | After | Room
Condition = tuple[tuple[Clause, ...], ...]
"""Any of these, all of each."""


def parse(text: str, since: float, zone: tzinfo) -> Condition:
    """Returns a condition.

    Args:
        text: as the module's head shows.
        since: when it was said, in seconds since 1970.
        zone: the site's.

    Raises:
        UsageError: it says nothing that is known, or a metric that does not exist; the remedy tells what can be said.
    """
    if len(text) > _LONGEST:
        raise UsageError(f"a condition of {len(text)} characters; at most {_LONGEST}", place="until")
    return tuple(tuple(_clause(part.strip(), since, zone) for part in _AND.split(choice)) for choice in _OR.split(text))


def read(wish: Wish, zone: tzinfo) -> Condition:
    """Returns the condition that is kept; one that another version has written and this one cannot read never holds."""
    try:
        return parse(wish.text, wish.since, zone)
    except UsageError:
        return ()


def _clause(text: str, since: float, zone: tzinfo) -> Clause:
    try:
        if found := _READING.fullmatch(text):
            hold = durations.seconds(found[2]) if found[2] else 0.0
            return Reading(comparison.parse(found[1], HUB), hold)
        if found := _AFTER.fullmatch(text):
            return After(_moment(found[1], since, zone))
    except (ConfigurationError, UsageError) as error:
        raise UsageError(error.message, place="until", remedy=error.remedy) from error
    if found := _BACK.fullmatch(text):
        return Back(found[1])
    if found := _LABELLED.fullmatch(text):
        return Labelled(found[2])
    if text == ROOM:
        return Room()
    raise UsageError(f"{printable(text, 100)!r} is nothing that can be waited for", place="until", remedy=_REMEDY)


def _moment(text: str, since: float, zone: tzinfo) -> float:
    return clock.moment(text, zone, since) if ":" in text else since + durations.seconds(text)


def hubs_named(condition: Condition) -> list[str]:
    """Returns the hubs that are named in a condition."""
    return [clause.hub for clauses in condition for clause in clauses if isinstance(clause, Back)]


def asks_for_room(condition: Condition) -> bool:
    """Whether somebody must look for a place before it can be judged."""
    return any(isinstance(clause, Room) for clauses in condition for clause in clauses)


@dataclass(slots=True)
class Watch:
    """One instance's condition, as it is watched.

    Args:
        condition: its.
        home: the hub where it is.
        starts: of the hubs named in it, when it was said.
        away: the hubs that have been away since it was said; judging adds to it.
    """

    condition: Condition
    home: str
    starts: Mapping[str, int]
    away: set[str]
    _latches: dict[Reading, Latch] = field(default_factory=dict)

    def holds(self, hubs: Mapping[str, Hub], *, room: bool, at: float, wall: float) -> list[str] | None:
        """Returns the hubs that it holds of, where the instance had best go on; none named: anywhere.

        Args:
            hubs: by name, as they are now.
            room: whether some hub fits.
            at: now.
            wall: now, by the clock on the wall.

        Returns:
            ``None`` while it does not hold.
        """
        found = [[self._one(clause, hubs, room=room, at=at, wall=wall) for clause in each] for each in self.condition]
        for answers in found:
            if all(answer is not None for answer in answers):
                return [hub for answer in answers for hub in answer or ()]
        return None

    def _one(
        self, clause: Clause, hubs: Mapping[str, Hub], *, room: bool, at: float, wall: float
    ) -> Iterable[str] | None:
        match clause:
            case Reading():
                return [self.home] if self._reading(clause, hubs.get(self.home), at) else None
            case Back(name):
                there = name in hubs and hubs[name].takes_functions
                if not there or start_of(hubs[name]) > self.starts.get(name, 0):
                    self.away.add(name)
                return [name] if there and name in self.away else None
            case Labelled(label):
                return with_label(hubs.values(), label) or None
            case After(moment):
                return () if wall >= moment else None
            case Room():
                return () if room else None

    def _reading(self, clause: Reading, hub: Hub | None, at: float) -> bool:
        latch = self._latches.setdefault(clause, Latch())
        value = value_of(clause.comparison, hub, at)
        if value is None:
            latch.deaf()
            return False
        holds = clause.comparison.test()(value)
        latch.news(Timing(clause.hold), holds=holds, clears=not holds, at=at)
        return latch.active


def start_of(hub: Hub) -> int:
    """Returns a hub's start counter, as it said last."""
    return hub.status.start if hub.status is not None else 0


def value_of(condition: Comparison, hub: Hub | None, at: float) -> float | None:
    """Returns a hub's present reading; ``None``: it has none, is away, or was measured too long ago."""
    if hub is None or hub.metrics is None or not hub.online or at - hub.measured > hub.patience:
        return None
    return standing(hub.metrics).get(condition.metric)


def with_label(hubs: Iterable[Hub], label: str) -> list[str]:
    """Returns the hubs that have a label and take functions."""
    return [hub.name for hub in hubs if hub.info is not None and hub.takes_functions and label in hub.info.labels]


def in_words(wish: Wish, home: str, hubs: Mapping[str, Hub], zone: tzinfo, *, at: float, wall: float) -> str:
    """Returns a condition for people, with what is so now: ``"until hub.cpu < 50 for 2m (nas: 73)"``."""
    told = [
        " and ".join(_told(clause, home, hubs, zone, at=at, wall=wall) for clause in clauses)
        for clauses in read(wish, zone)
    ]
    return f"until {' or '.join(told) or wish.text}"


def _told(clause: Clause, home: str, hubs: Mapping[str, Hub], zone: tzinfo, *, at: float, wall: float) -> str:
    match clause:
        case Reading(condition, hold):
            duration = f" for {durations.words(hold)}" if hold else ""
            value = value_of(condition, hubs.get(home), at)
            now = f"{value:.4g}" if value is not None else "not known"
            return f"{condition.metric} {condition.operator} {condition.threshold:.6g}{duration} ({home}: {now})"
        case Back(name):
            return f"{name} is back ({hubs[name].state if name in hubs else 'unknown'})"
        case Labelled(label):
            return f"any hub with label {label} ({', '.join(with_label(hubs.values(), label)) or 'none is there'})"
        case After(moment):
            return clock.shown(moment, zone, wall)
        case Room():
            return ROOM

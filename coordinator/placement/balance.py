"""Evening loads out: one function to a hub where it has enough more to itself, now and then.

The measure is placement's own, so what counts for a choice (cpu, memory, heat, battery, trend, cost) counts here too. A
move has to gain more than it costs: a bonus for staying, a margin, and points for each second in which the function
stands still. On the new hub the function's own use is counted against it, as it is on the old one; so what has moved
would lose by going back, by at least as much as it has gained, while loads are what they are.

Time is an argument, in seconds of a clock that does not go backward.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from coordinator.ingest.hubs import Hub
from coordinator.placement.requirements import Requirements, why_not
from coordinator.placement.reservations import NOTHING, Promise, Size
from coordinator.placement.score import rate

STANDSTILL: Final = 10.0
"""Points for each second in which a function stands still."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A function that could be moved.

    Args:
        wanted: what it asks of a hub.
        hub: where it runs.
        use: of that hub, by its metrics.
        downtime: seconds that it would stand still.
    """

    wanted: Requirements
    hub: str
    use: Size
    downtime: float


@dataclass(frozen=True, slots=True)
class Better:
    """A place that is better for a function.

    Args:
        instance: which.
        source: where it is.
        destination: the better hub.
        gain: points by which it is better, what the move costs taken off.
        apart: points by which the two hubs would differ afterwards: the smaller, the more even.
        why: in words.
    """

    instance: str
    source: str
    destination: str
    gain: float
    apart: float
    why: str


def better(
    hubs: Collection[Hub],
    residents: Iterable[Resident],
    promised: Callable[[str], Mapping[str, Promise]],
    least: float,
) -> Better | None:
    """Returns the move that evens out most, of those that gain enough.

    Args:
        hubs: all that there are.
        residents: those that may be moved.
        promised: what each hub owes to all but one instance.
        least: points that it must gain.
    """
    by_name = {hub.name: hub for hub in hubs}
    found = [
        move
        for resident in residents
        for hub in hubs
        if resident.hub in by_name
        and hub.name != resident.hub
        and (move := _gained(resident, by_name[resident.hub], hub, promised(resident.wanted.instance))) is not None
        and move.gain >= least
    ]
    return min(found, key=lambda move: (move.apart, -move.gain, move.instance, move.destination), default=None)


def _gained(resident: Resident, source: Hub, hub: Hub, promised: Mapping[str, Promise]) -> Better | None:
    if source.metrics is None or hub.metrics is None:
        return None
    owed = promised.get(hub.name, NOTHING)
    if why_not(hub, resident.wanted, owed):
        return None
    owed_there = promised.get(source.name, NOTHING)
    now = rate(source, promised=replace(owed_there, functions=owed_there.functions + 1), here=True)
    then = rate(hub, promised=owed.with_one(resident.use), here=False)
    gain = then.points - now.points - STANDSTILL * resident.downtime
    why = (
        f"{hub.name} is better for it by {gain:.0f} points, {resident.downtime:.1f} s of standstill taken off: "
        f"{source.name}: {now.why}; {hub.name}: {then.why}"
    )
    left = rate(source, promised=owed_there, here=False).points + _share(source, resident.use)
    return Better(resident.wanted.instance, source.name, hub.name, gain, abs(left - then.points), why)


def _share(hub: Hub, use: Size) -> float:
    """Returns the points that a hub has more without a function."""
    assert hub.info is not None
    return 100 * use.cpu / hub.info.cores + 100 * use.memory / hub.info.memory


class Patience:
    """Waits until a hub has been worse off for a while: a peak is no reason to move anything.

    Args:
        hold: seconds.
    """

    def __init__(self, hold: float) -> None:
        self._hold = hold
        self._source = ""
        self._since = 0.0

    def over(self, found: Better | None, at: float) -> bool:
        """Tells whether the same hub has been left for a better one at every look since so long."""
        if found is None or found.source != self._source:
            self._source, self._since = (found.source if found is not None else ""), at
        return found is not None and at - self._since >= self._hold

    def begins_anew(self) -> None:
        """Forgets since when: something has moved, and all is different."""
        self._source = ""

"""The choice of a hub, explained."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import replace

from coordinator.ingest.hubs import Hub, Hubs
from coordinator.placement.requirements import Requirements, nobody_meets, why_not
from coordinator.placement.reservations import NOTHING, Promise
from coordinator.placement.score import Place, rate
from devices.errors import RefusedError


class NowhereError(RefusedError):
    """No hub fits."""

    slug = "nowhere"


def rank(hubs: Collection[Hub], wanted: Requirements, promised: Mapping[str, Promise], here: str = "") -> list[Place]:
    """Returns the hubs that fit, the best first; equal ones by name, so that the choice can be told beforehand.

    Args:
        hubs: among which to choose.
        wanted: by the function.
        promised: what each hub owes to others.
        here: the hub where the function is.
    """
    fitting = [hub for hub in hubs if not why_not(hub, wanted, promised.get(hub.name, NOTHING))]
    places = [rate(hub, promised=promised.get(hub.name, NOTHING), here=hub.name == here) for hub in fitting]
    return sorted(places, key=lambda place: (-place.points, place.hub))


def named_hub(hubs: Hubs, name: str) -> Hub:
    """Returns the hub that a person named.

    Raises:
        RefusedError: there is none of that name; the nearest one is told.
    """
    if hubs.known(name):
        return hubs[name]
    names = [hub.name for hub in hubs.every()]
    near = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none yet'}"
    raise RefusedError(f"there is no hub {name!r}", remedy=remedy)


def choose(
    hubs: Hubs,
    wanted: Requirements,
    promised: Mapping[str, Promise],
    *,
    named: str = "",
    leaving: str = "",
    here: str = "",
) -> Place:
    """Returns where to run a function.

    Args:
        hubs: all of them.
        wanted: by the function.
        promised: what each hub owes to others.
        named: the hub that a person wants; empty for the best one.
        leaving: the hub to get away from; empty for a start.
        here: the hub where it is, which is as good as any other.

    Raises:
        RefusedError: the hub that was named does not exist or does not fit.
        NowhereError: none fits; says for each why.
    """
    if named:
        hub = named_hub(hubs, named)
        owed = promised.get(named, NOTHING)
        if reason := why_not(hub, wanted, owed):
            raise RefusedError(f"{named} cannot take it: {named} {reason}")
        return rate(hub, promised=owed, here=named == here)
    others = [hub for hub in hubs.every() if hub.name != leaving]
    places = rank(others, wanted, promised, here)
    reasons = ((hub.name, why_not(hub, wanted, promised.get(hub.name, NOTHING))) for hub in others)
    refused = {hub: reason for hub, reason in reasons if reason}
    if places:
        return replace(places[0], refused=refused)
    every_reason = "; ".join(f"{hub} {reason}" for hub, reason in refused.items())
    lacking = nobody_meets(hubs.every(), wanted, promised)
    if leaving:
        only = f"{leaving} is the only one"
        raise NowhereError(f"there is no other hub to move to: {every_reason or only}", remedy=lacking or None)
    remedy = lacking or "start one: midstream hub --name hub-a"
    raise NowhereError(f"no hub can run it: {every_reason or 'none has come yet'}", remedy=remedy)

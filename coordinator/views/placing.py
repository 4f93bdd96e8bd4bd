"""Where a function could go, and why: placement's own answer for each hub, before anybody needs it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from coordinator.ingest.hubs import Hub, Hubs
from coordinator.placement import making_room, tenants
from coordinator.placement.requirements import Requirements, checks, nobody_meets, why_not
from coordinator.placement.reservations import NOTHING, Promise, Tenant, Use
from coordinator.placement.score import rate
from coordinator.store import instances
from coordinator.store.database import Store
from coordinator.store.schema import Function
from coordinator.views.placed import PlaceRow, PlacesAnswer, PointsRow
from devices.errors import RefusedError
from devices.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose place is asked for, where it is now, and who takes room beside it."""

    name: str
    kind: str
    wanted: Requirements
    here: str
    everybody: list[Tenant]


Promised = Callable[[Iterable[Tenant], str], dict[str, Promise]]
"""What each hub owes to all but one instance."""


async def of_name(store: Store, hubs: Hubs, promised: Promised, use: Use, name: str) -> PlacesAnswer:
    """Returns the places for an instance, or for a function that has been started before.

    Args:
        store: knows them.
        hubs: as they are now.
        promised: what hubs owe.
        use: what metrics show.
        name: of either; an instance comes first.

    Raises:
        RefusedError: there is neither; the nearest name is told.
    """
    return _answer(await store.read(_named, name), hubs, promised, use)


async def of_new(
    store: Store, hubs: Hubs, promised: Promised, use: Use, *, name: str, wanted: Requirements
) -> PlacesAnswer:
    """Returns the places for a function that has only been read from a file. Arguments as `of_name`."""
    return _answer(_Asked(name, "file", wanted, "", await store.read(tenants.every)), hubs, promised, use)


def _named(session: Session, name: str) -> _Asked:
    everybody = tenants.every(session)
    if (instance := instances.find(session, name)) is not None:
        here = "" if instance.state in instances.ENDED else instance.hub
        return _Asked(name, "instance", tenants.wishes(session, name), here, everybody)
    functions: dict[str, Function] = {function.name: function for function in instances.functions(session)}
    if (function := functions.get(name)) is not None:
        settings = Settings.from_plain(function.settings)
        wanted = Requirements(settings.needs, priority=settings.priority, granted=tenants.granted(session, name))
        return _Asked(name, "function", wanted, "", everybody)
    names = sorted({*instances.names(session), *functions})
    near = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none yet'}; or name a file"
    raise RefusedError(f"there is no instance or function {name!r}", remedy=remedy)


def _answer(asked: _Asked, hubs: Hubs, promised: Promised, use: Use) -> PlacesAnswer:
    wanted, every, owed = asked.wanted, hubs.every(), promised(asked.everybody, asked.wanted.instance)
    rows = sorted(
        (_row(hub, wanted, owed.get(hub.name, NOTHING), here=hub.name == asked.here) for hub in every),
        key=lambda row: (not row.fits, -(row.points or 0.0), row.hub),
    )
    best = rows[0].hub if rows and rows[0].fits else ""
    plan = None if best else making_room.plan(every, wanted, owed, asked.everybody, use)
    return PlacesAnswer(
        name=asked.name,
        kind=asked.kind,
        requires=_requires(wanted),
        best=best,
        verdict=nobody_meets(every, wanted, owed),
        room=f"{plan.hub}, where {' and '.join(plan.victims)} would be suspended for it" if plan is not None else "",
        hubs=rows,
    )


def _requires(wanted: Requirements) -> list[str]:
    needs = wanted.needs
    requires = [f"label {label}" for label in needs.labels]
    requires += [f"package {package}" for package in needs.packages]
    requires += [f"package {package} as {version}" for package, version in wanted.packages.items()]
    requires += [f"memory {needs.memory // 10**6} MB"] if needs.memory else []
    requires += [f"cpu {needs.cpu:g}"] if needs.cpu else []
    return requires + [f"device {device}" for device in needs.device] + [f"data {data}" for data in needs.data]


def _row(hub: Hub, wanted: Requirements, promised: Promise, *, here: bool) -> PlaceRow:
    if reason := why_not(hub, wanted, promised):
        unmet = [check.reason for check in checks(hub, wanted, promised) if check.reason]
        return PlaceRow(hub=hub.name, fits=False, here=here, why=reason, unmet=unmet)
    place = rate(hub, promised=promised, here=here)
    parts = [PointsRow(part=part.name, points=round(part.points, 1), words=part.words) for part in place.parts]
    return PlaceRow(hub=hub.name, fits=True, here=here, points=round(place.points, 1), parts=parts, why=place.why)

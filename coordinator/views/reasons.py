"""Why an instance or a trigger moved, stopped, failed, or is where it is: what the store kept, put together in the order of time.

An event says what was done and why; the move behind it, who wanted it, why that hub was chosen and why the others were
not; the firing before it, which value crossed which threshold. Together they are one row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy.orm import Session

from coordinator.store import events, instances, moves, triggers
from coordinator.store.database import Store
from coordinator.store.schema import Move
from coordinator.views.instances import unknown
from coordinator.views.reason import WhyRow
from devices.protocol import limits
from devices.protocol.messages import Event

_MOVED: Final = "move"
"""The kind of the events that tell of a change of place."""
_RULE: Final = "rule "


async def rows(store: Store, instance: str, since: str) -> list[WhyRow]:
    """Returns what happened to an instance since a time, oldest first.

    Where it has not changed its place since then, the last time that it did comes first: it says why it is there.

    Args:
        store: keeps it.
        instance: which.
        since: RFC 3339; empty for all.

    Raises:
        RefusedError: there is none of that name.
    """
    return await store.read(_rows, instance, since)


def _rows(session: Session, name: str, since: str) -> list[WhyRow]:
    if instances.find(session, name) is None and triggers.find(session, name) is None:
        raise unknown(name, sorted(instances.names(session) | triggers.names(session)))
    mentioned = re.compile(rf"(?<![\w~-]){re.escape(name)}(?![\w~-])")
    told = msgspec.convert(events.concerning(session, name, since, limits.EVENTS), list[Event])
    told = [event for event in told if event.instance == name or mentioned.search(event.did)]
    made = {move.id: move for move in moves.of(session, name)}
    found = _joined(told, made)
    if not any(event.rule == _MOVED and event.instance == name for event in told):
        before = events.last_before(session, name, _MOVED, since)
        if before is not None:
            (row,) = _joined([msgspec.convert(before, Event)], made)
            row.earlier = True
            found.insert(0, row)
    return found


def _joined(told: list[Event], made: Mapping[str, Move]) -> list[WhyRow]:
    """Returns a row for each event but those firings that are told as the reason of what they brought about."""
    found: list[tuple[Event, WhyRow]] = []
    fired: dict[str, Event] = {}  # by rule, the newest
    explained: set[str] = set()
    for event in told:
        move = made.get(str(event.details.get("move", "")))
        row = _row(event, move)
        firing = fired.get(row.by.removeprefix(_RULE)) if row.by.startswith(_RULE) else None
        if firing is not None:
            row.metric, row.value, row.threshold = firing.metric, firing.value, firing.threshold
            if ";" not in firing.did:  # it brought about nothing else
                explained.add(firing.id)
        if event.metric or event.value is not None:
            fired[event.rule] = event
        found.append((event, row))
    return [row for event, row in found if event.id not in explained]


def _row(event: Event, move: Move | None) -> WhyRow:
    by: Any = event.details.get("by", "")
    row = WhyRow(at=event.at, did=event.did, why=event.why, severity=event.severity, hub=event.hub, by=str(by))
    if event.metric or event.value is not None:
        row.by, row.metric, row.value, row.threshold = _RULE + event.rule, event.metric, event.value, event.threshold
    if move is not None:
        row.by = move.by
        row.place, row.refused, row.downtime_ms = move.place, move.refused, move.downtime_ms
    return row

"""Triggers as rows: when each is due, what runs, and what became of the last run."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from sqlalchemy.orm import Session

from coordinator.moment import spelled
from coordinator.store import triggers
from coordinator.store.database import Store
from coordinator.store.instances import DECLARED
from coordinator.store.schema import Function, Instance, Trigger
from coordinator.triggers import schedule
from coordinator.views.trigger_rows import TriggerRow
from devices.errors import RefusedError
from devices.protocol.messages import InstanceStateName
from devices.runtime.settings import Settings

_Latest = dict[str, tuple[list[str], int, Instance | None]]


async def rows(store: Store, waits: Callable[[str], str], name: str = "") -> list[TriggerRow]:
    """Returns triggers by name.

    Args:
        store: knows them.
        waits: why a trigger's next run does not begin.
        name: only this one; empty for all.

    Raises:
        RefusedError: there is none of that name; the nearest one is told.
    """
    every, latest = await store.read(_all)
    names = [trigger.name for trigger, _ in every]
    if name and name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none yet'}"
        raise RefusedError(f"there is no trigger {name!r}", remedy=remedy)
    return [row(trigger, function, latest, waits) for trigger, function in every if not name or trigger.name == name]


def _all(session: Session) -> tuple[list[tuple[Trigger, Function]], _Latest]:
    return triggers.every(session), triggers.latest(session)


def row(trigger: Trigger, function: Function, latest: _Latest, waits: Callable[[str], str]) -> TriggerRow:
    """Returns one as a row."""
    settings = Settings.from_plain(trigger.settings)
    running, waiting, last = latest.get(trigger.name, ([], 0, None))
    found = TriggerRow(
        trigger=trigger.name,
        function=function.name,
        state="suspended" if trigger.state == "suspended" else "active",
        since=trigger.since,
        starts=schedule.in_words(settings),
        on=settings.on,
        every=settings.every,
        at=settings.at,
        cron=settings.cron,
        mode=settings.mode,
        limit=settings.limit,
        catch_up=settings.catch_up,
        running=running,
        waiting=waiting,
        waits_for=waits(trigger.name),
        started=trigger.started,
        failed=trigger.failed,
        ignored=trigger.ignored,
        dropped=trigger.dropped,
        missed=trigger.missed,
        note=trigger.note,
        hub=trigger.hub,
        declared=trigger.settings.get(DECLARED, {}).get("owner", ""),
    )
    if trigger.due and trigger.state == "active":
        found.due = spelled(datetime.fromtimestamp(trigger.due, UTC))
    if last is not None:
        found.last, found.last_state = last.id, cast("InstanceStateName", last.state)
        found.last_since, found.last_reason = last.since, last.reason
    return found

"""Looks at the clock for the triggers that have a time: what is due becomes a start in the store, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from sqlalchemy.orm import Session

from coordinator.journal import Journal
from coordinator.moment import seconds
from coordinator.store import triggers
from coordinator.store.database import Store
from coordinator.store.schema import Trigger
from coordinator.store.triggers import Start
from coordinator.triggers import schedule
from coordinator.triggers.schedule import Look, Schedule
from devices import timekeeping
from devices.runtime import clock
from devices.runtime.deadline import GRACE
from devices.runtime.settings import Settings
from devices.timekeeping import Machine


class Clockwork:
    """Makes starts of times.

    Args:
        store: keeps what is due.
        journal: is told what was missed.
        zone: the site's.
        machine: whose clock it is.

    Attributes:
        doubt: why this machine's clock cannot be right; nothing is due by it meanwhile.
    """

    def __init__(self, store: Store, journal: Journal, zone: tzinfo, machine: Machine | None = None) -> None:
        self._store = store
        self._journal = journal
        self._zone = zone
        self._machine = machine or Machine()
        self.doubt = ""

    def schedule(self, trigger: Trigger) -> Schedule:
        """Returns when a trigger is due."""
        return Schedule.of(Settings.from_plain(trigger.settings), trigger.anchor, self._zone)

    async def look(self, timed: Sequence[Trigger]) -> float | None:
        """Makes starts of what is due; returns the seconds until the next time, ``None`` if there is none.

        Args:
            timed: the active triggers that have a time, as they are in the store.
        """
        now = self._machine.now()
        lived = max((moment for it in timed for moment in (it.fired, seconds(it.created) or 0.0)), default=0.0)
        self.doubt = timekeeping.doubt(lived, self._machine) if timed else ""
        if self.doubt:
            return None
        dues = []
        for trigger in timed:
            settings = Settings.from_plain(trigger.settings)
            found = schedule.look(self.schedule(trigger), trigger.due, trigger.fired, now, settings.catch_up)
            if found is not None:
                await self._fire(trigger, found, now)
            dues.append(trigger.due if found is None else found.due)
        return max(0.0, min(dues) - now) if dues else None

    async def _fire(self, trigger: Trigger, found: Look, now: float) -> None:
        was_away = now - trigger.due > GRACE
        note = self._note(found, now) if was_away else ""
        await self._store.write(_fire, trigger, found, now, note)
        if found.set_back:
            next_one = clock.shown(found.due, self._zone, now)
            await self._journal.tell(
                "trigger",
                did=f"{trigger.name} is due at {next_one}",
                why="the clock was set back behind its last start",
                instance=trigger.name,
            )
        elif note:
            await self._journal.tell(
                "trigger",
                did=f"{trigger.name} {note}",
                why=f"it was due at {clock.shown(trigger.due, self._zone, now)}, and the coordinator was not there",
                severity="info" if found.runs else "warning",
                instance=trigger.name,
            )

    def _note(self, found: Look, now: float) -> str:
        if not found.missed:
            return ""
        missed = f"missed {schedule.words(found.missed)}"
        if found.makes_up:
            return f"{missed}, made up one at {clock.shown(now, self._zone, now)}"
        return f"{missed}, left out; next at {clock.shown(found.due, self._zone, now)}"


def _fire(session: Session, seen: Trigger, found: Look, now: float, note: str) -> None:
    trigger = triggers.find(session, seen.name)
    if trigger is None or trigger.state != "active" or trigger.due != seen.due:
        return  # somebody has changed it meanwhile
    trigger.due = found.due
    trigger.fired = 0.0 if found.set_back else now
    trigger.missed += found.missed
    trigger.note = note or trigger.note
    session.flush()
    if found.runs:
        triggers.take(session, [Start(seen.name, now if found.makes_up else seen.due)])

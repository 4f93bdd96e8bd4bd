"""Triggers and their runs: what each start becomes is decided here, in the transaction that makes it durable.

A start is *waiting* from the message or the time on, *running* from the transaction that makes its instance, *ended* with
that. So there is one instance for each start whatever dies in between, and what a mode leaves out was never there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from coordinator.store import instances, lineage
from coordinator.store.guard import landed, table_of
from coordinator.store.schema import Function, Heard, Instance, Run, Trigger
from devices.protocol import limits
from devices.protocol.checkpoint import Repeat
from devices.protocol.occasion import Occasion
from devices.runtime.settings import Settings

PARALLEL: Final = 10
"""Runs at a time of a trigger with ``mode="parallel"`` that names no limit."""
QUOTA: Final = 10_000
"""Starts of one trigger that wait for their turn; a mailbox takes as many messages."""
QUOTA_BYTES: Final = 16 * limits.MIB
"""The same in bytes of payload."""
REMEMBERED: Final = 5 * limits.RECEIVE_MAXIMUM
"""Messages by which a repeat is known: four windows, and the one under way."""
_RUNS: Final = table_of(Run)
_TRIGGERS: Final = table_of(Trigger)


@dataclass(frozen=True, slots=True)
class Start:
    """Something that shall start a run: a message, or a time."""

    trigger: str
    at: float
    occasion: Occasion | None = None


@dataclass(slots=True)
class Taken:
    """What became of starts, by trigger."""

    ignored: Counter[str] = field(default_factory=Counter)  # its mode left them out
    dropped: Counter[str] = field(default_factory=Counter)  # there was no room


@dataclass(frozen=True, slots=True)
class Due:
    """What a trigger has to do now: ``next`` are the rows that may begin, ``replaced`` the instances that give way."""

    trigger: Trigger
    next: list[Run]
    replaced: list[str]
    waiting: int


def find(session: Session, name: str) -> Trigger | None:
    """Returns a trigger, also one that was stopped."""
    return session.get(Trigger, name)


def every(session: Session) -> list[tuple[Trigger, Function]]:
    """Returns all triggers that were not stopped, by name."""
    query = select(Trigger, Function).join(Function, Trigger.function == Function.number)
    rows = session.execute(query.where(Trigger.state != "stopped").order_by(Trigger.name))
    return [(trigger, function) for trigger, function in rows]


def names(session: Session) -> set[str]:
    """Returns the names of all that were not stopped."""
    return set(session.scalars(select(Trigger.name).where(Trigger.state != "stopped")))


def function_of(session: Session, name: str) -> str:
    """Returns the name of a trigger's function in its source."""
    query = select(Function.name).join(Trigger, Trigger.function == Function.number).where(Trigger.name == name)
    return session.execute(query).scalar_one()


def is_waiting(session: Session, number: int) -> bool:
    """Whether a start has not begun yet."""
    run = session.get(Run, number)
    return run is not None and run.state == "waiting"


def ended_filters(session: Session) -> set[str]:
    """Returns the filters of those that were stopped: a broker may still have subscriptions of theirs."""
    settings = session.scalars(select(Trigger.settings).where(Trigger.state == "stopped"))
    return {each for given in settings for each in given.get("on", [])}


def change(session: Session, /, name: str, **values: Any) -> bool:
    """Changes a trigger that was not stopped; returns whether there is one."""
    guarded = update(_TRIGGERS).where(Trigger.name == name, Trigger.state != "stopped").values(**values)
    return landed(session, guarded)


def register(session: Session, trigger: Trigger, function: Function) -> None:
    """Adds a trigger; one of its name that was stopped gives it its place, and its count of runs."""
    trigger.function = instances.remember_function(session, function)
    old = session.get(Trigger, trigger.name)
    if old is not None:
        trigger.started, trigger.created = old.started, old.created
    session.merge(trigger)


def renew(session: Session, /, name: str, function: Function, **values: Any) -> None:
    """Gives a trigger changed source."""
    change(session, name, function=instances.remember_function(session, function), **values)


def stop(session: Session, name: str, since: str) -> int:
    """Ends a trigger; returns how many starts that waited are forgotten."""
    change(session, name, state="stopped", since=since)
    return _forget(session, name)


def _forget(session: Session, name: str) -> int:
    gone = session.connection().execute(delete(_RUNS).where(Run.trigger == name, Run.state == "waiting"))
    return gone.rowcount


# Starts --------------------------------------------------------------------------------------------------------------


def take(session: Session, starts: Sequence[Start], heard: Iterable[Repeat] = ()) -> Taken:
    """Makes starts durable, each as its trigger's mode has it, and by what their messages are known again."""
    taken = Taken()
    marks = [{"packet": it.packet, "digest": it.digest} for it in heard]
    if marks:
        session.execute(insert(Heard), marks)
        newest = session.scalar(select(func.max(Heard.number))) or 0
        session.execute(delete(Heard).where(Heard.number <= newest - REMEMBERED))
    for name in dict.fromkeys(start.trigger for start in starts):
        trigger = session.get(Trigger, name)
        if trigger is not None and trigger.state == "active":
            _admit(session, trigger, [start for start in starts if start.trigger == name], taken)
    return taken


def _admit(session: Session, trigger: Trigger, starts: list[Start], taken: Taken) -> None:
    settings = Settings.from_plain(trigger.settings)
    waiting, running, held = _counts(session, trigger.name)
    ignored = dropped = 0
    rows: list[dict[str, Any]] = []
    for start in starts:
        size = len(start.occasion.payload) if start.occasion else 0
        if settings.mode == "single" and waiting + running:
            ignored += 1
            continue
        if settings.mode == "restart":
            ignored += _forget(session, trigger.name) + len(rows)
            rows, waiting, held = [], 0, 0
        most = settings.limit if settings.mode == "queued" else 0
        full = waiting >= QUOTA or held + size > QUOTA_BYTES or size > limits.EVENT
        if full or (most and waiting + running >= most):
            dropped += 1
            continue
        waiting, held = waiting + 1, held + size
        rows.append(_row(start))
    if rows:
        session.execute(insert(Run), rows)
    trigger.ignored += ignored
    trigger.dropped += dropped
    taken.ignored[trigger.name] += ignored
    taken.dropped[trigger.name] += dropped


def _counts(session: Session, name: str) -> tuple[int, int, int]:
    size = func.coalesce(func.sum(func.length(Run.payload)), 0)
    query = select(Run.state, func.count(), size).where(Run.trigger == name, Run.state != "ended").group_by(Run.state)
    found = {state: (count, held) for state, count, held in session.execute(query)}
    waiting, held = found.get("waiting", (0, 0))
    return waiting, found.get("running", (0, 0))[0], int(held)


def _row(start: Start) -> dict[str, Any]:
    row: dict[str, Any] = {"trigger": start.trigger, "state": "waiting", "at": start.at, "instance": ""}
    message = start.occasion
    if message is None:
        return row | {"topic": "", "payload": b"", "qos": 0, "params": {}}
    return row | {"topic": message.topic, "payload": message.payload, "qos": message.qos, "params": message.params}


def occasion_of(run: Run) -> Occasion | None:
    """Returns the message that a run is started by; ``None``: a time."""
    if not run.topic:
        return None
    return Occasion(topic=run.topic, payload=run.payload, qos=run.qos, at=run.at, params=run.params)


def repeats(session: Session) -> list[Repeat]:
    """Returns by what messages are known again, oldest first."""
    rows = session.execute(select(Heard.packet, Heard.digest).order_by(Heard.number))
    return [Repeat(packet=packet, digest=digest) for packet, digest in rows]


def forget_repeats(session: Session) -> bool:
    """Forgets them: the broker lost the session and gives packet ids anew; returns whether there were any."""
    return bool(session.connection().execute(delete(table_of(Heard))).rowcount)


# Runs ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Glance:
    """What there may be to do: ends to note, starts to begin, times to look at."""

    ends: bool
    due: list[Due]
    timed: list[Trigger]


def glance(session: Session) -> Glance:
    """Returns what there may be to do."""
    timed = select(Trigger).where(Trigger.state == "active", Trigger.due > 0)
    ends = session.execute(_to_settle().limit(1)).first() is not None
    return Glance(ends, _due(session), list(session.scalars(timed)))


def _due(session: Session) -> list[Due]:
    found = []
    counts = select(Run.trigger, func.count()).where(Run.state == "waiting").group_by(Run.trigger)
    for name, waiting in session.execute(counts).all():
        trigger = session.get(Trigger, name)
        if trigger is None or trigger.state != "active":
            continue
        settings = Settings.from_plain(trigger.settings)
        running = [run.instance for run in _runs(session, name, "running")]
        at_a_time = (settings.limit or PARALLEL) if settings.mode == "parallel" else 1
        room = max(0, at_a_time - len(running))
        replaced = running if settings.mode == "restart" else []
        found.append(Due(trigger, list(_runs(session, name, "waiting", room)), replaced, waiting))
    return found


def _runs(session: Session, name: str, state: str, most: int | None = None) -> Iterable[Run]:
    query = select(Run).where(Run.trigger == name, Run.state == state).order_by(Run.number)
    return session.scalars(query if most is None else query.limit(most))


def begin(session: Session, name: str, number: int, taken: set[str]) -> str | None:
    """Takes a start's turn, in the transaction that adds its instance; returns the name that the instance is to have.

    ``None``: its turn was taken before.
    """
    trigger = session.get(Trigger, name)
    assert trigger is not None, "a run is of a trigger"
    trigger.started += 1
    while (instance := lineage.numbered(name, trigger.started)) in taken:
        trigger.started += 1
    session.flush()
    guarded = update(_RUNS).where(Run.number == number, Run.state == "waiting")
    return instance if landed(session, guarded.values(state="running", instance=instance)) else None


def settle(session: Session) -> list[tuple[str, str]]:
    """Notes the ends of runs; returns the names of trigger and instance of those that failed."""
    failed = []
    for run, state in session.execute(_to_settle()).all():
        run.state, run.payload = "ended", b""
        if state == "failed":
            failed.append((run.trigger, run.instance))
            session.execute(update(_TRIGGERS).where(Trigger.name == run.trigger).values(failed=Trigger.failed + 1))
    return failed


def _to_settle() -> Any:
    return (
        select(Run, Instance.state)
        .join(Instance, Instance.id == Run.instance)
        .where(Run.state == "running", Instance.state.in_(instances.ENDED))
        .order_by(Run.number)
    )


def latest(session: Session) -> dict[str, tuple[list[str], int, Instance | None]]:
    """Returns of each trigger the instances that run, how many starts wait, and the last run that began."""
    running: dict[str, list[str]] = {}
    for run in session.scalars(select(Run).where(Run.state == "running").order_by(Run.number)):
        running.setdefault(run.trigger, []).append(run.instance)
    counts = select(Run.trigger, func.count()).where(Run.state == "waiting").group_by(Run.trigger)
    waiting = {row[0]: row[1] for row in session.execute(counts)}
    newest = select(func.max(Run.number)).where(Run.state != "waiting").group_by(Run.trigger)
    last = {
        run.trigger: session.get(Instance, run.instance)
        for run in session.scalars(select(Run).where(Run.number.in_(newest)))
    }
    return {name: (running.get(name, []), waiting.get(name, 0), last.get(name)) for name in {*running, *waiting, *last}}


def has_ended(session: Session, instance: str) -> bool:
    """Whether this was a run whose instance is not kept any more."""
    query = select(Run.number).where(Run.instance == instance, Run.state == "ended")
    return session.execute(query.limit(1)).first() is not None and session.get(Instance, instance) is None

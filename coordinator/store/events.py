"""What happened, for `events` and for the questions of the next morning."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import String, cast, delete, func, or_, select
from sqlalchemy.orm import Session

from coordinator.store import schema
from devices.protocol.messages import Event

_NEWEST: Final = 50
"""Events among which the end of an instance is looked for: nothing much happens to it afterwards; or a rule's firing."""

KEPT: Final = 50_000
"""Events, about 50 MB; what happens once a minute is remembered for a month."""


def add(session: Session, event: Event, body: dict[str, object]) -> None:
    """Records an event; ``body`` is what is published."""
    session.add(
        schema.Event(id=event.id, at=event.at, rule=event.rule, instance=event.instance, hub=event.hub, body=body)
    )


def prune(session: Session) -> None:
    """Deletes the oldest events beyond `KEPT`."""
    newest = session.scalar(select(func.max(schema.Event.number))) or 0
    session.execute(delete(schema.Event).where(schema.Event.number <= newest - KEPT))


def last(session: Session, count: int, *, instance: str = "", hub: str = "") -> list[dict[str, Any]]:
    """Returns the bodies of the newest events, oldest first; of one instance or hub where named."""
    query = select(schema.Event.body).order_by(schema.Event.number.desc()).limit(count)
    if instance:
        query = query.where(schema.Event.instance == instance)
    if hub:
        query = query.where(schema.Event.hub == hub)
    return list(reversed(list(session.scalars(query))))


def concerning(session: Session, instance: str, since: str, count: int) -> list[dict[str, Any]]:
    """Returns the bodies of the newest events since a time that are about an instance or mention it, oldest first.

    A rule that concerns several instances is about none of them: its event only names them.
    """
    mentions = (schema.Event.instance == "") & cast(schema.Event.body, String).contains(instance, autoescape=True)
    query = (
        select(schema.Event.body)
        .where(schema.Event.at >= since, or_(schema.Event.instance == instance, mentions))
        .order_by(schema.Event.number.desc())
        .limit(count)
    )
    return list(reversed(list(session.scalars(query))))


def last_before(session: Session, instance: str, rule: str, moment: str) -> dict[str, Any] | None:
    """Returns the body of an instance's newest event of a kind before a time; ``None`` if there is none."""
    which = (schema.Event.instance == instance, schema.Event.rule == rule, schema.Event.at < moment)
    return session.scalars(select(schema.Event.body).where(*which).order_by(schema.Event.number.desc())).first()


def last_firing(session: Session, rule: str) -> dict[str, Any] | None:
    """Returns the body of the newest event that tells of a rule's firing, not of what came of it."""
    query = select(schema.Event.body).where(schema.Event.rule == rule).order_by(schema.Event.number.desc())
    return next((body for body in session.scalars(query.limit(_NEWEST)) if body.get("metric")), None)


def log_of_end(session: Session, instance: str) -> list[dict[str, str]]:
    """Returns the last lines of a function's log that came with the end of an instance; none while it lives."""
    told = (body.get("details", {}) for body in reversed(last(session, _NEWEST, instance=instance)))
    found: list[dict[str, str]] = next((details["log"] for details in told if "log" in details), [])
    return found

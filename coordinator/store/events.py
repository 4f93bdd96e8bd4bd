"""What happened, for `events` and for the questions of the next morning."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.store import schema
from devices.protocol.messages import Event

_NEWEST: Final = 50
"""Events among which the end of an instance is looked for: nothing much happens to it afterwards."""


def add(session: Session, event: Event, body: dict[str, object]) -> None:
    """Records an event; ``body`` is what is published."""
    session.add(
        schema.Event(id=event.id, at=event.at, rule=event.rule, instance=event.instance, hub=event.hub, body=body)
    )


def last(session: Session, count: int, *, instance: str = "", hub: str = "") -> list[dict[str, Any]]:
    """Returns the bodies of the newest events, oldest first; of one instance or hub where named."""
    query = select(schema.Event.body).order_by(schema.Event.number.desc()).limit(count)
    if instance:
        query = query.where(schema.Event.instance == instance)
    if hub:
        query = query.where(schema.Event.hub == hub)
    return list(reversed(list(session.scalars(query))))


def log_of_end(session: Session, instance: str) -> list[dict[str, str]]:
    """Returns the last lines of a function's log that came with the end of an instance; none while it lives."""
    told = (body.get("details", {}) for body in reversed(last(session, _NEWEST, instance=instance)))
    found: list[dict[str, str]] = next((details["log"] for details in told if "log" in details), [])
    return found

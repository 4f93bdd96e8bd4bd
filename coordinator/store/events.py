"""What happened, for `events` and for the questions of the next morning."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.store import schema
from devices.protocol.messages import Event


def add(session: Session, event: Event, body: dict[str, object]) -> None:
    """Records an event; ``body`` is what is published."""
    session.add(
        schema.Event(id=event.id, at=event.at, rule=event.rule, instance=event.instance, hub=event.hub, body=body)
    )


def last(session: Session, count: int, *, instance: str = "", hub: str = "") -> list[dict[str, object]]:
    """Returns the bodies of the newest events, oldest first; of one instance or hub where named."""
    query = select(schema.Event.body).order_by(schema.Event.number.desc()).limit(count)
    if instance:
        query = query.where(schema.Event.instance == instance)
    if hub:
        query = query.where(schema.Event.hub == hub)
    return list(reversed(list(session.scalars(query))))

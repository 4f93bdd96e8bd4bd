"""Hubs that were seen, with their pinned keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.store.schema import Hub
from devices.errors import RefusedError


def meet(session: Session, name: str, key: bytes, info: dict[str, Any], at: str) -> bool:
    """Records what a hub says of itself; returns whether it is new. Its key is pinned at first contact.

    Raises:
        RefusedError: another key is pinned for this name.
    """
    hub = session.get(Hub, name)
    if hub is None:
        session.add(Hub(name=name, key=key, info=info, first_seen=at, last_seen=at))
        return True
    if hub.key != key:
        raise RefusedError(
            f"another computer calls itself {name}: it shows another key than at first contact",
            place=f"hub {name}",
            remedy="give one of the two another name; hub.toml: name = ...",
        )
    hub.info, hub.last_seen = info, at
    return False


def started(session: Session, name: str, boot: str, start: int, at: str) -> None:
    """Records the life that a hub is in: by its start counter late wills are told from news."""
    hub = session.get(Hub, name)
    if hub is not None:
        hub.boot, hub.start, hub.last_seen = boot, start, at


def every(session: Session) -> list[Hub]:
    """Returns all hubs that were ever seen, by name."""
    return list(session.scalars(select(Hub).order_by(Hub.name)))

"""Which functions are where, or on their way, as the store has decided."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from coordinator.placement.requirements import Requirements
from coordinator.placement.reservations import Tenant
from coordinator.store import checkpoints, deployments, instances
from coordinator.store.schema import OPEN_MOVE, Function, Instance, Move
from devices.runtime.settings import Settings


def granted(session: Session, function: str) -> frozenset[str] | None:
    """Returns the hubs where a function may begin: those whose package names it as a task; ``None`` if none does.

    Elsewhere it would run as the hub's own user, which is what its package is there to prevent.
    """
    return deployments.hubs_of_task(session, function) or None


def wishes(session: Session, instance: str) -> Requirements:
    """Returns what an instance asks of a hub."""
    row = session.get(Instance, instance)
    assert row is not None
    function = session.get(Function, row.function)
    newest = checkpoints.find(session, row.newest)
    settings = Settings.from_plain(instances.settings_of(row, function)) if function else Settings()
    may_begin = granted(session, function.name) if function else None
    wanted = Requirements(
        settings.needs,
        instance=instance,
        priority=settings.priority,
        granted=may_begin
        if may_begin and (not row.hub or row.hub in may_begin)
        else None,  # began before there was one
    )
    return replace(wanted, engine=newest.engine, packages=newest.packages) if newest is not None else wanted


def every(session: Session) -> list[Tenant]:
    """Returns the functions that run, or are being brought somewhere; suspended ones take no room."""
    open_moves = session.execute(select(Move.instance, Move.destination).where(text(OPEN_MOVE)))
    moving = {move.instance: move.destination for move in open_moves}
    found = []
    for row, function in instances.every(session):
        hub = moving.get(row.id, row.hub)
        if hub and (row.id in moving or row.state not in (*instances.ENDED, "suspended")):
            settings = Settings.from_plain(instances.settings_of(row, function))
            asks = Requirements(settings.needs).asks
            found.append(Tenant(row.id, hub, asks, settings.priority, moving=row.id in moving))
    return found


def wishes_and_every(session: Session, instance: str) -> tuple[Requirements, list[Tenant]]:
    """Returns both, as of one moment."""
    return wishes(session, instance), every(session)

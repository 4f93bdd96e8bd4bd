"""Instances and their functions."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from coordinator.store.guard import landed, table_of
from coordinator.store.schema import Function, Instance

_INSTANCES: Final = table_of(Instance)
ENDED = ("finished", "failed", "stopped")
PARKED: Final = "parked"
"""In `Instance.wanted`: suspended until its hub, which is being drained, is back."""
AT_REST: Final = ("suspended", PARKED)
"""In `Instance.wanted`: it is to be suspended."""


DECLARED: Final = "declared"
"""In an instance's settings: what `functions.toml` says of it. So it travels in each checkpoint, and a new store has it."""


def remember_function(session: Session, function: Function) -> int:
    """Returns the number of the row for this name and source, added if there is none."""
    same = (Function.name == function.name, Function.digest == function.digest)
    found = session.scalar(select(Function).where(*same))
    if found is None:
        session.add(function)
        session.flush()
        return function.number
    return found.number


def settings_of(instance: Instance, function: Function) -> dict[str, Any]:
    """Returns the settings that an instance was started with: a function's, and the defaults of that time."""
    return instance.settings or function.settings


def declared(instance: Instance) -> dict[str, Any]:
    """Returns what `functions.toml` says of an instance: owner, args, settings, hub; nothing of one started by hand.

    A branch and a trigger's run are nobody's, though its settings came along.
    """
    if instance.branch > 1 or instance.trigger:
        return {}
    found: dict[str, Any] = (instance.settings or {}).get(DECLARED, {})
    return found


def find(session: Session, instance: str) -> Instance | None:
    """Returns an instance."""
    return session.get(Instance, instance)


def every(session: Session) -> list[tuple[Instance, Function]]:
    """Returns all instances with their functions, by name."""
    rows = session.execute(
        select(Instance, Function).join(Function, Instance.function == Function.number).order_by(Instance.id)
    )
    return [(instance, function) for instance, function in rows]


def names(session: Session) -> set[str]:
    """Returns all ids that are taken."""
    return set(session.scalars(select(Instance.id)))


def branches(session: Session, trunk: str) -> list[Instance]:
    """Returns the instances of one tree, the trunk first."""
    return list(session.scalars(select(Instance).where(Instance.trunk == trunk).order_by(Instance.branch)))


def change(session: Session, instance: str, epoch: int, /, **values: Any) -> bool:
    """Changes an instance if ``epoch`` is still its newest; returns whether that landed."""
    return landed(session, update(_INSTANCES).where(Instance.id == instance, Instance.epoch == epoch).values(**values))


def functions(session: Session) -> list[Function]:
    """Returns all functions, the newest source of a name last."""
    return list(session.scalars(select(Function).order_by(Function.name, Function.number)))

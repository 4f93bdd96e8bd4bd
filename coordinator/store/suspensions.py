"""What rules have suspended and will let go on by themselves: over a restart of the coordinator too."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from coordinator.moment import age
from coordinator.store.schema import Instance, Move, Suspension


def note(session: Session, suspension: Suspension) -> None:
    """Notes that a rule has suspended an instance."""
    session.merge(suspension)


def awaited(session: Session) -> dict[str, set[str]]:
    """Returns by rule the subjects because of which something is suspended."""
    found: dict[str, set[str]] = {}
    for rule, subject in session.execute(select(Suspension.rule, Suspension.subject)):
        found.setdefault(rule, set()).add(subject)
    return found


def take(session: Session, rule: str, subject: str) -> list[str]:
    """Returns the instances that a rule has suspended because of a subject and that are so still.

    What somebody has resumed, moved or suspended anew since then is no longer the rule's, and forgotten.
    """
    kept = []
    for row in session.scalars(select(Suspension).where(Suspension.rule == rule, Suspension.subject == subject)):
        instance = session.get(Instance, row.instance)
        if instance is not None and instance.state == "suspended" and instance.epoch == row.epoch:
            kept.append(row.instance)
        else:
            session.delete(row)
    return kept


def forget(session: Session, instance: str) -> None:
    """Forgets that a rule has suspended an instance."""
    session.execute(delete(Suspension).where(Suspension.instance == instance))


def of_rules(session: Session) -> list[tuple[str, str]]:
    """Returns instance and rule of each suspension that is still one."""
    rows = session.execute(
        select(Suspension.instance, Suspension.rule)
        .join(Instance, Instance.id == Suspension.instance)
        .where(Instance.state == "suspended", Instance.epoch == Suspension.epoch)
        .order_by(Suspension.instance)
    )
    return [(row.instance, row.rule) for row in rows]


def moves_by_rules(session: Session, seconds: float) -> list[tuple[str, float]]:
    """Returns instance and age, in seconds, of each move that a rule has made in the last seconds, the oldest first."""
    rows = session.execute(
        select(Move.instance, Move.created)
        .where(Move.by.startswith("rule "), Move.kind != "resume")
        .order_by(Move.number.desc())
        .limit(10_000)
    )
    ages = [(row.instance, age(row.created)) for row in rows]
    return [(instance, old) for instance, old in reversed(ages) if old is not None and old < seconds]

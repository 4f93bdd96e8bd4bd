"""The tree of an instance: its checkpoints and those of its branches."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.store import instances
from coordinator.store.schema import Blob, Checkpoint, Instance, Pin
from devices.protocol import limits


@dataclass(frozen=True, slots=True)
class Node:
    """One checkpoint in the tree."""

    checkpoint: Checkpoint
    branch: int
    newest: bool
    pinned: bool
    kept: bool  # its bytes are there


def tree(session: Session, instance: Instance) -> list[Node]:
    """Returns the whole tree that an instance belongs to; a parent comes before its children."""
    members = {member.id: member for member in instances.branches(session, instance.trunk)}
    pinned = set(session.scalars(select(Pin.checkpoint)))
    kept = set(session.scalars(select(Blob.checkpoint)))
    rows = session.scalars(select(Checkpoint).where(Checkpoint.instance.in_(members)).order_by(Checkpoint.number))
    return [
        Node(
            checkpoint=row,
            branch=members[row.instance].branch,
            newest=members[row.instance].newest == row.id,
            pinned=row.id in pinned,
            kept=row.id in kept,
        )
        for row in rows
    ]


def next_branch(session: Session, trunk: str) -> tuple[str, int]:
    """Returns the name and number of a tree's next branch: ``washer~2`` is the first.

    A trunk's name may be so long that the number has no room; then its end gives way, and the name stays unique.
    """
    number = max(member.branch for member in instances.branches(session, trunk)) + 1
    taken = instances.names(session)
    while (name := _shortened(trunk, f"~{number}")) in taken:
        number += 1
    return name, number


def free_name(session: Session, wanted: str, others: frozenset[str] = frozenset()) -> str:
    """Returns ``wanted``, or the first of ``wanted-2``, ``wanted-3`` ... that no instance has, nor any of the others."""
    taken = instances.names(session) | others
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = _shortened(wanted, f"-{number}")
    return name


def numbered(trigger: str, number: int) -> str:
    """Returns the name of a trigger's run: ``lights~57``."""
    return _shortened(trigger, f"~{number}")


def _shortened(name: str, ending: str) -> str:
    return re.sub(r"~.*", "", name)[: limits.NAME - len(ending)].rstrip("-") + ending

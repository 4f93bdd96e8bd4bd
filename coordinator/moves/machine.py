"""The states of a move and the changes that are allowed: one table, and named crash points between the steps.

    requested -> captured -> stored -> released -> claimed -> running -> done
        |            |          |                    ^  |
        +------------+----------+--> cancelled       +--+ (another hub or checkpoint, with a newer epoch) -> failed

A start, a resumption and a move away from a dead hub enter at ``released``: nobody holds the function. Up to ``stored``
a move can be cancelled and the function goes on at its source. ``released`` is the commit point: from there on the only
way is forward, and "forward" may mean back to the source, under a newer claim (`docs/protocol.md`, section 5).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final, Literal

from sqlalchemy.orm import Session

from coordinator.store import moves
from coordinator.store.schema import Move

State = Literal["requested", "captured", "stored", "released", "claimed", "running", "done", "cancelled", "failed"]

CHANGES: Final[dict[State, frozenset[State]]] = {
    "requested": frozenset({"captured", "cancelled"}),
    "captured": frozenset({"stored", "cancelled"}),
    "stored": frozenset({"released", "cancelled"}),
    "released": frozenset({"claimed"}),
    "claimed": frozenset({"claimed", "running", "failed"}),
    "running": frozenset({"done"}),
    "done": frozenset(),
    "cancelled": frozenset(),
    "failed": frozenset(),
}
"""From each state the ones that may follow."""

ENDED: Final[frozenset[State]] = frozenset({"done", "cancelled", "failed"})


def advance(session: Session, /, move: Move, *states: State, **values: Any) -> Move | None:
    """Takes a move through ``states`` by one UPDATE that is guarded by the first of them.

    Returns:
        the move's new row; ``None`` if it did not land, because the move was not in the first state.
    """
    for old, new in pairwise(states):
        assert new in CHANGES[old], f"a move cannot go from {old} to {new}"
    return moves.advance(session, move, states[0], states[-1], **values)


def crash_point(name: str) -> None:
    """Does nothing. Tests replace it, to stop the coordinator between two steps; the names are in `steps.py`."""

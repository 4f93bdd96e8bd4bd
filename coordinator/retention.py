"""Retention: which blobs are no longer kept. The lineage, a row for each checkpoint, stays.

A function that publishes each second makes a checkpoint each second; the store of a home must not grow with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FALLBACK: Final = 2
"""Blobs of an instance that are kept in any case: the newest and the one to fall back to."""
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of each instance.

    Attributes:
        last: so many of its newest checkpoints.
        days: of older ones one an hour for a day, then one a day for so many days.
        size: bytes of all these together; the oldest give way.
    """

    last: int
    days: int
    size: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint of which the bytes are there; ``age`` in seconds."""

    id: str
    age: float
    size: int


def surplus(kept: Sequence[Kept], retention: Retention) -> list[str]:
    """Returns the ids of those that need not be kept.

    Args:
        kept: what is there of one instance, the newest first.
        retention: what to keep.
    """
    gone: list[str] = []
    slots: set[tuple[str, float]] = set()
    total = 0
    for place, one in enumerate(kept):
        total += one.size
        slot = ("hour", one.age // _HOUR) if one.age < _DAY else ("day", one.age // _DAY)
        wanted = place < retention.last or (slot not in slots and one.age <= retention.days * _DAY)
        if wanted and (total <= retention.size or place < FALLBACK):
            slots.add(slot)
        else:
            total -= one.size
            gone.append(one.id)
    return gone

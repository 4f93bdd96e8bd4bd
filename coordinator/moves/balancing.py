"""Evens loads out, if the coordinator's settings say so (`coordinator.placement.balance`): one move at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.config import Balance
from coordinator.moment import age
from coordinator.moves.ground import Ground
from coordinator.moves.moving import Moves
from coordinator.moves.pause import Pause
from coordinator.placement import tenants
from coordinator.placement.balance import Better, Patience, Resident, better
from coordinator.placement.requirements import Requirements
from coordinator.placement.reservations import Size, Tenant
from coordinator.store import checkpoints, instances
from coordinator.store.schema import Instance, Move
from devices.errors import MidstreamError

BY: Final = "balance"
EVERY: Final = 10.0
"""Seconds between two looks: metrics are no newer."""
_HOUR: Final = 3600.0
_START: Final = 0.2
"""Seconds that a move of a small state takes at most, and those that come on top for each byte (10 MB a second)."""
_EACH_BYTE: Final = 1e-7
_log = logging.getLogger(__name__)


class Balancing:
    """Looks for a better place for what runs.

    Args:
        ground: what moves use.
        moves: those under way: while there are some nothing is begun.
        carry_out: an intent.
        pause: while it lasts nothing is begun.
        policy: how much, how often, for how long.
    """

    def __init__(
        self,
        ground: Ground,
        moves: Moves,
        carry_out: Callable[[intents.Intent], Awaitable[object]],
        pause: Pause,
        policy: Balance,
    ) -> None:
        self._ground = ground
        self._moves = moves
        self._carry_out = carry_out
        self._pause = pause
        self._policy = policy
        self._patience = Patience(policy.hold)
        self._looked = -EVERY
        self._task: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Begins a move if one is worth it; called each second or so while the broker is there."""
        moment = time.monotonic()
        if self._policy.moves == 0 or moment - self._looked < EVERY or self._task is not None:
            return
        self._looked = moment
        if self._pause.since or self._moves.every():
            self._patience.begins_anew()
            return
        ground, seen = self._ground, await self._ground.store.read(_look_around, self._policy.rests)
        residents = [
            Resident(it.wanted, it.hub, Size(use.memory, use.cpu / 100), it.downtime)
            for it in seen.rested
            if (use := ground.use(it.hub, it.wanted.instance)) is not None
        ]
        found = better(
            ground.hubs.every(), residents, lambda but: ground.promised(seen.everybody, but), self._policy.gain
        )
        if self._patience.over(found, moment) and found is not None and seen.moves < self._policy.moves:
            self._patience.begins_anew()
            self._task = asyncio.create_task(self._move(found), name=f"balance {found.instance}")
            self._task.add_done_callback(lambda _: self._ended())

    def _ended(self) -> None:
        self._task = None

    async def _move(self, found: Better) -> None:
        try:
            await self._carry_out(intents.Migrate(by=BY, why=found.why, instance=found.instance, hub=found.destination))
        except MidstreamError as error:
            _log.info("%s stays on %s: %s", found.instance, found.source, error)

    async def close(self) -> None:
        """Begins nothing more; a move that was begun is in the store."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Rested:
    wanted: Requirements
    hub: str
    downtime: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """What may be moved, all that counts beside it, and how often this has moved something within the last hour."""

    rested: list[_Rested]
    everybody: list[Tenant]
    moves: int


def _look_around(session: Session, rests: float) -> _Seen:
    newest = select(func.max(Move.number)).group_by(Move.instance)
    every = session.scalars(select(Move).where(Move.number.in_(newest)))
    last: dict[str, Move] = {move.instance: move for move in every}
    recent = session.scalars(select(Move.created).where(Move.by == BY).order_by(Move.number.desc()).limit(100))
    rested = [
        _Rested(tenants.wishes(session, row.id), row.hub, _downtime(session, row, last.get(row.id)))
        for row, _ in instances.every(session)
        if row.state == "running" and not _stays(row, last.get(row.id), rests)
    ]
    return _Seen(rested, tenants.every(session), sum((age(created) or 0.0) < _HOUR for created in recent))


def _stays(row: Instance, last: Move | None, rests: float) -> bool:
    """Whether it was moved not long ago, or is where its owner wants it."""
    if instances.declared(row).get("hub") == row.hub:
        return True
    return last is not None and (age(last.created) or 0.0) < rests


def _downtime(session: Session, row: Instance, last: Move | None) -> float:
    """Returns the seconds that it would stand still: as it did last, or as its newest checkpoint's size tells."""
    if last is not None and last.downtime_ms:
        return last.downtime_ms / 1000
    checkpoint = checkpoints.find(session, row.newest)
    return _START + (_EACH_BYTE * checkpoint.size if checkpoint is not None else 0.0)

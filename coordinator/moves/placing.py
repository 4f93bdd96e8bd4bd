"""Finds a hub for a function and promises it; where none has room, those of lower priority make some.

Who makes room is suspended, with a checkpoint, and goes on by itself when there is room again. What goes on by itself
drives nobody out: only a start, a move and a person's wish do, so that nothing is put aside in turns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from coordinator import intents
from coordinator.moves.ground import Ground
from coordinator.placement import choice, making_room, tenants
from coordinator.placement.making_room import Plan
from coordinator.placement.requirements import Requirements
from coordinator.placement.reservations import NOTHING
from coordinator.placement.resuming import ROOM
from coordinator.placement.score import Place, rate
from devices.errors import MidstreamError, RefusedError

BY: Final = "priority"
_log = logging.getLogger(__name__)


class Placing:
    """Finds places.

    Args:
        ground: what moves use.
        suspend: carries out a suspension.
    """

    def __init__(self, ground: Ground, suspend: Callable[[intents.Intent], Awaitable[object]]) -> None:
        self._ground = ground
        self._suspend = suspend
        self._one_after_the_other = asyncio.Lock()

    async def place(
        self,
        wanted: Requirements,
        key: str,
        *,
        used_at: str = "",
        drives_out: bool = True,
        named: str = "",
        leaving: str = "",
        here: str = "",
    ) -> Place:
        """Chooses a hub and promises it to a function.

        Args:
            wanted: by the function.
            key: the instance, or what stands for one that has no name yet.
            used_at: the hub where it runs now.
            drives_out: whether others may be suspended for it.
            named: as of `choice.choose`.
            leaving: the same.
            here: the same.

        Raises:
            RefusedError: the hub that was named does not exist or does not fit.
            NowhereError: none fits.
        """
        try:
            place = await self._chosen(wanted, named=named, leaving=leaving, here=here)
        except RefusedError as refused:
            if not drives_out:
                raise
            async with self._one_after_the_other:
                made = await self._make_room(wanted, key, named=named, leaving=leaving)
            if made is None:
                raise
            _log.info("%s: room is made on %s", refused, made.hub)
            return made
        self._ground.promise(key, place.hub, wanted.asks, used_at=used_at)
        return place

    async def _chosen(self, wanted: Requirements, **how: str) -> Place:
        ground = self._ground
        everybody = await ground.store.read(tenants.every)
        return choice.choose(ground.hubs, wanted, ground.promised(everybody, wanted.instance), **how)

    async def _make_room(self, wanted: Requirements, key: str, *, named: str, leaving: str) -> Place | None:
        """Suspends others until a hub has room; ``None`` where that does not help, or one of them cannot be stopped."""
        ground = self._ground
        everybody = await ground.store.read(tenants.every)
        promised = ground.promised(everybody, wanted.instance)
        hubs = [hub for hub in ground.hubs.every() if hub.name != leaving and named in ("", hub.name)]
        plan = making_room.plan(hubs, wanted, promised, everybody, ground.use)
        if plan is None:
            return None
        ground.promise(key, plan.hub, wanted.asks)
        try:
            for victim in plan.victims:
                await self._suspend(_suspension(victim, plan, wanted))
        except MidstreamError as error:
            ground.reservations.release(key)
            _log.warning("no room is made on %s: %s", plan.hub, error)
            return None
        return rate(ground.hubs[plan.hub], promised=promised.get(plan.hub, NOTHING), here=False)


def _suspension(victim: str, plan: Plan, wanted: Requirements) -> intents.Suspend:
    who = (
        f"{wanted.instance}, of priority {wanted.priority},"
        if wanted.instance
        else f"one of priority {wanted.priority}"
    )
    return intents.Suspend(by=BY, why=f"{who} needs its room on {plan.hub}", instance=victim, until=ROOM)

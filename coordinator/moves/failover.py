"""Failover: what runs on a hub that stays away goes on elsewhere, when its own policy says so.

An ordinary move of which the source is dead (`docs/protocol.md`, rules 8 and 19): it starts from the newest stored
checkpoint under a newer epoch, which fences the old copy when its hub returns. It waits until the function's lease there
is over (`devices.protocol.lease`), counted from the hub's last sign of life, and only while this coordinator was there
to hear it: after its own absence everybody gets the whole time again. A suspended function waits for a person, wherever
it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.ingest.hubs import Hub
from coordinator.moves.ground import Ground
from coordinator.moves.moving import Moves
from coordinator.moves.pause import Pause
from coordinator.placement.choice import NowhereError
from coordinator.store import instances
from coordinator.store.schema import Function, Instance
from devices.errors import MidstreamError
from devices.runtime.settings import Settings

_PAUSE: Final = 30.0
"""Seconds after an attempt that was refused until the next one."""
_log = logging.getLogger(__name__)


class Failover:
    """Watches the hubs that are away.

    Args:
        ground: what moves use.
        moves: those under way.
        carry_out: an intent.
        pause: while it lasts nothing is begun.
    """

    def __init__(
        self, ground: Ground, moves: Moves, carry_out: Callable[[intents.Intent], Awaitable[object]], pause: Pause
    ) -> None:
        self._pause = pause
        self._ground = ground
        self._moves = moves
        self._carry_out = carry_out
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._nowhere: dict[str, frozenset[str]] = {}  # instance => hubs of which none could take it

    async def look(self) -> None:
        """Begins to move what has waited long enough; called each second or so while the broker is there."""
        away = {hub.name: hub for hub in self._ground.hubs.every() if not hub.online}
        if not away or self._pause.since:
            self._nowhere.clear()
            return
        there = frozenset(hub.name for hub in self._ground.hubs.every() if hub.takes_functions)
        for instance, epoch, hub, after in await self._ground.store.read(_stranded, away.keys()):
            free_in = away[hub].free_in(after, self._ground.line.up_since)
            if self._ground.ahead.of(instance, epoch) is not None:
                continue  # its hub alone has the newest state, and attention says so (rule 8)
            busy = instance in self._tasks or self._moves.under_way(instance) is not None
            if free_in <= 0 and not busy and there and self._nowhere.get(instance) != there:
                self._nowhere[instance] = there
                self._begin(instance, away[hub], after)

    def _begin(self, instance: str, hub: Hub, after: float) -> None:
        why = f"hub {hub.name} is {hub.state}" + (f" for more than {after:g} s" if after else "")
        task = asyncio.create_task(self._move(instance, why), name=f"failover {instance}")
        self._tasks[instance] = task
        task.add_done_callback(lambda _: self._tasks.pop(instance, None))

    async def _move(self, instance: str, why: str) -> None:
        try:
            await self._carry_out(intents.Migrate(by="failover", why=why, instance=instance))
        except NowhereError:
            return  # until another hub comes; whoever looked for a place has told it, with the reason for each hub
        except MidstreamError as error:
            _log.warning("%s stays where it was: %s", instance, error)
            await asyncio.sleep(_PAUSE)
        self._nowhere.pop(instance, None)

    async def close(self) -> None:
        """Begins nothing more; moves that were begun are in the store."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def _stranded(session: Session, hubs: Collection[str]) -> list[tuple[str, int, str, float]]:
    """Returns what should run on one of these hubs: instance, epoch, hub, and the seconds that it is waited for."""
    rows = session.execute(
        select(Instance, Function)
        .join(Function, Instance.function == Function.number)
        .where(
            Instance.hub.in_(hubs),
            Instance.wanted == "running",
            Instance.state.not_in([*instances.ENDED, "suspended"]),
        )
    )
    stranded = []
    for instance, function in rows:
        after = Settings.from_plain(instances.settings_of(instance, function)).failover_after
        if after is not None:
            stranded.append((instance.id, instance.epoch, instance.hub, after))
    return stranded

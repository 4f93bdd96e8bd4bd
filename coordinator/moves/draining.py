"""Empties the hubs that somebody wants to switch off, and lets go on what had to wait for them.

The wish is the hub's own status, which it keeps itself: a coordinator that is started again in the middle sees what is
left to do. One function after the other moves to where placement wants it; what fits nowhere, or can be taken nowhere, is
suspended until its hub is back. A function that cannot be stopped at all is in the way, with its reason, and tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.ingest.hubs import Hub
from coordinator.moves import founding
from coordinator.moves.ground import Ground
from coordinator.moves.moving import Moves
from coordinator.placement.choice import named_hub
from coordinator.store import instances
from coordinator.store.schema import Instance
from devices.errors import MidstreamError, RefusedError
from devices.protocol.answers import Done
from devices.protocol.commands import Drain

BY: Final = "drain"
_PAUSE: Final = 10.0
"""Seconds after an attempt that was refused until the next one."""
_log = logging.getLogger(__name__)


class Drains:
    """Watches the hubs that are draining, and those that are back.

    Args:
        ground: what moves use.
        moves: those under way.
        carry_out: an intent.

    Attributes:
        in_the_way: by instance, why it can neither be moved nor suspended.
    """

    def __init__(self, ground: Ground, moves: Moves, carry_out: Callable[[intents.Intent], Awaitable[object]]) -> None:
        self._ground = ground
        self._moves = moves
        self._carry_out = carry_out
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by hub
        self._not_before: dict[str, float] = {}  # by instance, monotonic seconds
        self._seen: tuple[object, ...] = ()
        self.in_the_way: dict[str, str] = {}

    async def ask(self, name: str, *, undo: bool) -> Hub:
        """Has a hub say from now on that it is being drained, or no more; the rest follows from what it says.

        Raises:
            RefusedError: there is no such hub, or it is not there.
            MidstreamError: it cannot.
        """
        hub = named_hub(self._ground.hubs, name)
        if not hub.online:
            raise RefusedError(
                f"{name} is {hub.state}: {hub.reason}", remedy=f"what it held: midstream hubs {name} --if-lost"
            )
        command = Drain(id=f"{founding.new_id()}-drain", instance="", undo=undo)
        await self._ground.commands.ask(name, command, Done)
        why = "somebody asked for it"
        await self._ground.journal.tell("hub", did="works again" if undo else "is drained", why=why, hub=name)
        return hub

    async def look(self) -> None:
        """Goes on with what is to be done; called each second or so while the broker is there."""
        ground = self._ground
        seen = (ground.store.written, *(hub.state for hub in ground.hubs.every()))
        if seen == self._seen and not self._not_before:
            return
        self._seen = seen
        moment = time.monotonic()
        self._not_before = {name: at for name, at in self._not_before.items() if at > moment}
        held = await ground.store.read(_held_by_hub)
        for hub in ground.hubs.every():
            running, parked = held.get(hub.name, ([], []))
            if hub.state == "online":
                self._begin(hub.name, self._take_back, parked)
                for instance in running:
                    self.in_the_way.pop(instance, None)
            elif hub.online:
                self._begin(hub.name, self._empty, running)

    def _begin(
        self, hub: str, work: Callable[[str, list[str]], Coroutine[None, None, None]], wanted: list[str]
    ) -> None:
        todo = [it for it in wanted if it not in self._not_before and self._moves.under_way(it) is None]
        if todo and hub not in self._tasks:
            self._tasks[hub] = task = asyncio.create_task(work(hub, todo), name=f"drain {hub}")
            task.add_done_callback(lambda _: self._ended(hub))

    def _ended(self, hub: str) -> None:
        del self._tasks[hub]
        self._seen = ()

    async def _empty(self, hub: str, wanted: list[str]) -> None:
        for instance in wanted:
            if self._ground.hubs[hub].state not in ("draining", "drained"):
                return  # somebody has thought better of it
            why = f"{hub} is drained"
            try:
                await self._carry_out(intents.Migrate(by=BY, why=why, instance=instance))
            except MidstreamError as error:
                await self._park(hub, instance, f"{why}, and {error.message}")
            else:
                self.in_the_way.pop(instance, None)

    async def _park(self, hub: str, instance: str, why: str) -> None:
        """Suspends what can go nowhere; it goes on when its hub is back."""
        park = intents.Suspend(by=BY, why=f"{why}; it goes on when {hub} is back", instance=instance, parks=True)
        try:
            await self._carry_out(park)
        except MidstreamError as error:
            self._not_before[instance] = time.monotonic() + _PAUSE
            found = await self._ground.store.read(instances.find, instance)
            if found is None or found.hub != hub or found.state in instances.ENDED:
                return  # it has gone another way
            self.in_the_way[instance] = f"{instance}: {error.sentence}"
            _log.warning("%s is in the way of draining %s: %s", instance, hub, error)
        else:
            self.in_the_way.pop(instance, None)

    async def _take_back(self, hub: str, parked: list[str]) -> None:
        for instance in parked:
            try:
                await self._carry_out(intents.Resume(by=BY, why=f"{hub} is back", instance=instance))
            except MidstreamError as error:
                self._not_before[instance] = time.monotonic() + _PAUSE
                _log.warning("%s does not go on yet: %s", instance, error)

    def attention(self) -> list[str]:
        """Returns a sentence about each hub that cannot be drained, or waits for somebody to switch it off."""
        told = []
        for hub in self._ground.hubs.every():
            if hub.state == "drained":
                told.append(f"hub {hub.name} is drained and safe to power off, or: midstream drain {hub.name} --undo")
            elif hub.state == "draining" and self.in_the_way:
                told.append(f"hub {hub.name} cannot be drained: {'; '.join(self.in_the_way.values())}")
        return told

    async def close(self) -> None:
        """Begins nothing more; moves that were begun are in the store."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _held_by_hub(session: Session) -> dict[str, tuple[list[str], list[str]]]:
    """Returns by hub what runs there, and what is parked there."""
    rows = session.execute(
        select(Instance.id, Instance.hub, Instance.state, Instance.wanted)
        .where(Instance.hub != "", Instance.state.not_in(instances.ENDED))
        .order_by(Instance.id)
    )
    found: dict[str, tuple[list[str], list[str]]] = {}
    for name, hub, state, wanted in rows:
        running, parked = found.setdefault(hub, ([], []))
        if state != "suspended":
            running.append(name)
        elif wanted == instances.PARKED:
            parked.append(name)
    return found

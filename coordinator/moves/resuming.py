"""Lets suspended functions go on when what they wait for has come (`coordinator.placement.resuming`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.moves.ground import Ground
from coordinator.moves.moving import Moves
from coordinator.moves.pause import Pause
from coordinator.placement import choice, resuming, tenants
from coordinator.placement.resuming import Watch, Wish
from coordinator.store import instances
from coordinator.store.schema import Function, Instance
from devices.errors import MidstreamError
from devices.protocol.messages import InstanceUse
from devices.runtime import clock
from devices.runtime.settings import Settings

BY: Final = "until"
_PAUSE: Final = 10.0
"""Seconds after an attempt that was refused until the next one."""
_log = logging.getLogger(__name__)


class Resumes:
    """Watches the conditions of all suspended instances.

    Args:
        ground: what moves use.
        moves: those under way.
        carry_out: an intent.
        pause: while it lasts nothing goes on by itself.
    """

    def __init__(
        self, ground: Ground, moves: Moves, carry_out: Callable[[intents.Intent], Awaitable[object]], pause: Pause
    ) -> None:
        self._ground = ground
        self._moves = moves
        self._carry_out = carry_out
        self._pause = pause
        self._zone = clock.zone_or_utc(ground.timezone)
        self._seen = -1
        self._waiting: dict[str, tuple[int, str, Wish]] = {}
        self._watches: dict[str, tuple[Wish, Watch]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}

    async def look(self) -> None:
        """Judges what is waited for; called each second or so while the broker is there."""
        ground = self._ground
        if self._seen != ground.store.written:
            self._seen = ground.store.written
            self._waiting = await ground.store.read(_waiting)
            self._watches = {name: it for name, it in self._watches.items() if name in self._waiting}
        moment, hubs = ground.moment(), {hub.name: hub for hub in ground.hubs.every()}
        for name, (epoch, home, wish) in self._waiting.items():
            watch = self._watch(name, home, wish)
            room = resuming.asks_for_room(watch.condition) and await self._has_room(name, wish)
            where = watch.holds(hubs, room=room, at=moment, wall=ground.wall())
            if watch.away != set(wish.away):
                kept = msgspec.structs.replace(wish, away=sorted(watch.away))
                self._watches[name] = kept, watch
                await ground.store.write(instances.change, name, epoch, resume=msgspec.to_builtins(kept))
            busy = name in self._tasks or self._moves.under_way(name) is not None or self._pause.since
            if where is not None and not busy and self._not_before.get(name, 0.0) <= moment:
                self._begin(name, wish, where)

    def _watch(self, name: str, home: str, wish: Wish) -> Watch:
        kept = self._watches.get(name)
        if kept is None or (kept[0].text, kept[0].since) != (wish.text, wish.since) or kept[1].home != home:
            condition = resuming.read(wish, self._zone)
            kept = self._watches[name] = wish, Watch(condition, home, wish.starts, set(wish.away))
        return kept[1]

    async def _has_room(self, name: str, wish: Wish) -> bool:
        """Whether a hub has what the instance asks for, and what it used before it was suspended."""
        ground = self._ground
        wanted, everybody = await ground.store.read(tenants.wishes_and_every, name)
        needs = wanted.needs
        memory, cpu = max(needs.memory, wish.memory), max(needs.cpu, wish.cpu / 100)
        wanted = replace(wanted, needs=msgspec.structs.replace(needs, memory=memory, cpu=cpu))
        return bool(choice.rank(ground.hubs.every(), wanted, ground.promised(everybody, name)))

    def _begin(self, name: str, wish: Wish, where: list[str]) -> None:
        task = asyncio.create_task(self._resume(name, wish, where), name=f"until {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def _resume(self, name: str, wish: Wish, where: list[str]) -> None:
        why = f"it was suspended until {wish.text}"
        try:
            hub = await self._best(name, where)
            await self._carry_out(intents.Resume(by=BY, why=why, instance=name, hub=hub))
        except MidstreamError as error:
            self._not_before[name] = self._ground.moment() + _PAUSE
            _log.info("%s does not go on yet: %s", name, error)
        else:
            self._not_before.pop(name, None)

    async def _best(self, name: str, where: list[str]) -> str:
        """Returns the best of the hubs of which the condition holds; empty where none of them fits: then any will do."""
        ground = self._ground
        wanted, everybody = await ground.store.read(tenants.wishes_and_every, name)
        hubs = [hub for hub in ground.hubs.every() if hub.name in where]
        places = choice.rank(hubs, wanted, ground.promised(everybody, name))
        return places[0].hub if places else ""

    async def close(self) -> None:
        """Begins nothing more; moves that were begun are in the store."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def kept(ground: Ground, instance: Instance, until: str) -> dict[str, Any] | None:
    """Returns what the store keeps of a condition that is said now; ``None`` for none.

    Raises:
        UsageError: it is none.
        RefusedError: it names a hub that does not exist.
    """
    if not until:
        return None
    text, now = " ".join(until.split()), ground.wall()
    condition = resuming.parse(text, now, clock.zone_or_utc(ground.timezone))
    named = [choice.named_hub(ground.hubs, name) for name in resuming.hubs_named(condition)]
    starts = {hub.name: resuming.start_of(hub) for hub in named}
    use = ground.use(instance.hub, instance.id) or InstanceUse(cpu=0.0, memory=0)
    wish = Wish(text=text, since=now, starts=starts, memory=use.memory, cpu=use.cpu)
    plain: dict[str, Any] = msgspec.to_builtins(wish)
    return plain


def _waiting(session: Session) -> dict[str, tuple[int, str, Wish]]:
    """Returns the suspended instances that wait for something, the most important first: epoch, hub and for what."""
    rows = session.execute(
        select(Instance, Function)
        .join(Function, Instance.function == Function.number)
        .where(Instance.state == "suspended", Instance.resume.is_not(None))
    )
    every = [(_priority(instance, function), instance) for instance, function in rows]
    every.sort(key=lambda it: (-it[0], it[1].id))
    return {it.id: (it.epoch, it.hub, msgspec.convert(it.resume, Wish)) for _, it in every}


def _priority(instance: Instance, function: Function) -> int:
    return Settings.from_plain(instances.settings_of(instance, function)).priority

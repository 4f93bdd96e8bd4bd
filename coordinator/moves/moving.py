"""Carries moves from state to state, each in a task of its own, and takes them up again after a restart."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from coordinator.moment import now
from coordinator.moves import report
from coordinator.moves.changing import Change
from coordinator.moves.ground import Ground
from coordinator.moves.journey import Journey
from coordinator.moves.machine import ENDED, State
from coordinator.moves.steps import STEPS
from coordinator.store import moves
from coordinator.store.database import until_stored
from coordinator.store.schema import Move
from devices.errors import MidstreamError, RefusedError

_PAUSE: Final = 1.0
"""Seconds after a step that failed unforeseen (a full disk) until the move's state is looked at again."""
_log = logging.getLogger(__name__)


class Moves:
    """All moves that are under way."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._journeys: dict[str, Journey] = {}  # by instance: each has at most one
        self._tasks: dict[str, asyncio.Task[Move]] = {}

    async def take_up(self) -> None:
        """Goes on with the moves that an earlier life of this coordinator left unfinished."""
        for move in await self._ground.store.read(moves.unfinished):
            _log.info("going on with the move of %s, which is %s", move.instance, move.state)
            self._spawn(Journey(move))

    async def open(self, move: Move) -> Move:
        """Writes a move; `carried` then carries it.

        Raises:
            RefusedError: the instance has an open move already.
        """
        move.created = now()
        move.handover = self._ground.handover
        await self._ground.store.write(moves.open_one, move)
        return move

    async def carried(self, move: Move) -> Move:
        """Carries a move that is in the store to its end; returns its last row, whatever became of it.

        Who waits for it may be cancelled; the move goes on.
        """
        return await asyncio.shield(self._spawn(Journey(move)))

    async def upgraded(self, move: Move, change: Change) -> Journey:
        """Carries an upgrade to its end, likewise."""
        journey = Journey(move, change=change)
        await asyncio.shield(self._spawn(journey))
        return journey

    async def settled(self, instance: str) -> None:
        """Returns when no move of an instance is under way.

        Raises:
            RefusedError: its move waits for a hub, for nobody knows how long.
        """
        while task := self._tasks.get(instance):
            if waits := self._journeys[instance].waits:
                raise RefusedError(f"{instance} runs nowhere now: it {waits}")
            await asyncio.wait([task])

    def under_way(self, instance: str) -> Journey | None:
        """Returns the open move of an instance."""
        return self._journeys.get(instance)

    async def ended(self, journey: Journey) -> Move:
        """Returns the last row of a move that is under way, when it has ended."""
        return await asyncio.shield(self._tasks[journey.move.instance])

    def every(self) -> list[Move]:
        """Returns the moves under way."""
        return [journey.move for journey in self._journeys.values()]

    def late_mail_came(self, instance: str) -> None:
        """Wakes a move that waits for late mail."""
        if journey := self._journeys.get(instance):
            journey.late.set()

    async def close(self) -> None:
        """Lets go of all moves; the next start takes them up."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _spawn(self, journey: Journey) -> asyncio.Task[Move]:
        move = journey.move
        self._journeys[move.instance] = journey
        task = asyncio.create_task(self._carry(journey), name=f"move {move.instance} {move.id}")
        self._tasks[move.instance] = task
        return task

    async def _carry(self, journey: Journey) -> Move:
        ground, instance = self._ground, journey.move.instance
        try:
            while journey.state not in ENDED:
                await self._step(journey, journey.state)
        finally:
            del self._journeys[instance], self._tasks[instance]
            if journey.state == "done":
                ground.reservations.arrived(instance, journey.move.destination, time.monotonic())
            elif journey.state in ENDED:
                ground.reservations.release(instance)
        await until_stored(lambda: report.tell(ground, journey))
        return journey.move

    async def _step(self, journey: Journey, state: State) -> None:
        """Runs one step. An error that nobody foresaw must not end the move between two hubs: it is tried again."""
        try:
            await STEPS[state](self._ground, journey)
        except (MidstreamError, SQLAlchemyError, OSError):
            _log.exception("the move %s of %s, %s, is tried again", journey.move.id, journey.move.instance, state)
            await asyncio.sleep(_PAUSE)
            journey.move = await until_stored(lambda: self._ground.store.read(moves.find, journey.move.id))

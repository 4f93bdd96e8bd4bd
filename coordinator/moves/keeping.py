"""Checkpoints that are no part of a move: taken by policy, for an output, on request, or to suspend.

The hub announces, the coordinator verifies and commits, and says `Stored`. Nothing is repeated from here: a hub that
misses `Stored` announces again, and the commit of a known checkpoint is the same answer.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from sqlalchemy.orm import Session

from coordinator.ingest.checkpoints import Verified
from coordinator.moment import now
from coordinator.moves.ground import Ground
from coordinator.store import checkpoints, instances, moves
from devices.errors import FencedError, MidstreamError, RefusedError
from devices.protocol import messages
from devices.protocol.answers import Captured
from devices.protocol.commands import Fenced, GoOn, Stored

Outcome = Literal["stored", "suspended", "go-on"]
_log = logging.getLogger(__name__)


class Keeping:
    """Takes announced checkpoints into the lineage."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, str] = {}

    def take(self, hub: str, told: Captured) -> asyncio.Task[None]:
        """Begins to keep an announced checkpoint; returns the task, the same one for a repeated announcement."""
        task = self._keeping.get(told.checkpoint)
        if task is None:
            task = asyncio.create_task(self._keep(hub, told), name=f"keep {told.checkpoint}")
            self._keeping[told.checkpoint] = task
            task.add_done_callback(lambda done: self._done(told.checkpoint, done))
        return task

    def _done(self, checkpoint: str, task: asyncio.Task[None]) -> None:
        self._keeping.pop(checkpoint, None)
        if not task.cancelled() and (error := task.exception()):
            _log.warning("checkpoint %s is not kept: %s", checkpoint, error)

    async def _keep(self, hub: str, told: Captured) -> None:
        ground = self._ground
        try:
            if not ground.uploads.complete(told) and await ground.store.read(_is_known, told):
                outcome = await ground.store.write(_note_held, told)
            else:
                verified = await ground.uploads.verified(told, ground.hubs[hub].key)
                outcome = await ground.store.write(_commit, verified)
                summary = verified.summary()
                ground.line.publish(ground.topics.summary(summary.checkpoint), messages.encode(summary))
        except FencedError:
            await self._fence(hub, told)
            raise
        except MidstreamError as error:
            await self._tell_refusal(hub, told, error)
            raise
        self._refused.pop(told.instance, None)
        answer = Stored(
            id=f"{told.checkpoint}-stored", instance=told.instance, checkpoint=told.checkpoint, epoch=told.epoch
        )
        ground.commands.send(hub, answer)
        if outcome == "go-on":
            ground.commands.send(hub, _go_on(told, "nobody wants it suspended any more"))

    async def _fence(self, hub: str, told: Captured) -> None:
        instance = await self._ground.store.read(instances.find, told.instance)
        if instance is not None:
            fence = Fenced(
                id=f"{told.checkpoint}-fenced", instance=told.instance, epoch=instance.epoch, hub=instance.hub
            )
            self._ground.commands.send(hub, fence)

    async def _tell_refusal(self, hub: str, told: Captured, error: MidstreamError) -> None:
        if self._refused.get(told.instance) == error.message:
            return  # the hub announces again and again; one event is enough
        self._refused[told.instance] = error.message
        await self._ground.journal.tell(
            "checkpoint",
            did="did not take it; the one before stays the newest",
            why=str(error),
            severity="problem",
            instance=told.instance,
            hub=hub,
        )

    async def verdict(self, hub: str, told: Captured) -> None:
        """Tells a hub that holds a function for a move, and asks again, that this move was cancelled."""
        move = await self._ground.store.read(moves.look_up, told.move)
        if move is None or move.state == "cancelled":
            why = move.failure if move is not None else "this store does not know the move"
            self._ground.commands.send(hub, _go_on(told, why))

    async def close(self) -> None:
        """Lets go of what is not committed yet; hubs announce it again."""
        for task in list(self._keeping.values()):
            task.cancel()
        await asyncio.gather(*self._keeping.values(), return_exceptions=True)


def _go_on(told: Captured, why: str) -> GoOn:
    return GoOn(id=f"{told.checkpoint}-go-on", instance=told.instance, epoch=told.epoch, move=told.move, reason=why)


def _is_known(session: Session, told: Captured) -> bool:
    row = checkpoints.find(session, told.checkpoint)
    return row is not None and (row.digest, row.instance) == (told.digest, told.instance)


def _commit(session: Session, verified: Verified) -> Outcome:
    checkpoints.commit(session, verified.row(), verified.blob)
    return _note_held(session, verified.told)


def _note_held(session: Session, told: Captured) -> Outcome:
    instance = instances.find(session, told.instance)
    if instance is None or instance.state in instances.ENDED:
        raise RefusedError(f"{told.instance} has ended")
    if not told.held or instance.epoch != told.epoch:
        return "stored"
    if instance.wanted not in instances.AT_REST:
        return "go-on" if told.id else "stored"  # a hub that is leaving holds what it checkpoints, unasked
    instances.change(session, instance.id, instance.epoch, state="suspended", since=now())
    return "suspended"

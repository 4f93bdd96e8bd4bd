"""What hubs answer and report, to who waits for it or to what is done about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from coordinator.moves import ending, late_mail, returning
from coordinator.moves.ground import Ground
from coordinator.moves.keeping import Keeping
from coordinator.moves.moving import Moves
from coordinator.store.database import until_stored
from devices.errors import MidstreamError, ProtocolError
from devices.protocol.answers import AnyAnswer, Captured, Ended, Failed, LateMail, Report

_log = logging.getLogger(__name__)


class Answers:
    """Takes every answer of every hub.

    Args:
        ground: the coordinator's parts.
        moves: those under way.
        keeping: takes checkpoints.
        ended: told of an instance that has ended for good.
    """

    def __init__(self, ground: Ground, moves: Moves, keeping: Keeping, ended: Callable[[str], None]) -> None:
        self._ground = ground
        self._moves = moves
        self._keeping = keeping
        self._ended = ended
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, hub: str, answer: AnyAnswer) -> asyncio.Future[None] | None:
        """Takes an answer; a future that is returned is done when it is durable.

        Raises:
            ProtocolError: it claims to be from another hub.
        """
        if answer.hub != hub:
            raise ProtocolError(f"an answer of {answer.hub} on the topic of {hub}")
        waited_for = self._ground.commands.take(hub, answer)
        match answer:
            case Captured(offered=True):
                pass  # who asked for it waits
            case Captured(move=""):
                self._keeping.take(hub, answer)
            case Captured() if not waited_for:
                return self._spawn(self._keeping.verdict(hub, answer), f"verdict {answer.instance}")
            case Ended():
                return self._spawn(self._end(hub, answer), f"end {answer.instance}")
            case LateMail():
                return self._spawn(self._keep_late_mail(answer), f"late {answer.instance}")
            case Report():
                self._spawn(returning.settle(self._ground, self._moves, answer), f"report {hub}")
            case Failed() if not waited_for and answer.epoch:
                self._spawn(self._tell_failure(hub, answer), f"failed {answer.instance}")
        return None

    async def _end(self, hub: str, answer: Ended) -> None:
        if await until_stored(lambda: ending.take(self._ground, hub, answer)):
            self._ended(answer.instance)

    async def _keep_late_mail(self, answer: LateMail) -> None:
        if await until_stored(lambda: self._ground.store.write(late_mail.keep, answer)):
            self._moves.late_mail_came(answer.instance)

    async def _tell_failure(self, hub: str, answer: Failed) -> None:
        """A hub says on its own that something failed; what is asked for has its own way of telling."""
        if answer.id == "":
            await self._ground.journal.tell(
                "hub",
                did="",
                why=answer.error.get("message", "it says no more"),
                severity="warning",
                instance=answer.instance,
                hub=hub,
            )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._logged(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _logged(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except MidstreamError as error:
            _log.warning("%s", error)

    async def close(self) -> None:
        """Waits for nothing: what is not durable was not acknowledged and comes again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

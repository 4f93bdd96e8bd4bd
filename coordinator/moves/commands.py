"""Commands out, answers in.

A command is sent again until it is answered, under the same id, and only while its hub is there: a broker keeps what it
cannot deliver, and a hub that comes back after a day must not find a day of repeats. Its id is made of what it is for
(move and step), so that a coordinator that was restarted asks the same thing, not another one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from coordinator.ingest.hubs import Hubs
from coordinator.line import Line
from coordinator.moment import now
from coordinator.store import commands as rows
from coordinator.store.database import Store, until_stored
from coordinator.store.schema import Command as Row
from devices.errors import MidstreamError, from_wire
from devices.protocol import answers, commands, limits, messages
from devices.protocol.answers import AnyAnswer, Captured, Failed, Released, Running
from devices.protocol.commands import AnyCommand
from devices.protocol.topics import Topics

A = TypeVar("A", bound=answers.Answer)
_log = logging.getLogger(__name__)


class HubGoneError(MidstreamError):
    """The hub that should answer went offline or fell silent."""

    slug = "hub-gone"


@dataclass(slots=True)
class _Waiting:
    hub: str
    wanted: tuple[type[answers.Answer], ...]
    answer: asyncio.Future[Any]


class Commands:
    """All commands that wait for an answer."""

    def __init__(self, store: Store, line: Line, topics: Topics, hubs: Hubs) -> None:
        self._store = store
        self._line = line
        self._topics = topics
        self._hubs = hubs
        self._waiting: dict[str, list[_Waiting]] = {}
        self._deliveries: set[asyncio.Task[None]] = set()

    async def ask(self, hub: str, command: AnyCommand, wanted: type[A], *, gives_up: bool = True) -> A:
        """Sends a command until it is answered; returns the answer.

        Args:
            hub: whom to ask.
            command: what; repeated under its own id.
            wanted: the kind of answer that ends the wait. It may be an answer to a repeat, or to the same question of
                an earlier life of this coordinator: it is known by what it says, not by the id alone.
            gives_up: whether the hub's going offline ends the wait.

        Raises:
            MidstreamError: the hub refused or failed; the error is its own.
            HubGoneError: it went offline or silent; whether it carried the command out is unknown.
        """
        waiting = _Waiting(hub, (wanted, Failed), asyncio.get_running_loop().create_future())
        keys = _keys_of_command(command)
        for key in keys:
            self._waiting.setdefault(key, []).append(waiting)
        gone = asyncio.ensure_future(self._hubs[hub].gone()) if gives_up else None
        try:
            answer = await self._repeat(hub, command, waiting.answer, gone)
        finally:
            if gone is not None:
                gone.cancel()
            for key in keys:
                self._waiting[key].remove(waiting)
                if not self._waiting[key]:
                    del self._waiting[key]
        if isinstance(answer, Failed):
            raise from_wire(answer.error)
        assert isinstance(answer, wanted)
        return answer

    async def _repeat(
        self, hub: str, command: AnyCommand, answer: asyncio.Future[Any], gone: asyncio.Future[None] | None
    ) -> Any:
        while True:
            there = self._hubs[hub]
            if there.online:
                self.send(hub, command)
                await asyncio.wait(
                    [answer] if gone is None else [answer, gone],
                    timeout=limits.COMMAND_REPEAT,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            elif gone is None:
                back = asyncio.ensure_future(there.changed.wait())
                await asyncio.wait([answer, back], return_when=asyncio.FIRST_COMPLETED)
                back.cancel()
            if answer.done():
                return answer.result()
            if gone is not None and not there.online:
                raise HubGoneError(f"hub {hub} is {there.state}: {there.reason}")

    def send(self, hub: str, command: AnyCommand) -> None:
        """Sends a command once."""
        status = self._hubs[hub].status
        sent = msgspec.structs.replace(command, start=status.start if status is not None else 0)
        self._line.publish(self._topics.hub(hub, "command"), messages.encode(sent), expiry=limits.COMMAND_EXPIRY)

    def take(self, hub: str, answer: AnyAnswer) -> bool:
        """Hands an answer to who waits for it; returns whether anybody did."""
        taken = False
        for key in _keys_of_answer(answer):
            for waiting in self._waiting.get(key, ()):
                if waiting.hub == hub and isinstance(answer, waiting.wanted) and not waiting.answer.done():
                    waiting.answer.set_result(answer)
                    taken = True
        return taken

    # Those that must arrive, whatever happens to us meanwhile ---------------------------------------------------------

    async def deliver_unanswered(self) -> None:
        """Takes up the delivery of what an earlier life of this coordinator could not bring to its hub."""
        self.deliver(await self._store.read(rows.unanswered))

    def deliver(self, unsent: Iterable[Row]) -> None:
        """Brings commands that are in the store to their hubs, however long that takes."""
        for row in unsent:
            if row.hub:
                name = f"deliver {row.id} to {row.hub}"
                task = asyncio.create_task(self._deliver(row.hub, msgspec.convert(row.body, AnyCommand)), name=name)
                self._deliveries.add(task)
                task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, hub: str, command: AnyCommand) -> None:
        try:
            await self.ask(hub, command, answers.Answer, gives_up=False)
            outcome = "done"
        except MidstreamError as error:
            outcome = str(error)
            _log.info("hub %s on %s: %s", hub, command.id, error)
        await until_stored(lambda: self._store.write(rows.answered, command.id, outcome, now()))

    async def close(self) -> None:
        """Stops delivering; what is unanswered stays in the store."""
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)


def plain(command: AnyCommand) -> dict[str, Any]:
    """Returns a command as the JSON values that the store keeps."""
    body: dict[str, Any] = msgspec.to_builtins(command)
    return body


def _keys_of_command(command: AnyCommand) -> list[str]:
    match command:
        case commands.Capture(move=move) if move:
            return [command.id, f"captured {move}"]
        case commands.Restore():
            return [command.id, f"running {command.instance} {command.epoch}"]
        case commands.Stored():
            return [command.id, f"released {command.checkpoint}"]
    return [command.id]


def _keys_of_answer(answer: AnyAnswer) -> set[str]:
    keys = {answer.id} if answer.id else set()
    match answer:
        case Captured(move=move) if move:
            keys.add(f"captured {move}")
        case Released():
            keys.add(f"released {answer.checkpoint}")
        case Running():
            keys.add(f"running {answer.instance} {answer.epoch}")
    return keys

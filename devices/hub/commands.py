"""Commands in, answers out: each command once by its id, its answer as often as it is asked for."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from devices.errors import MidstreamError, ProtocolError
from devices.hub import offering
from devices.hub.control import Control
from devices.hub.deployment import Deployments
from devices.hub.instances import Instances
from devices.hub.tasks import Tasks
from devices.protocol import answers, commands, messages
from devices.protocol.answers import Answer
from devices.protocol.commands import AnyCommand

_REMEMBERED: Final = 1000
"""Answers that are kept; a command is repeated within seconds or, by a coordinator that was restarted, with the same
meaning: what must not happen twice is known by its epoch."""
_log = logging.getLogger(__name__)


class Commands:
    """What the coordinator wants of a hub.

    Args:
        hub: its name.
        instances: that carry it out.
        control: for the answers.
        drain: carries out a `Drain`.
        deployments: permission packages.
    """

    def __init__(
        self,
        hub: str,
        instances: Instances,
        control: Control,
        drain: Callable[[commands.Drain], Awaitable[Answer]],
        deployments: Deployments,
    ) -> None:
        self._hub = hub
        self._instances = instances
        self._control = control
        self._drain = drain
        self._deployments = deployments
        self._tasks = Tasks(f"hub {hub}")
        self._answers: dict[str, Answer | None] = {}

    def take(self, payload: bytes, topic: str) -> None:
        """Takes a command; a repeat is answered again, one that is under way will be.

        Raises:
            ProtocolError: it is none.
        """
        command: AnyCommand = messages.decode(payload, AnyCommand, topic)  # type: ignore[arg-type]
        if not command.id:
            raise ProtocolError("a command without an id", place=topic)
        if command.id in self._answers:
            self._repeat(self._answers[command.id])
            return
        self._answers[command.id] = None
        while len(self._answers) > _REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._tasks.start(self._carry_out(command), f"{type(command).__name__} {command.id}")

    def _repeat(self, known: Answer | None) -> None:
        if isinstance(known, answers.Captured) and not known.offered:
            self._instances.announce_again(known)
        elif known is not None:
            self._control.answer(known)

    async def _carry_out(self, command: AnyCommand) -> None:
        try:
            answer = await self._answer_to(command)
        except MidstreamError as error:
            _log.info("%s %s: %s", type(command).__name__, command.instance, error)
            answer = self._failed(command, error)
        self._answers[command.id] = answer
        if not isinstance(answer, answers.Captured):  # that one went with its parts
            self._control.answer(answer)

    async def _answer_to(self, command: AnyCommand) -> Answer:
        instances = self._instances
        match command:
            case commands.Prepare():
                return await instances.prepare(command)
            case commands.Capture():
                return await instances.capture(command)
            case commands.Stored():
                return await instances.stored(command)
            case commands.GoOn():
                return instances.go_on(command)
            case commands.Restore():
                return await instances.restore(command)
            case commands.Late():
                return instances.late(command)
            case commands.Stop():
                return await instances.stop(command)
            case commands.Offer():
                return await offering.offer(instances.lives, command, self._control, self._hub)
            case commands.Noted():
                return instances.noted(command)
            case commands.Fenced():
                return instances.fenced(command)
            case commands.Drain():
                return await self._drain(command)
            case commands.Deploy():
                return await self._deployments.deploy(command)
            case commands.Survey():
                return await self._deployments.survey(command)

    def _failed(self, command: AnyCommand, error: MidstreamError) -> Answer:
        return answers.Failed(
            hub=self._hub,
            id=command.id,
            instance=command.instance,
            error=error.to_wire(),
            epoch=getattr(command, "epoch", 0),
            move=getattr(command, "move", ""),
        )

    async def close(self) -> None:
        """Ends what is under way."""
        await self._tasks.cancel()

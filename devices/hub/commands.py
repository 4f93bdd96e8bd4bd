"""Commands in, answers out: each command once by its id, its answer as often as it is asked for.

Ids are known for one life of this agent. What comes from before it, late from the broker's queue or sent again by
somebody, is known by the start counter in it; the coordinator asks again, with the present one, where it still waits.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from devices.errors import MidstreamError, ProtocolError, RefusedError
from devices.hub import offering
from devices.hub.control import Control
from devices.hub.deployment import Deployments
from devices.hub.instances import Instances
from devices.hub.tasks import Tasks
from devices.protocol import answers, commands, messages
from devices.protocol.answers import Answer
from devices.protocol.commands import AnyCommand

_REMEMBERED: Final = 1000
"""Answers that are kept: a command is repeated within seconds."""
_KNOWN: Final = 50_000
"""Ids that are kept of commands which would have an effect once more, as a checkpoint or a suspension has."""
_EFFECTIVE: Final = (commands.Capture, commands.GoOn, commands.Stop, commands.Drain)
"""These: for all others the present state is the answer, see `Instances`, or the epoch has gone on."""
_log = logging.getLogger(__name__)


class Commands:
    """What the coordinator wants of a hub.

    Args:
        hub: its name.
        instances: that carry it out.
        control: for the answers.
        start: how often the hub was started.
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
        *,
        start: int,
    ) -> None:
        self._hub = hub
        self._start = start
        self._instances = instances
        self._control = control
        self._drain = drain
        self._deployments = deployments
        self._tasks = Tasks(f"hub {hub}")
        self._answers: dict[str, Answer | None] = {}
        self._known: dict[str, None] = {}

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
        if 0 < command.start < self._start:
            self._refuse(command, f"is from before the start of {self._hub}")
            return
        if command.id in self._known:
            self._refuse(command, "was carried out before")
            return
        self._remember(command)
        self._tasks.start(self._carry_out(command), f"{type(command).__name__} {command.id}")

    def _remember(self, command: AnyCommand) -> None:
        self._answers[command.id] = None
        if isinstance(command, _EFFECTIVE):
            self._known[command.id] = None
        for memory, most in ((self._answers, _REMEMBERED), (self._known, _KNOWN)):
            while len(memory) > most:
                del memory[next(iter(memory))]

    def _refuse(self, command: AnyCommand, why: str) -> None:
        """Does not carry a command out, and says so of its own accord: who waits for an answer asks again."""
        error = RefusedError(f"a late or repeated {type(command).__name__} {why}, and is refused")
        _log.warning("%s: %s", command.instance or self._hub, error.message)
        if isinstance(command, _EFFECTIVE):
            self._control.answer(msgspec.structs.replace(self._failed(command, error), id=""))

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

"""Calls that wait: for a message, a time, a confirmation.

An effect is the innermost frame of a function that waits. It is saved as a descriptor, plain data beside the function's
own values (``where=``), and taken up from it on another hub. Two clocks: ``timeout=`` counts the time in which the
function was listening, so it stands still while the function is frozen, on its way, or its hub deaf, and knows nothing of
the wall clock; ``until=`` and sleep are wall clock, read anew every few seconds because it may be set, and what is overdue
after a power cut is a policy of the function (`deadline`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from devices.errors import MidstreamError
from devices.protocol import limits, link
from devices.protocol.waits import Deadline, Wait
from devices.runtime import clock
from devices.runtime import deadline as deadlines
from devices.runtime.instance import Instance
from devices.runtime.message import Message

Where = Callable[[Message], object]


class Effect(ABC):
    """One call that waits. Subclasses are taken up by their ``name``."""

    name: ClassVar[str]
    waits_for_checkpoint: ClassVar[bool] = False

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def described(self) -> dict[str, Any]:
        """Returns what the effect is taken up from: its name, and its state as plain data and the function's values."""
        return {"effect": self.name, **self.state()}

    def state(self) -> dict[str, Any]:
        """Returns what `taken_up` needs to go on with the wait."""
        return {}

    @classmethod
    def taken_up(cls, instance: Instance, state: dict[str, Any]) -> Self:
        """Returns the effect that goes on from a `state`."""
        return cls(instance, **state)

    def told(self) -> Wait | None:
        """Returns for what it waits and until when; ``None`` if that is soon over."""
        return None

    @abstractmethod
    def run(self) -> Any:
        """Waits, and returns what the function's call returns."""

    def remaining(self) -> float | None:
        """Seconds until the wait is over by itself; ``None``: never."""
        return None

    def captured(self, number: int) -> None:  # noqa: B027 -- most waits do not care
        """Checkpoint ``number`` was taken in this wait."""

    def not_captured(self, error: MidstreamError) -> None:  # noqa: B027 -- the same
        """A checkpoint that was asked for in this wait could not be taken."""


class Next(Effect):
    """Waits for the oldest unread message.

    Args:
        instance: whose.
        subscriptions: numbers; empty: all.
        topics: the filters, for people.
        where: takes a message, says whether it matters; what does not is consumed and the wait goes on.
        timeout: seconds of listening, or ``None``.
        deadline: its end by the clock, or ``None``.
        listened: seconds of listening that an earlier process has seen.
        message: one that was handed over already and not judged by ``where`` yet.
    """

    name = "next"

    def __init__(
        self,
        instance: Instance,
        *,
        subscriptions: Sequence[int] = (),
        topics: str = "",
        where: Where | None = None,
        timeout: float | None = None,
        deadline: Deadline | None = None,
        listened: float = 0.0,
        message: Message | None = None,
    ) -> None:
        super().__init__(instance)
        self._subscriptions = list(subscriptions)
        self._topics = topics
        self._where = where
        self._timeout = timeout
        self._deadline = deadline
        self._since = instance.listening() - listened
        self._message = message
        self._withdrawing = False

    def state(self) -> dict[str, Any]:
        """Returns its arguments, with what was listened so far and what is not judged yet."""
        return {
            "subscriptions": self._subscriptions,
            "waiting": self._topics,
            "where": self._where,
            "timeout": self._timeout,
            "listened": self.instance.listening() - self._since,
            "message": self._message,
            **deadlines.state(self._deadline),
        }

    @classmethod
    def taken_up(cls, instance: Instance, state: dict[str, Any]) -> Self:
        """Returns the wait as its policy has it now."""
        deadline = deadlines.taken_up(state, instance.zone)
        return cls(instance, topics=state.pop("waiting"), deadline=deadline, **state)

    def told(self) -> Wait:
        """Returns the topics, the deadline, and what is left of the time-out."""
        deadline = None if self._deadline is None else deadlines.read(self._deadline)
        return Wait(topics=self._topics, deadline=deadline, listening=self._listening_left())

    def remaining(self) -> float | None:
        """Seconds until time-out or moment, whichever is first; ``None`` while the hub's answer is awaited."""
        if self._withdrawing:
            return None
        left = self._left()
        return left if left is None else max(0.0, left)

    def _left(self) -> float | None:
        until = None if self._deadline is None else deadlines.left(self._deadline)
        return min((left for left in (self._listening_left(), until) if left is not None), default=None)

    def _counting(self) -> float | None:
        until = None if self._deadline is None else deadlines.counting(self._deadline)
        return min((left for left in (self._listening_left(), until) if left is not None), default=None)

    def _listening_left(self) -> float | None:
        return None if self._timeout is None else max(0.0, self._timeout - (self.instance.listening() - self._since))

    def run(self) -> Message | None:
        """Returns the message, or ``None``: the time ran out and nothing unread is left here."""
        while True:
            message = self._message or self._pull()
            if message is None:
                if (self._left() or 0.0) > 0.0:  # the hub was deaf for a part of it
                    continue
                return None
            self._message = None
            if self._where is None or self._where(message):
                return message

    def _pull(self) -> Message | None:
        left = self._left()
        until = None if left is None else clock.wall() + left
        self.instance.send(
            link.Pull(subscriptions=self._subscriptions, waiting=self._topics, until=until, counting=self._counting())
        )
        self._withdrawing = False
        while True:
            match self.instance.frame_for(self):
                case None:
                    self._withdrawing = True
                    self.instance.send(link.Unpull())
                case link.Deliver() as frame:
                    self._message = self.instance.delivery(frame)
                    if not self._withdrawing:
                        break
                case link.Unpulled(deaf=deaf) if self._withdrawing:
                    self._withdrawing = False
                    self._since += deaf
                    break
                case link.Durable():
                    pass  # noted on the way
                case frame:
                    self.instance.refuse(frame)
        return self._message


class Sleep(Effect):
    """Waits for a time.

    Args:
        instance: whose.
        deadline: when it ends.
    """

    name = "sleep"
    _WORTH_TELLING = 1.0  # seconds; shorter sleeps are not shown to anybody

    def __init__(self, instance: Instance, *, deadline: Deadline) -> None:
        super().__init__(instance)
        self._deadline = deadline

    def state(self) -> dict[str, Any]:
        """Returns its deadline."""
        return deadlines.state(self._deadline)

    @classmethod
    def taken_up(cls, instance: Instance, state: dict[str, Any]) -> Self:
        """Returns the sleep as its policy has it now."""
        deadline = deadlines.taken_up(state, instance.zone)
        if deadline is None:
            raise TypeError("a sleep without an end")
        return cls(instance, deadline=deadline)

    def told(self) -> Wait:
        """Returns the deadline."""
        return Wait(deadline=deadlines.read(self._deadline))

    def remaining(self) -> float | None:
        """Seconds until it is time."""
        return max(0.0, deadlines.left(self._deadline))

    def run(self) -> None:
        """Returns when it is time, at once if it has been."""
        tell = deadlines.left(self._deadline) > self._WORTH_TELLING
        if tell:
            counting = deadlines.counting(self._deadline)
            self.instance.send(link.Sleeping(waiting="sleeps", until=self._deadline.at, counting=counting))
        while (frame := self.instance.frame_for(self)) is not None:
            if not isinstance(frame, link.Durable):
                self.instance.refuse(frame)
        if tell:
            self.instance.send(link.Sleeping(waiting=""))


class Publish(Effect):
    """Hands an output to the hub; waits first while too many of them are not durable yet."""

    name = "publish"

    def __init__(
        self, instance: Instance, *, topic: str, payload: bytes, qos: int, retain: bool, immediate: bool
    ) -> None:
        super().__init__(instance)
        self._fields = {"topic": topic, "payload": payload, "qos": qos, "retain": retain, "immediate": immediate}

    def state(self) -> dict[str, Any]:
        """Returns its arguments: nothing is sent before there is room."""
        return self._fields

    def run(self) -> None:
        """Returns when the hub has it; that is not when it has left."""
        while self.instance.progress.sequence - self.instance.progress.durable >= limits.OUTBOX:
            frame = self.instance.frame_for(self)
            if not isinstance(frame, link.Durable):
                self.instance.refuse(frame)
        self.instance.progress.sequence += 1
        self.instance.send(link.Publish(sequence=self.instance.progress.sequence, **self._fields))  # type: ignore[arg-type]


class Checkpoint(Effect):
    """Asks for a checkpoint and waits until it is durable."""

    name = "checkpoint"
    waits_for_checkpoint = True

    def __init__(self, instance: Instance, *, restored: bool = False) -> None:
        super().__init__(instance)
        self._number: int | None = None
        self._error: MidstreamError | None = None
        self._restored = restored

    @classmethod
    def taken_up(cls, instance: Instance, state: dict[str, Any]) -> Self:
        """Returns the effect of a function that goes on from the very checkpoint it asked for."""
        return super().taken_up(instance, {**state, "restored": True})

    def remaining(self) -> float | None:
        """Nothing once it is known that there will be no checkpoint."""
        return None if self._error is None else 0.0

    def captured(self, number: int) -> None:
        """Notes for which confirmation to wait."""
        self._number = number

    def not_captured(self, error: MidstreamError) -> None:
        """Notes why there will be none."""
        self._error = error

    def run(self) -> str:
        """Returns the checkpoint's id; at once where the function goes on from it: then it is durable."""
        if self._restored:
            return self.instance.checkpoint
        self.instance.send(link.Checkpoint())
        while True:
            match self.instance.frame_for(self):
                case link.Durable(number=number, checkpoint=checkpoint):
                    if self._number is not None and number >= self._number:
                        return checkpoint
                case None:
                    pass
                case frame:
                    self.instance.refuse(frame)
            if self._error is not None:
                raise self._error

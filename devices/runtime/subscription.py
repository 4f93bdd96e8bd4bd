"""A subscription: a mailbox that goes with the function."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self

from devices import errors
from devices.errors import UsageError
from devices.protocol import durations, link, topics
from devices.runtime import deadline
from devices.runtime.effects import Effect, Next, Where
from devices.runtime.instance import Instance, running
from devices.runtime.message import Message

Keep = Literal["all", "latest"]


class Subscription:
    """What `ctx.subscribe` returns: it misses nothing from then on, wherever the function goes.

    Iterate over it (``for message in subscription:`` waits for each message), ask for `next`, look at `latest`, ask
    whether a message belongs to it (``message in subscription``), or use it as ``with ctx.subscribe(...) as s:``, from
    here to there: at the end it is closed and what is unread is dropped.
    """

    __slots__ = ("_filters", "_keep", "_number", "_open")

    def __init__(self, number: int, filters: tuple[str, ...], keep: Keep = "all", *, is_open: bool = True) -> None:
        self._number = number
        self._filters = filters
        self._keep = keep
        self._open = is_open

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters, as they were written."""
        return self._filters

    @property
    def keep(self) -> Keep:
        """``"all"``, or ``"latest"``: only the newest unread message of each topic."""
        return self._keep

    @property
    def latest(self) -> Message | None:
        """The newest message heard, read or not; ``None`` before the first. It stays unread if it was."""
        instance = running()
        with instance.attention:
            instance.send(link.Latest(subscription=self._checked()))
            frame = instance.answer()
            if not isinstance(frame, link.Newest):
                instance.refuse(frame)
            return None if frame.message is None else instance.message(frame.message)

    def next(
        self,
        timeout: str | float | timedelta | None = None,
        *,
        until: str | datetime | None = None,
        where: Where | None = None,
    ) -> Message | None:
        """Waits for the oldest unread message of this subscription.

        Args:
            timeout: how long to listen: ``"6m"``, seconds, a timedelta; ``None``: for ever. Time in which the function
                was not running, or its hub was cut off, does not count.
            until: a time of day (``"07:00"``) or an aware datetime at which the wait ends, by the clock.
            where: a function of a message that tells whether it matters; those that do not are read and dropped, and
                the time goes on.

        Returns:
            The message; ``None``: the time is up and nothing unread is left.

        Raises:
            UsageError: a duration or time that is none; or the subscription is closed.
        """
        return wait_for_message([self._checked()], timeout, until, where)

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        message = wait_for_message([self._checked()], None, None, None)
        assert message is not None, "a wait without end ends with a message"
        return message

    def __contains__(self, message: object) -> bool:
        return isinstance(message, Message) and any(topics.matches(known, message.topic) for known in self._filters)

    def __enter__(self) -> Self:
        self._checked()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        instance = running()
        with instance.attention:
            if self._open:
                self._open = False
                instance.closed(self._number)
                instance.send(link.Unsubscribe(subscription=self._number))

    def __repr__(self) -> str:
        return f"<Subscription to {', '.join(self._filters)}{'' if self._open else ', closed'}>"

    def _checked(self) -> int:
        if not self._open:
            raise UsageError(
                f"the subscription to {', '.join(self._filters)} is closed",
                remedy="use it inside of its 'with', or subscribe without one",
            )
        return self._number

    def state(self) -> tuple[Any, ...]:
        """Returns what `restored` takes: how a subscription travels."""
        return self._number, self._filters, self._keep, self._open

    @classmethod
    def restored(cls, state: tuple[int, tuple[str, ...], Keep, bool]) -> Self:
        """Returns the subscription that gave this `state`."""
        number, filters, keep, is_open = state
        return cls(number, filters, keep, is_open=is_open)


class Subscribe(Effect):
    """Opens a subscription and waits until the broker has granted it."""

    name = "subscribe"

    def __init__(
        self, instance: Instance, *, filters: tuple[str, ...], keep: Keep, retained: bool, number: int | None = None
    ) -> None:
        super().__init__(instance)
        self._filters = filters
        self._keep = keep
        self._retained = retained
        self._number = instance.number_of_new_subscription() if number is None else number

    def state(self) -> dict[str, Any]:
        """Returns its arguments, with the number: the hub may have the subscription already."""
        return {"filters": self._filters, "keep": self._keep, "retained": self._retained, "number": self._number}

    def run(self) -> Subscription:
        """Returns the open subscription.

        Raises:
            MidstreamError: the broker refused it.
        """
        self.instance.opened(self._number, self._filters)
        self.instance.send(
            link.Subscribe(
                subscription=self._number,
                filters=list(self._filters),
                latest_only=self._keep == "latest",
                retained=self._retained,
            )
        )
        while True:
            match self.instance.frame_for(self):
                case link.Subscribed(subscription=self._number, error=None):
                    return Subscription(self._number, self._filters, self._keep)
                case link.Subscribed(subscription=self._number, error=error):
                    self.instance.closed(self._number)
                    raise errors.from_wire(error)
                case link.Durable() | None:
                    pass
                case frame:
                    self.instance.refuse(frame)


def wait_for_message(
    subscriptions: list[int],
    timeout: str | float | timedelta | None,
    until: str | datetime | None,
    where: Where | None,
) -> Message | None:
    """Waits for a message of these subscriptions (all, if empty); arguments as for `Subscription.next`."""
    instance = running()
    with instance.attention:
        return Next(
            instance,
            subscriptions=subscriptions,
            topics=", ".join(instance.filters_of(subscriptions)),
            where=where,
            timeout=None if timeout is None else durations.seconds(timeout),
            deadline=None if until is None else deadline.until(until, instance.zone, instance.catch_up),
        ).run()

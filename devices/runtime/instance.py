"""The running function as its own process knows it: who it is, and its conversation with the hub agent."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final, NoReturn, Protocol

from devices.errors import UsageError
from devices.protocol import link, topics
from devices.runtime import clock
from devices.runtime.attention import Attention
from devices.runtime.captures import Captures, Progress, Wait
from devices.runtime.channel import Channel, leave
from devices.runtime.hatch import Hatch
from devices.runtime.message import Message
from devices.runtime.python.engine import Execution

_LOOK_AT_THE_CLOCK: Final = 10.0
"""Seconds after which a wait computes anew how long it is: somebody, or NTP, may have set the clock."""


class TimedWait(Wait, Protocol):
    """An effect that may end by itself."""

    def remaining(self) -> float | None:
        """Seconds until it does; ``None``: never."""


class Instance:
    """One function's execution in this process.

    Args:
        begin: what the hub said.
        channel: to the hub.
        hatch: the way of large images.
        attention: held while anything of this is called.
        execution: the engine's.
        packages: that the function's files import, and their versions.

    Raises:
        ConfigurationError: the site's time zone is not known here.
    """

    def __init__(  # noqa: PLR0917
        self,
        begin: link.Begin,
        channel: Channel,
        hatch: Hatch,
        attention: Attention,
        execution: Execution,
        packages: dict[str, str],
    ) -> None:
        self.name = begin.instance
        self.hub = begin.hub
        self.checkpoint = begin.checkpoint
        self.zone = clock.zone_of(begin.timezone)
        self.catch_up = begin.catch_up
        self.attention = attention
        self.progress = Progress(sequence=begin.sequence, durable=begin.sequence, delivered=begin.delivered)
        self.captures = Captures(channel, hatch, attention, execution, self.progress, packages)
        self._channel = channel
        self._subscriptions = {number: tuple(filters) for number, filters in begin.subscriptions.items()}
        self._numbered = max(self._subscriptions, default=0)

    def now(self) -> datetime:
        """Returns the present time in the site's zone."""
        return datetime.fromtimestamp(clock.wall(), self.zone)

    def listening(self) -> float:
        """Returns seconds of a clock that stands still while the function is held."""
        return clock.steady() - self.progress.held

    def send(self, frame: link.Frame) -> None:
        """Sends a frame to the hub."""
        self._channel.send(frame)

    def number_of_new_subscription(self) -> int:
        """Returns a number that no open subscription has."""
        self._numbered += 1
        return self._numbered

    def opened(self, number: int, filters: tuple[str, ...]) -> None:
        """Notes an open subscription: its filters name the segments of the topics that come."""
        self._subscriptions[number] = filters

    def closed(self, number: int) -> None:
        """Forgets a subscription."""
        self._subscriptions.pop(number, None)

    def filters_of(self, numbers: list[int]) -> list[str]:
        """Returns the filters of these subscriptions (all, if empty), for people."""
        return [
            text for number in numbers or sorted(self._subscriptions) for text in self._subscriptions.get(number, ())
        ]

    def frame_for(self, wait: TimedWait) -> link.ToWorker | None:
        """Returns the next frame that is this effect's business; ``None``: its time is up.

        Captures are answered on the way, confirmations noted (and returned too, for whoever waits for one).
        """
        while True:
            self.captures.take(wait, nested=self.attention.nested)
            left = wait.remaining()
            waits = [seconds for seconds in (left, self.captures.time_left()) if seconds is not None]
            frame = self._channel.receive(min([*waits, _LOOK_AT_THE_CLOCK]) if waits else None)
            match frame:
                case link.Capture():
                    self.captures.ask(frame)
                case link.Durable():
                    self.captures.durable(frame)
                    return frame
                case None:
                    if left is not None and (wait.remaining() or 0.0) <= 0.0:
                        return None
                case _:
                    return frame

    def answer(self) -> link.ToWorker:
        """Returns the next frame that answers a question which is answered at once; captures wait meanwhile."""
        while True:
            frame = self._channel.receive()
            match frame:
                case link.Capture():
                    self.captures.ask(frame)
                case link.Durable():
                    self.captures.durable(frame)
                case None:
                    raise AssertionError("a wait without a time-out ends with a frame")
                case _:
                    return frame

    def look(self) -> None:
        """Takes what has arrived while the function computes."""
        while (frame := self._channel.receive(0)) is not None:
            match frame:
                case link.Capture():
                    self.captures.ask(frame)
                case link.Durable():
                    self.captures.durable(frame)
                case _:
                    self.refuse(frame)
        self.captures.run_on()

    def refuse(self, frame: link.ToWorker | None) -> NoReturn:
        """Ends the process: the hub sent what nobody asked for."""
        leave(f"the hub agent sent {type(frame).__name__} at a time when nobody waits for it")

    def delivery(self, frame: link.Deliver) -> Message:
        """Returns a delivered message, counted; ends the process if the hub counts otherwise."""
        if frame.number != self.progress.delivered + 1:
            leave(f"the hub agent delivered message {frame.number} behind message {self.progress.delivered}")
        self.progress.delivered = frame.number
        return self.message(frame)

    def message(self, frame: link.Deliver) -> Message:
        """Returns a message as the function sees it."""
        params: dict[str, str] = {}
        for topic_filter in self._subscriptions.get(frame.subscription, ()):
            if "{" in topic_filter and topics.matches(topic_filter, frame.topic):
                params = topics.segments(topic_filter, frame.topic)
                break
        return Message(
            topic=frame.topic,
            payload=frame.payload,
            time=datetime.fromtimestamp(frame.at, self.zone),
            params=params,
            retained=frame.retain,
            qos=frame.qos,
        )


_running: Instance | None = None
_thread = 0


def run(instance: Instance | None) -> None:
    """Makes this instance the one of this process, and of the thread that calls; its function may use `ctx`."""
    global _running, _thread  # one process, one function: that is what `ctx` means
    _running, _thread = instance, threading.get_ident()


def running() -> Instance:
    """Returns the instance of this process.

    Raises:
        UsageError: there is none: ``ctx`` was used while its file was imported, or outside of Midstream; or it is used
            in another thread than the function's.
    """
    if _running is None:
        raise UsageError(
            "ctx works inside of a running @function only",
            remedy="start the function with 'midstream run FILE', and use ctx in its body, not at the top of the file",
        )
    if _thread != threading.get_ident():
        raise UsageError(
            "ctx was used in a thread that the function has started",
            remedy="use ctx in the function itself: a running thread cannot travel",
        )
    return _running


def is_running() -> bool:
    """Tells whether this is the thread of a running function."""
    return _running is not None and _thread == threading.get_ident()

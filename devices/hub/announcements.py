"""What an instance shows of itself: state, hub, log, result; on its own connection, so that nobody else can.

The state is retained and small. It is told on change, at most once a second: a broker on an SD card writes each retained
change. A change of the state's name is told at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec

from devices.hub.instance import Instance
from devices.hub.instance_session import InstanceSession
from devices.hub.last_word import recent_lines
from devices.hub.lifecycle import ENDED
from devices.hub.moment import now
from devices.protocol import limits, link, messages
from devices.protocol.messages import InstanceState
from devices.runtime import clock
from devices.runtime.deadline import outlook_of

_PERIOD: Final = 1.0  # seconds between two tellings of the same state
_VALUES: Final = 8 * limits.KIB  # bytes of what a function shows in `ctx.status`


class Announcements:
    """What is told about one instance.

    Args:
        instance: which.
        session: its connection.

    Attributes:
        lines: the newest of its log.
    """

    def __init__(self, instance: Instance, session: InstanceSession) -> None:
        self._instance = instance
        self._session = session
        self._status = link.Status()
        self._line = instance.header.place.line if instance.header.place else ""
        self.lines = recent_lines()
        self._zone = clock.zone_or_utc(str(instance.header.function.settings.get("timezone", "UTC")))
        self._told: bytes = b""
        self._told_state = ""

    async def keep_telling(self) -> None:
        """Tells changes until cancelled."""
        instance, last = self._instance, 0.0
        while True:
            await instance.changed.wait()
            wait = last + _PERIOD - time.monotonic()
            if wait > 0 and instance.state == self._told_state:
                instance.changed.clear()
                await _wait_until(lambda: instance.state != self._told_state, instance.changed, wait)
            instance.changed.clear()
            self.tell()
            last = time.monotonic()

    def tell(self) -> None:
        """Tells the state now, if it is another one."""
        instance, hub = self._instance, self._instance.hub
        state = messages.encode(self.state())
        if state == self._told:
            return
        if not self._session.publish(hub.topics.instance(instance.name, "state"), state, retain=True):
            return  # told when there is a connection again
        if not self._told:
            self._session.publish(hub.topics.instance(instance.name, "hub"), hub.name.encode(), retain=True)
        self._told, self._told_state = state, instance.state

    def forget_told(self) -> None:
        """Has the state told again: the broker may have lost it."""
        self._told, self._told_state = b"", ""
        self._instance.changed.set()

    def state(self) -> InstanceState:
        """Returns the present state."""
        instance, mailbox = self._instance, self._instance.mailbox
        return InstanceState(
            state=instance.state,
            function=instance.header.function.name,
            hub=instance.hub.name,
            epoch=instance.epoch,
            line=self._line,
            waiting=self._waiting(),
            text=self._status.text or "",
            progress=self._status.progress,
            values=self._status.values,
            lag=mailbox.unread,
            dropped=mailbox.dropped,
            input_qos=mailbox.input_qos,
            checkpoint=instance.durable,
            withheld=instance.outbox.withheld,
            reason=instance.reason,
            since=instance.since,
        )

    def _waiting(self) -> str:
        """For what it waits until when; where nothing runs, what will happen when it does."""
        instance, feed = self._instance, self._instance.feed
        if instance.worker is None:
            return "" if instance.state in ENDED else outlook_of(instance.header)
        if not feed.waiting or feed.until is None:
            return feed.waiting
        return f"{feed.waiting} until {clock.shown(feed.until, self._zone)}"

    def at(self, line: str) -> None:
        """Notes where the function is."""
        self._line = line
        self._instance.changed.set()

    def status(self, frame: link.Status) -> None:
        """Notes what the function says about itself."""
        if len(msgspec.json.encode(frame.values)) > _VALUES:
            frame = link.Status(text=f"{frame.text or ''} (its values are too large to show)", progress=frame.progress)
        text = frame.text if frame.text is None else frame.text[: limits.LOG_LINE]
        self._status = link.Status(text=text, progress=frame.progress, values=frame.values)
        self._instance.changed.set()

    def log(self, level: str, text: str) -> None:
        """Tells a line that the function printed."""
        instance, hub = self._instance, self._instance.hub
        line = {"at": now(), "level": level, "text": text[: limits.LOG_LINE], "hub": hub.name}
        self.lines.append(line)
        self._session.publish(hub.topics.instance(instance.name, "log"), msgspec.json.encode(line), qos=0)

    def result(self, result: bytes) -> None:
        """Tells what the function returned, as JSON."""
        self._session.publish(self._instance.hub.topics.instance(self._instance.name, "result"), result, retain=True)


async def _wait_until(condition: Callable[[], bool], changed: asyncio.Event, seconds: float) -> None:
    """Returns when the condition holds after a change, or after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await changed.wait()
                changed.clear()
    except TimeoutError:
        return

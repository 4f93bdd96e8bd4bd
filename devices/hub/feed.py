"""Hands messages to a function, one when it asks for one, and none where that would blur a checkpoint's cut.

Between the request for a checkpoint and its answer nothing is delivered, so that what the state has had is what the
mailbox has handed out (`docs/protocol.md`, rule 16). While a function is held nothing at all is sent to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from devices.hub.mailbox import Mailbox
from devices.hub.workers import Worker
from devices.protocol import link
from devices.protocol.checkpoint import Arrival


class Feed:
    """One function's supply.

    Args:
        mailbox: its inputs.

    Attributes:
        waiting: what the function waits for, in words; empty if it does not.
        until: when that wait ends by itself, in seconds since 1970.
        waits: how many waits have begun; another number than at a checkpoint: the function has run since.
        counting: the seconds that were left of it at its beginning, if they pass only while the function runs.
        on_read: called after each message that was handed out.
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self.waiting = ""
        self.until: float | None = None
        self.counting: float | None = None
        self.waits = 0
        self.on_read: Callable[[], None] = lambda: None
        self._mailbox = mailbox
        self._worker: Worker | None = None
        self._pull: link.Pull | None = None
        self._stopped = False
        self._unpull_postponed = False
        self._deaf = 0.0
        self._deaf_since: float | None = time.monotonic()
        self._deaf_at_pull = 0.0

    def attach(self, worker: Worker | None) -> None:
        """Serves another process of the function, or none."""
        self._worker, self._pull = worker, None
        self._stopped = self._unpull_postponed = False
        self._waits_no_more()

    def _waits_no_more(self) -> None:
        self.waiting, self.until, self.counting = "", None, None

    @property
    def idle(self) -> bool:
        """Whether the function waits, for a message or a time."""
        return bool(self._pull or self.waiting)

    @property
    def pulls(self) -> bool:
        """Whether the function waits for a message."""
        return self._pull is not None

    # What the function asks -------------------------------------------------------------------------------------------

    def pull(self, frame: link.Pull) -> None:
        """Notes that the function wants a message, and hands it out if there is one."""
        self._pull = frame
        self.waits += 1
        self._deaf_at_pull = self._deaf_for()
        self.pump()
        if self._pull is not None:
            self.waiting, self.until, self.counting = frame.waiting or "a message", frame.until, frame.counting

    def unpull(self) -> None:
        """Takes the pull back: a message that is there goes out first."""
        if self._stopped:
            self._unpull_postponed = True
            return
        self.pump()
        self._pull = None
        self._waits_no_more()
        self._send(link.Unpulled(deaf=self.deaf()))

    def sleeping(self, frame: link.Sleeping) -> None:
        """Notes that the function waits for a time."""
        self.waiting, self.until, self.counting = frame.waiting, frame.until, frame.counting
        self.waits += bool(frame.waiting)

    def latest(self, frame: link.Latest) -> None:
        """Answers with the newest message of a subscription."""
        newest = self._mailbox.newest(frame.subscription)
        message = None if newest is None else _deliver(self._mailbox.delivered, newest, frame.subscription)
        self._send(link.Newest(message=message))

    def pump(self) -> None:
        """Hands out a message if the function waits for one and there is one."""
        if self._pull is None or self._stopped or self._worker is None:
            return
        pulled = self._mailbox.pull(self._pull.subscriptions)
        if pulled is None:
            return
        self._pull = None
        self._waits_no_more()
        self._send(_deliver(*pulled))
        self.on_read()

    def _send(self, frame: link.ToWorker) -> None:
        if self._worker is not None:
            self._worker.send(frame)

    # The cut ----------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Hands out nothing from here on: a checkpoint is being taken, or the function is held."""
        self._stopped = True

    def go_on(self) -> None:
        """Hands out again."""
        self._stopped = False
        if self._unpull_postponed:
            self._unpull_postponed = False
            self.unpull()
        else:
            self.pump()

    # Silence that is no evidence --------------------------------------------------------------------------------------

    def hears(self, hears: bool) -> None:
        """Notes whether what is published now would arrive: a function's time-out does not run while it does not."""
        self._deaf = self._deaf_for()
        self._deaf_since = None if hears else time.monotonic()

    def deaf(self) -> float:
        """Returns for how many seconds of this pull the function was deaf, beyond those that this has returned before."""
        before, self._deaf_at_pull = self._deaf_at_pull, self._deaf_for()
        return self._deaf_at_pull - before

    def _deaf_for(self) -> float:
        return self._deaf + (0.0 if self._deaf_since is None else time.monotonic() - self._deaf_since)


def _deliver(number: int, arrival: Arrival, subscription: int) -> link.Deliver:
    return link.Deliver(
        number=number,
        arrival=arrival.number,
        subscription=subscription,
        topic=arrival.topic,
        payload=arrival.payload,
        qos=arrival.qos,
        retain=arrival.retain,
        at=arrival.at,
    )

"""The function's process: how it begins, what it asks, and how it is set back to its newest checkpoint when it dies."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devices.errors import MidstreamError, RestoreError, from_wire
from devices.hub import ending
from devices.hub.announcements import Announcements
from devices.hub.backoff import Backoff
from devices.hub.captures import Captures
from devices.hub.ending import End
from devices.hub.instance import Instance
from devices.hub.instance_session import InstanceSession
from devices.hub.subscriptions import Subscriptions
from devices.hub.tasks import Tasks
from devices.hub.workers import Worker
from devices.protocol import checkpoint as blobs
from devices.protocol import link
from devices.protocol.checkpoint import Output

STARTING: Final = 30.0
"""Seconds that a worker may take from `Begin` to the function's first statement."""
RESTARTS: Final = 8
"""Times in a row that a function whose process dies is set back to its newest checkpoint; then it has failed."""
_STEADY: Final = 60.0
"""Seconds that a process must have lived for its death not to count as one in a row."""
_LONGEST_PAUSE: Final = 30.0  # seconds between a death and the next try
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Began:
    """How a function began: ms until its worker was told, of decoding there, and until its first statement."""

    start_ms: float
    decode_ms: float
    resume_ms: float
    line: str


class Process:
    """The processes of one instance here, one after the other.

    Args:
        instance: whose.
        session: its connection.
        captures: its checkpoints.
        announcements: what is told of it.
        subscriptions: its subscriptions.
        tasks: its tasks.
        on_end: called when the function has ended for good.
        on_stopped: called when the function's lease has run out.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        session: InstanceSession,
        captures: Captures,
        announcements: Announcements,
        subscriptions: Subscriptions,
        tasks: Tasks,
        on_end: Callable[[End], None],
        on_stopped: Callable[[], None],
    ) -> None:
        self._instance = instance
        self._session = session
        self._captures = captures
        self._announcements = announcements
        self._subscriptions = subscriptions
        self._tasks = tasks
        self._on_function_end = on_end
        self._on_stopped = on_stopped
        self._started: asyncio.Future[link.Started] | None = None
        self._deaths = Backoff(_LONGEST_PAUSE)
        self._began_at = 0.0
        self._set_back_why = ""

    # Beginning --------------------------------------------------------------------------------------------------------

    async def begin(self, worker: Worker, image: bytes | None) -> Began:
        """Has a worker start the function, or go on from an image.

        Args:
            worker: with the function's code loaded.
            image: of the checkpoint whose header the instance has; ``None``: it starts from the beginning.

        Raises:
            MidstreamError: it did not begin; the worker is gone.
        """
        instance, header, asked = self._instance, self._instance.header, time.monotonic()
        self._started = started = asyncio.get_running_loop().create_future()
        instance.worker = worker
        instance.feed.attach(worker)
        worker.on_frame, worker.on_end = self._on_frame, lambda words: self._on_process_end(worker, words)
        worker.on_stopped = self._on_stopped
        instance.hub.lease.cover(worker, instance.settings)
        worker.send(
            link.Begin(
                instance=instance.name,
                checkpoint=header.checkpoint,
                hub=instance.hub.name,
                epoch=instance.epoch,
                timezone=str(header.function.settings.get("timezone", "UTC")),
                function=header.function.name,
                arguments=header.function.arguments,
                occasion=header.function.occasion,
                image=image,
                sequence=instance.outbox.sequence,
                delivered=instance.mailbox.delivered,
                subscriptions=instance.mailbox.subscriptions,
                catch_up=instance.settings.catch_up,
            )
        )
        sent = time.monotonic()
        try:
            async with asyncio.timeout(STARTING):
                frame = await started
        except TimeoutError:
            raise RestoreError(f"{instance.name} did not begin within {STARTING:.0f} s") from None
        finally:
            self._started = None
            if not started.done() or started.cancelled() or started.exception():
                self.end()
        self._began_at = time.monotonic()
        line = header.place.line if header.place is not None else ""
        self._announcements.at(line)
        resume = (self._began_at - sent) * 1000 - frame.decode_ms
        return Began((sent - asked) * 1000, frame.decode_ms, max(0.0, resume), line)

    async def begin_again(self) -> Began:
        """Has a new process go on from the newest checkpoint that this hub keeps, under the same claim.

        Raises:
            MidstreamError: it cannot.
        """
        instance = self._instance
        async with self._captures.one_at_a_time:  # one that is being kept is the newest
            header = instance.header
            blob = await asyncio.to_thread(instance.spool.read, header.checkpoint)
            if blob is None:
                raise RestoreError(f"checkpoint {header.checkpoint} is not in the spool")
            checkpoint = blobs.decode(blob)
            worker = await instance.hub.workers.loaded(header.function)
            instance.mailbox.roll_back(header.mailbox)
            instance.outbox.roll_back(header.sequence)
            return await self.begin(worker, checkpoint.image if header.image else None)

    def end(self) -> None:
        """Kills the process, if there is one."""
        worker, self._instance.worker = self._instance.worker, None
        self._instance.feed.attach(None)
        if worker is not None:
            worker.close()
        self._captures.give_up(MidstreamError("the function's process ended"))

    # What it asks -----------------------------------------------------------------------------------------------------

    def _on_frame(self, frame: link.ToHub) -> None:
        instance = self._instance
        match frame:
            case link.Pull():
                instance.feed.pull(frame)
                instance.changed.set()
            case link.Publish():
                self._publish(frame)
            case link.Captured():
                self._captures.captured(frame)
                self._announcements.at(frame.line)
            case link.NotCaptured():
                self._captures.not_captured(frame)
            case link.Unpull():
                instance.feed.unpull()
            case link.Latest():
                instance.feed.latest(frame)
            case link.Subscribe():
                self._tasks.start(self._subscribe(frame), f"subscribe {frame.subscription}")
            case link.Unsubscribe():
                instance.mailbox.unsubscribe(frame.subscription)
            case link.Sleeping():
                instance.feed.sleeping(frame)
                instance.changed.set()
            case link.Status():
                self._announcements.status(frame)
            case link.Log():
                self._announcements.log(frame.level, frame.text)
            case link.Checkpoint():
                self._captures.make_due()
            case link.Started() | link.Ready():
                self._begun(frame)
            case link.Returned():
                self._on_function_end(ending.returned(instance, frame))
            case link.Raised():
                self._on_function_end(ending.raised(instance, frame))

    def _begun(self, frame: link.Started | link.Ready) -> None:
        if self._started is None or self._started.done():
            return
        if isinstance(frame, link.Started):
            self._instance.until = ""
            self._instance.become("running", self._set_back_why)  # here: the next frame may be the function's end
            self._started.set_result(frame)
        elif frame.error:
            self._started.set_exception(from_wire(frame.error))

    def _publish(self, frame: link.Publish) -> None:
        instance = self._instance
        output = Output(
            sequence=frame.sequence,
            topic=frame.topic,
            payload=frame.payload,
            qos=frame.qos,
            retain=frame.retain,
            epoch=instance.epoch,
        )
        instance.outbox.made(output, immediate=frame.immediate)
        if frame.immediate:
            self._session.let_go()
        else:
            self._captures.make_due()

    async def _subscribe(self, frame: link.Subscribe) -> None:
        worker = self._instance.worker
        answer = await self._subscriptions.open(frame)
        if worker is not None and worker is self._instance.worker:
            worker.send(answer)

    # Deaths -----------------------------------------------------------------------------------------------------------

    def _on_process_end(self, worker: Worker, words: str) -> None:
        instance = self._instance
        if instance.worker is not worker:
            return
        self.end()
        if self._started is not None and not self._started.done():
            self._started.set_exception(RestoreError(f"{instance.name} did not begin: {words}"))
        elif instance.state == "running":
            self._tasks.start(self.set_back(words), "set back")

    async def set_back(self, why: str) -> None:
        """Takes the newest checkpoint up again, after a pause that grows; fails after some deaths in a row.

        Args:
            why: how the process ended.
        """
        instance = self._instance
        if time.monotonic() - self._began_at > _STEADY:
            self._deaths.reset()
        instance.become("restarting", why)
        _log.warning("%s: %s", instance.name, why)
        while self._is_set_back():
            if self._deaths.tries >= RESTARTS:
                instance.outbox.roll_back(instance.outbox.covered)  # the state that made the rest is gone
                self._on_function_end(ending.died(instance, why))
                return
            await self._deaths.wait()
            if not self._is_set_back():
                return
            self._set_back_why = f"set back to checkpoint {instance.header.checkpoint}: {why}"
            try:
                await self.begin_again()
            except MidstreamError as error:
                why = error.message
                instance.complain(error)

    def _is_set_back(self) -> bool:
        return self._instance.state == "restarting"

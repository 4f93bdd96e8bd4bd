"""An instance's checkpoints, from the request to durability.

One is taken at a time; requests meanwhile are served by the next one. A checkpoint is in the spool before anybody is
told of it, and durable when the function's policy says so: at the coordinator's `Stored`, or at the spool's fsync. Then
what it covers is acknowledged and leaves (`docs/protocol.md`, rules 8 to 10 and 17).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from devices.errors import DamagedError, MidstreamError, ProtocolError, RefusedError, from_wire
from devices.hub import checkpoints
from devices.hub.backoff import Backoff
from devices.hub.checkpoints import Cut, Made
from devices.hub.instance import Instance
from devices.hub.instance_session import InstanceSession
from devices.hub.spool import make_ready
from devices.protocol import checkpoint as blobs
from devices.protocol import limits, link
from devices.protocol.answers import Captured
from devices.protocol.checkpoint import Header

_ANSWERS: Final = 5.0
"""Seconds beyond the limit of a stop within which a worker answers in any case; after them it is taken for hung."""
_COUNTED: Final = 0.1
"""The part of a wait that counts only while the function runs (`timeout=`, ``catch_up="continue"``) which a sudden death may
set back, at most: a checkpoint for each period of a sleep of hours would wear out an SD card for nothing."""
_SUSPENDED: Final = 600.0
"""Seconds between two checkpoints of a suspended function for no more than its messages, each of which has all of them."""
_LONGEST_PAUSE: Final = 30.0  # seconds between two tries of a checkpoint for which there is no room
_log = logging.getLogger(__name__)


class NotKeptError(MidstreamError):
    """The spool's disk is full, or broken."""

    slug = "not-kept"


@dataclass(slots=True, kw_only=True)
class Taken:
    """A checkpoint on its way to durability.

    Attributes:
        cut: what it covers.
        made: its bytes.
        told: what the coordinator was told.
        durable: set when it is, or when it is given up.
        stored: set when the coordinator has it, or when it is given up.
        given_up: the coordinator will never take it: it was made under an epoch that is over.
    """

    cut: Cut
    made: Made
    told: Captured
    durable: asyncio.Event = field(default_factory=asyncio.Event)
    stored: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: bool = False

    @property
    def id(self) -> str:
        """The checkpoint's id."""
        return self.made.header.checkpoint


class Captures:
    """The checkpoints of one instance.

    Args:
        instance: whose.
        session: its connection.
    """

    def __init__(self, instance: Instance, session: InstanceSession) -> None:
        self._instance = instance
        self._session = session
        self.one_at_a_time = asyncio.Lock()
        self._number = 0
        self._answer: asyncio.Future[Cut] | None = None
        self._abandoned: set[int] = set()
        self._held_for = ""
        self._pending: dict[str, Taken] = {}
        self._base: Header | None = (
            None  # while ahead of the store: the parent of what is made, each replacing the last
        )
        self._in_turn = False  # whether the coordinator gets them one after the other, see `Ahead`
        self._due = asyncio.Event()
        self._refused = Backoff(_LONGEST_PAUSE)
        self._complaint = ""  # the reason that is shown because the last one was not taken
        self._taken_at = self._kept_at = time.monotonic()
        self._waits_at_cut = self._waits_kept = 0
        self.on_durable: Callable[[], None] = lambda: None

    # Taking -----------------------------------------------------------------------------------------------------------

    async def take(self, reason: str, *, hold: bool = False, move: str = "", command: str = "") -> Taken:
        """Takes a checkpoint, puts it into the spool and sends it to the coordinator.

        Args:
            reason: why, for the lineage.
            hold: whether the function stands still behind it until the verdict.
            move: with hold: for which move; from the cut on, QoS 0 messages are kept for the next hub too.
            command: id of the command that this answers.

        Raises:
            MidstreamError: the state cannot be read (the reason is the function's), or not be kept. The function goes
                on, unless its process is gone.
        """
        async with self.one_at_a_time:
            if not hold and not self._instance.steady.is_set():
                raise RefusedError(f"{self._instance.name} is {self._instance.state}", remedy="try again in a moment")
            self._due.clear()
            self._taken_at = time.monotonic()
            began = time.monotonic()
            cut = await self._cut(hold=hold, move=move)
            try:
                await self._complete(cut)
                return await self._keep(cut, reason, began, held=hold, move=move, command=command)
            except OSError as error:
                if hold:
                    self.go_on(cut)
                raise NotKeptError(
                    f"the spool takes no checkpoint: {error.strerror}",
                    place=str(self._instance.spool.folder),
                    remedy="make room on that disk",
                ) from error
            except MidstreamError:
                if hold:
                    self.go_on(cut)
                raise

    async def _cut(self, *, hold: bool, move: str) -> Cut:
        instance = self._instance
        self._number += 1
        self._held_for = move if hold else ""
        if instance.worker is None:
            if not self._stood_still():
                raise MidstreamError("the function's process ended")  # what it had since then would count as had
            if move:
                instance.mailbox.begin_late()
            return self._snapshot(None)
        self._answer = asyncio.get_running_loop().create_future()
        instance.feed.stop()
        deaf = instance.feed.deaf() if instance.feed.pulls else 0.0
        instance.worker.capture(link.Capture(number=self._number, hold=hold, limit=instance.hub.stop_within, deaf=deaf))
        answers_within = instance.hub.stop_within + _ANSWERS
        try:
            async with asyncio.timeout(answers_within):
                return await self._answer
        except TimeoutError:
            if hold:
                self._abandoned.add(self._number)
            raise MidstreamError(
                f"{instance.name} did not answer a request for a checkpoint within {answers_within:.0f} s",
                remedy="it is in a call that does not return; stop the instance, or wait",
            ) from None
        finally:
            held = self._answer.done() and not self._answer.cancelled() and not self._answer.exception() and hold
            self._answer = None
            if not held:
                instance.feed.go_on()

    def _stood_still(self) -> bool:
        """Tells whether the image of the newest checkpoint is the state of now: nothing was taken or given since."""
        instance, kept = self._instance, self._instance.header
        return (instance.mailbox.delivered, instance.outbox.sequence) == (kept.mailbox.delivered, kept.sequence)

    async def _complete(self, cut: Cut) -> None:
        """Waits for the image of a function that goes on, if it is made beside it."""
        frame, worker = cut.frame, self._instance.worker
        if frame is None or frame.image:
            return
        if worker is None:
            raise MidstreamError("the function's process ended")
        began = time.monotonic()
        encoded = await worker.image(frame.number, limits.ENCODING + _ANSWERS)
        frame.image, frame.encode_ms = encoded.image, (time.monotonic() - began) * 1000

    def _snapshot(self, frame: link.Captured | None) -> Cut:
        instance = self._instance
        self._waits_at_cut = instance.feed.waits
        return Cut(
            number=self._number,
            frame=frame,
            mailbox=instance.mailbox.snapshot(),
            consumed=instance.mailbox.consumed(),
            outputs=instance.outbox.snapshot(),
            sequence=instance.outbox.sequence,
        )

    def captured(self, frame: link.Captured) -> None:
        """Takes the worker's answer; the hub's side is read in this very step.

        Raises:
            ProtocolError: the worker counts otherwise than the hub.
        """
        instance = self._instance
        if frame.number != self._number or self._answer is None or self._answer.done():
            if frame.number in self._abandoned and instance.worker is not None:
                instance.worker.send(link.GoOn(number=frame.number))  # it answers after all, and holds
            return
        counted = (instance.mailbox.delivered, instance.outbox.sequence)
        if (frame.delivered, frame.sequence) != counted:
            raise ProtocolError(
                f"the worker counts {frame.delivered} messages and {frame.sequence} outputs, the hub {counted}"
            )
        if self._held_for:
            instance.mailbox.begin_late()
        self._answer.set_result(self._snapshot(frame))

    def not_captured(self, frame: link.NotCaptured) -> None:
        """Takes the worker's refusal."""
        if frame.number == self._number:
            self.give_up(from_wire(frame.error))

    def give_up(self, error: MidstreamError) -> None:
        """Ends the wait for the worker's answer."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def go_on(self, cut: Cut) -> None:
        """Lets a held function go on where it stands."""
        instance = self._instance
        instance.mailbox.end_late()
        if instance.worker is not None and cut.frame is not None:
            instance.worker.send(link.GoOn(number=cut.number))
            instance.feed.go_on()

    # Keeping ----------------------------------------------------------------------------------------------------------

    async def _keep(self, cut: Cut, reason: str, began: float, *, held: bool, move: str, command: str) -> Taken:
        instance, hub, read = self._instance, self._instance.hub, time.monotonic()
        made = await self._made(cut, reason)
        encoded = time.monotonic()
        keeping = asyncio.get_running_loop().run_in_executor(
            None, instance.spool.keep, made.header.checkpoint, made.blob
        )
        base, in_turn = self._base, self._in_turn
        parts = checkpoints.parts(made.blob) if in_turn else hub.control.upload(made.header.checkpoint, made.blob)
        await keeping
        kept = time.monotonic()
        asyncio.get_running_loop().run_in_executor(None, make_ready, instance.spool)
        phases = _phases(cut, read - began, encoded - read, kept - encoded)
        told = checkpoints.announcement(made, cut, parts, phases)
        told.id, told.move = command, move
        told.held = held and bool(command)  # held because this hub leaves, it waits for nobody's verdict
        taken = Taken(cut=cut, made=made, told=checkpoints.fit(told))
        if base is None:
            instance.mailbox.keep(cut.mailbox)
        else:
            instance.mailbox.keep_within_limits(cut.mailbox)
            if self._base is not None:  # else the one before is on its way to the store by now
                self._replace(base, instance.header.checkpoint)
        instance.header = made.header
        self._kept_at, self._waits_kept = began, self._waits_at_cut
        self._pending[taken.id] = taken
        if not in_turn:
            hub.control.answer(taken.told)
        elif not self._in_turn:  # all others were delivered meanwhile
            self.announce_again(taken.id)
        if instance.settings.durability == "spool" or self._base is not None:
            self._make_durable(taken)
        return taken

    def _replace(self, base: Header, checkpoint: str) -> None:
        if checkpoint != base.checkpoint and self._pending.pop(checkpoint, None) is not None:
            asyncio.get_running_loop().run_in_executor(None, self._instance.spool.forget, checkpoint)

    async def _made(self, cut: Cut, reason: str) -> Made:
        instance, hub, packed = self._instance, self._instance.hub, b""
        size = len(cut.frame.image) if cut.frame else 0
        if cut.frame is None and instance.header.image is not None:
            packed = await asyncio.to_thread(self._packed_image, instance.header.checkpoint)
            size = len(packed)

        def work() -> Made:
            return checkpoints.make(
                cut,
                instance.header,
                hub=hub.name,
                epoch=instance.epoch,
                reason=reason,
                key=hub.key,
                packed=packed,
                parent_id=self._base.checkpoint if self._base is not None else "",
            )

        return work() if size < checkpoints.LARGE else await asyncio.to_thread(work)

    def _packed_image(self, checkpoint: str) -> bytes:
        blob = self._instance.spool.read(checkpoint)
        if blob is None:
            raise DamagedError(f"checkpoint {checkpoint} is not in the spool any more")
        return blobs.decode_header(blob)[1]

    # Durability -------------------------------------------------------------------------------------------------------

    def stored(self, checkpoint: str) -> Taken | None:
        """Takes the coordinator's word that it has a checkpoint; returns it, or ``None`` if it was durable before."""
        taken = self._pending.get(checkpoint)
        if taken is None:
            return None
        for older in list(self._pending):  # what it covers, it covers for them too
            delivered = self._pending.pop(older)
            self._make_durable(delivered)
            delivered.stored.set()
            if older == checkpoint:
                break
        asyncio.get_running_loop().run_in_executor(None, self._instance.spool.forget_older_than, checkpoint)
        return taken

    def _make_durable(self, taken: Taken) -> None:
        instance = self._instance
        if taken.durable.is_set():
            return
        instance.mailbox.cover(taken.cut.mailbox)
        instance.outbox.cover(taken.cut.sequence)
        instance.durable = taken.id
        instance.changed.set()
        if instance.worker is not None:
            instance.worker.send(
                link.Durable(number=taken.cut.number, checkpoint=taken.id, sequence=taken.cut.sequence)
            )
        self._session.acknowledge()
        self._session.let_go()
        taken.durable.set()
        self.on_durable()

    def begin_epoch(self) -> None:
        """Goes on under a newer epoch: what was announced under the last one and is not stored is waited for in vain."""
        for taken in self._pending.values():
            taken.given_up = True
            taken.durable.set()
            taken.stored.set()
        self._pending.clear()

    @property
    def pending(self) -> list[Taken]:
        """Checkpoints that the coordinator has not confirmed, oldest first."""
        return list(self._pending.values())

    def announce_again(self, checkpoint: str) -> bool:
        """Sends a checkpoint again; returns whether it was still unconfirmed."""
        taken = self._pending.get(checkpoint)
        if taken is None:
            return False
        if self._in_turn and taken is not self.pending[0]:
            return True  # the store must not take an older one for the newest
        self._instance.hub.control.upload(taken.id, taken.made.blob)
        self._instance.hub.control.answer(taken.told)
        return True

    # Ahead of the store -----------------------------------------------------------------------------------------------

    def take_up(self, kept: Iterable[bytes]) -> None:
        """Takes up checkpoints that the spool has and the store may lack, oldest first; all are durable here."""
        for blob in kept:
            cut, made = checkpoints.read(blob)
            told = checkpoints.announcement(made, cut, checkpoints.parts(blob), {})
            taken = Taken(cut=cut, made=made, told=checkpoints.fit(told))
            taken.durable.set()
            self._pending[taken.id] = taken

    def go_ahead(self) -> None:
        """From here on the spool makes checkpoints durable, those that wait too; the coordinator is sent none."""
        self._base, self._in_turn = self._instance.header, True
        for taken in self.pending:
            self._make_durable(taken)

    def catch_up(self) -> None:
        """From here on new ones wait for the store again, and for their turn to be sent to it."""
        if self._base is not None:
            self._base = None
            self._instance.mailbox.keep(self._instance.header.mailbox)

    def keep_step(self) -> None:
        """The store has all: each is sent as soon as it is made."""
        self._in_turn = False

    # Policy -----------------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Takes note that the function was given a message: so many of them make a checkpoint due, if it says so."""
        if self._messages_due():
            self.make_due()

    def make_due(self) -> None:
        """Has a checkpoint taken as soon as the one that is under way is durable."""
        self._due.set()

    async def keep_up(self) -> None:
        """Takes checkpoints when they are due, until cancelled.

        Due: an output waits, half the window is unacknowledged, so many messages were read as the function says, somebody
        asked, or the function's period has passed and something has changed: time that only counts while the function runs too, if a tenth of its wait has passed.
        """
        period, looked_at = self._instance.settings.checkpoint, self._taken_at
        while True:
            left = max(self._taken_at, looked_at) + period - time.monotonic()
            try:
                async with asyncio.timeout(max(left, 0.0)):
                    await self._due.wait()
            except TimeoutError:
                if time.monotonic() - self._taken_at < period:
                    continue  # one was taken meanwhile, for another reason
                looked_at = time.monotonic()
                if not self.has_changed() or self._may_wait():
                    continue
            await self._instance.steady.wait()  # a held, moving or restarting function gets none by policy
            await self._take_for_policy(period)

    async def _take_for_policy(self, period: float) -> None:
        instance = self._instance
        by_mail = instance.worker is None or self._messages_due()
        reason = "output" if instance.outbox.uncovered else "messages" if by_mail else "period"
        try:
            taken = await self.take(reason)
        except MidstreamError as error:
            if not instance.steady.is_set():
                self._due.set()  # it is held, or set back: as soon as it runs again
                return
            _log.warning("%s: no checkpoint: %s", instance.name, error)
            instance.complain(error)
            self._complaint = instance.reason
            if isinstance(error, NotKeptError):
                await self._refused.wait()
                self._due.set()  # what waits for it, waits on: there may be room again
            else:
                await asyncio.sleep(min(period, 1.0))
            return
        self._refused.reset()
        if self._complaint and instance.reason == self._complaint:
            instance.reason = self._complaint = ""
            instance.changed.set()
        while not taken.durable.is_set():
            try:
                async with asyncio.timeout(limits.VERDICT):
                    await taken.durable.wait()
            except TimeoutError:
                self.announce_again(taken.id)
        if instance.outbox.uncovered or self._messages_due() or taken.given_up:
            self._due.set()

    def _may_wait(self) -> bool:
        """Tells whether a suspended function's messages wait for a later checkpoint, see `SleepingMail`."""
        return self._instance.worker is None and time.monotonic() - self._taken_at < _SUSPENDED

    def _messages_due(self) -> bool:
        instance, wanted = self._instance, self._instance.settings.checkpoint_messages
        if instance.worker is None:
            return False
        read = instance.mailbox.delivered - instance.header.mailbox.delivered
        return instance.mailbox.checkpoint_due or 0 < wanted <= read

    def has_changed(self) -> bool:
        """Tells whether there is anything that the newest checkpoint does not hold."""
        instance, kept = self._instance, self._instance.header
        seen = (instance.mailbox.delivered, instance.mailbox.arrivals, instance.outbox.sequence)
        if seen != (kept.mailbox.delivered, kept.mailbox.arrivals, kept.sequence):
            return True
        if instance.worker is None:
            return False
        if not instance.feed.idle or instance.feed.waits != self._waits_kept:
            return True
        counting = instance.feed.counting
        return counting is not None and time.monotonic() - self._kept_at >= counting * _COUNTED


def _phases(cut: Cut, reading: float, encoding: float, spooling: float) -> dict[str, float]:
    """Returns the phases of a checkpoint in ms; what the worker did not measure of the reading is freezing.

    ``spool`` runs beside the sending; the coordinator measures that as a whole.
    """
    if cut.frame is None:
        return {"freeze": 0.0, "capture": reading * 1000, "encode": encoding * 1000, "spool": spooling * 1000}
    freeze = max(0.0, reading * 1000 - cut.frame.capture_ms - cut.frame.encode_ms)
    return {
        "freeze": freeze,
        "capture": cut.frame.capture_ms,
        "encode": cut.frame.encode_ms + encoding * 1000,
        "spool": spooling * 1000,
    }

"""An instance's life on this hub: it begins, is held, suspended, fenced, ends; its session is kept or given up.

Everything here happens in one event loop: what has no ``await`` in it is one step that nothing else interrupts.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from typing import Literal

from devices.errors import MidstreamError, UnreachableError
from devices.hub import claims, last_word
from devices.hub.ahead import Ahead
from devices.hub.announcements import Announcements
from devices.hub.backoff import Backoff
from devices.hub.captures import Captures, Taken
from devices.hub.ending import End
from devices.hub.instance import Instance
from devices.hub.instance_session import InstanceSession
from devices.hub.lifecycle import ENDED, STEADY
from devices.hub.moment import seconds
from devices.hub.process import Process
from devices.hub.sleeping_mail import SleepingMail
from devices.hub.spool import Ended
from devices.hub.subscriptions import Subscriptions
from devices.hub.tasks import Tasks
from devices.mqtt.delivery import Delivery
from devices.mqtt.reasons import ConnectionLostError
from devices.protocol import answers, limits, messages
from devices.protocol.commands import Late, LateMessage
from devices.runtime.leases import boottime

_log = logging.getLogger(__name__)


class Life:
    """One instance, alive.

    Args:
        instance: its values.
        is_new: whether it has never run anywhere.
        late_mail: whether the hub that it comes from will send what it heard last.

    Attributes:
        session: its connection.
        captures: its checkpoints.
        mail: what comes while it is suspended.
        ahead: its word that they are ahead of the store.
        announcements: what is told of it.
        process: the function's.
        tasks: that work for it.
        begun: set when the function has begun here.
        disconnects: whether the broker wants the session left before another hub connects.
        held: the checkpoint behind which the function is held.
        held_from: what it was before.
        leaves: whether it is held because its hub leaves: no verdict is waited for.
        late_complete: set when no late mail of an earlier hub is missing.
        subscribed: set while the broker has all of the subscriptions, as far as this hub knows.
        renews: whether the subscriptions are made again although the broker has kept the session: an earlier run of
            this agent may have died between the loss of a session and its repair.
        end_noted: set when the coordinator has the function's end.
        late_mail: the task that sends it after a takeover.
        fencing: the task that waits for a takeover after a newer claim.
        on_gone: called when nothing of it is left here.
    """

    def __init__(self, instance: Instance, *, is_new: bool = False, late_mail: bool = False) -> None:
        self.instance = instance
        self.begun = asyncio.Event()
        self.disconnects = False
        self.held: Taken | None = None
        self.leaves = False
        self.held_from: Literal["running", "suspended"] = "running"
        self.late_mail: asyncio.Task[None] | None = None
        self.fencing: asyncio.Task[None] | None = None
        self.late_complete = asyncio.Event()
        self.subscribed = asyncio.Event()
        self.subscribed.set()
        self.renews = False
        self.on_gone: Callable[[], None] = lambda: None
        self._late: dict[int, list[LateMessage]] = {}
        self.tasks = Tasks(instance.name)
        self.session = InstanceSession(instance, self, is_new=is_new)
        self.captures = Captures(instance, self.session)
        self.ahead = Ahead(instance, self.captures)
        self.mail = SleepingMail(instance, self.session, self.captures, self.ahead)
        self.announcements = Announcements(instance, self.session)
        self._subscriptions = Subscriptions(instance, self.session)
        self.process = Process(
            instance,
            session=self.session,
            captures=self.captures,
            announcements=self.announcements,
            subscriptions=self._subscriptions,
            tasks=self.tasks,
            on_end=self._ended,
            on_stopped=self._stopped_by_lease,
        )
        self.end_noted = asyncio.Event()
        self._confirmed = asyncio.Event()
        self._out_of_lease: asyncio.Task[None] | None = None
        self._keeps_house = False
        instance.feed.on_read = self._read
        self.captures.on_durable = self._durable
        if late_mail:
            instance.mailbox.wait_for_late()
        else:
            self.late_complete.set()

    def _read(self) -> None:
        self.session.acknowledge()
        self.captures.read()

    def keep_house(self) -> None:
        """Starts what runs for the whole life, once: checkpoints by policy, and announcements."""
        if self._keeps_house:
            return
        self._keeps_house = True
        self.tasks.start(self.captures.keep_up(), "checkpoints")
        self.tasks.start(self.mail.keep(), "mail of a suspended function")
        if self.instance.settings.durability == "coordinator":
            self.tasks.start(self.ahead.keep_watch(), "ahead")
        self.tasks.start(self.announcements.keep_telling(), "announcements")

    def _durable(self) -> None:
        self.mail.covered()
        if self.ahead.since and not self.ahead.owes:
            self.tasks.start(self.ahead.take_back(), "no longer ahead")
        if unneeded := self._subscriptions.unneeded():
            self.tasks.start(self.session.unsubscribe(unneeded), "unsubscribe")

    # The session's keeper ---------------------------------------------------------------------------------------------

    def began(self, *, present: bool, is_new: bool) -> None:
        """A connection is up: what waited for one goes out."""
        self._thaw()
        self.announcements.forget_told()
        self.session.let_go()
        if self.instance.mailbox.broker_filters and (not present or self.renews):
            is_lost = not present and not is_new  # a branch has subscriptions, and no session yet
            self.renews = False
            self.subscribed.clear()
            self.tasks.start(self._open_anew(is_lost=is_lost), "subscribe anew")

    async def _open_anew(self, *, is_lost: bool) -> None:
        """Makes the subscriptions again.

        If the broker lost the session, what it held is gone, and its packet ids start over: a checkpoint without a
        table of repeats comes first (rule 11).
        """
        instance, backoff = self.instance, Backoff()
        lost = MidstreamError("the broker had lost this instance's session: messages may be missing")
        if is_lost:
            instance.mailbox.session_lost()
            self.announcements.log("warning", lost.message)
            instance.hub.control.answer(  # of its own accord: it becomes an event
                answers.Failed(
                    hub=instance.hub.name, instance=instance.name, error=lost.to_wire(), epoch=instance.epoch
                )
            )
        while True:
            try:
                if is_lost:
                    await instance.steady.wait()
                    taken = await self.captures.take("the broker lost the session")
                    await taken.durable.wait()
                    if taken.given_up:
                        continue
                await self._subscriptions.open_anew()
            except MidstreamError as error:
                instance.complain(error)
                await backoff.wait()
            else:
                break
        self.subscribed.set()
        if is_lost:
            instance.complain(lost)

    def silenced(self) -> None:
        """The connection is over: nothing of the function may have effect until the claim was read."""
        if self.instance.worker is not None:
            self.instance.worker.freeze()
        self.instance.steady.clear()  # it could not answer a request for a checkpoint

    def _thaw(self) -> None:
        worker = self.instance.worker
        if not self._in_its_lease:
            self._stopped_by_lease()  # a connection that came up says nothing of now: the agent may have been stopped
            return
        if worker is not None:
            worker.thaw()
        if self.instance.state in STEADY:
            self.instance.steady.set()

    @property
    def _in_its_lease(self) -> bool:
        worker = self.instance.worker
        return worker is None or self.instance.hub.lease.holds(worker)

    def _stopped_by_lease(self) -> None:
        """The function stands still, for want of a sign of the broker: until the claim was read (rule 6)."""
        if self._out_of_lease is None or self._out_of_lease.done():
            self.instance.steady.clear()
            self._out_of_lease = self.tasks.start(self._renew_lease(), "out of lease")

    async def _renew_lease(self) -> None:
        instance, silence = self.instance, self.instance.hub.lease.silence
        _log.warning("%s: stopped by its lease, %.0f s after the last sign of the broker", instance.name, silence)
        instance.complain(MidstreamError(f"stopped by its lease: no sign of the broker for {silence:.0f} s"))
        began = boottime() - silence
        if await self._may_go_on():
            stood = boottime() - began
            instance.complain(MidstreamError(f"was stopped by its lease: no sign of the broker for {stood:.0f} s"))

    def arrived(self) -> None:
        """Something has come."""
        self.instance.feed.pump()
        if self.instance.state == "suspended":
            self.mail.arrived()
        elif self.instance.mailbox.checkpoint_due:
            self.captures.make_due()
        self.instance.changed.set()

    def confirmed(self) -> None:
        """The broker has an output."""
        self._confirmed.set()

    async def outputs_confirmed(self, sequence: int) -> None:
        """Returns when the broker has all outputs up to a number, or the session is over."""
        while not self.instance.outbox.confirmed_up_to(sequence) and self.session.is_open:
            self._confirmed.clear()
            self.session.let_go()
            if not self.instance.outbox.confirmed_up_to(sequence):
                await self._confirmed.wait()

    async def lost(self, loss: ConnectionLostError) -> bool:
        """The connection is lost: the process stands still, see `silenced`, until the claim was read (rule 2)."""
        _log.info("%s: %s", self.instance.name, loss.message)
        self._confirmed.set()
        return self.instance.state != "moving" and await self._may_go_on()

    async def _may_go_on(self) -> bool:
        """Returns when the claim was read: whether it is still ours. The function's lease is then renewed."""
        instance, backoff = self.instance, Backoff()
        while True:
            asked, reached, claim = boottime(), True, None
            try:
                claim = await instance.hub.claims.read(instance.name)
            except UnreachableError:
                reached = False
            instance.waits = "" if claim is not None else claims.UNREADABLE
            if claim is not None and claim.epoch > instance.epoch:
                return False  # `Claims.on_newer` has this life fenced
            if reached:
                instance.hub.lease.heard(asked)
            withdrawn = reached and instance.state in ENDED  # the coordinator has noted its end
            may_act = claim is not None or instance.settings.failover == "never" or withdrawn
            if may_act and self._in_its_lease:
                instance.waits = ""
                self._thaw()
                return True
            await backoff.wait()

    # Held -------------------------------------------------------------------------------------------------------------

    async def hold(self, reason: str, *, move: str = "", disconnects: bool = False, command: str = "") -> Taken:
        """Takes a checkpoint and holds the function behind it until the verdict.

        Args:
            reason: for the lineage.
            move: the move that begins with it; empty: it is to be suspended, or its hub leaves.
            disconnects: whether the broker wants the session left before another hub connects.
            command: id of the command that this answers.

        Raises:
            MidstreamError: it could not be taken; the function goes on.
        """
        instance = self.instance
        assert instance.state in ("running", "suspended")
        self.held_from = "suspended" if instance.state == "suspended" else "running"
        self.disconnects = disconnects
        instance.move = move
        instance.become("capturing", reason)
        try:
            taken = await self.captures.take(reason, hold=True, move=move, command=command)
        except MidstreamError as error:
            self._as_before(str(error))
            raise
        self.held = taken
        instance.become("held", reason)
        self.tasks.start(self._ask_for_the_verdict(taken), "ask for the verdict")
        return taken

    def stands_at(self, *checkpoints: str) -> bool:
        """Tells whether the function has stood still since one of these, with all that came since then here alone.

        The mailbox of a suspended one is checkpointed too, so the newest here may be newer than the store's.
        """
        instance = self.instance
        if instance.state == "suspended":
            pending = {taken.id for taken in self.captures.pending}
            return not pending.union((instance.header.checkpoint, instance.durable)).isdisjoint(checkpoints)
        return instance.state == "moving" and instance.header.checkpoint in checkpoints

    def failed_at(self, checkpoint: str) -> bool:
        """Tells whether the function has failed since this one: what its file of mail has is behind it."""
        return self.instance.state == "failed" and self.instance.header.checkpoint == checkpoint

    async def _ask_for_the_verdict(self, taken: Taken) -> None:
        """Tells of the checkpoint again and again while nobody says what becomes of it; no time-out decides."""
        while True:
            await asyncio.sleep(limits.VERDICT)
            if self.held is not taken:
                return
            self.captures.announce_again(taken.id)

    def go_on(self, held: Taken) -> None:
        """Lets a held function go on where it stands."""
        self.held = None
        self.captures.go_on(held.cut)
        self._as_before("")

    def _as_before(self, reason: str) -> None:
        instance = self.instance
        instance.move = ""
        if instance.state not in ("capturing", "held"):
            return  # it ended meanwhile
        instance.become(self.held_from, reason)
        if self.held_from == "running" and instance.worker is None:
            self.tasks.start(self.process.set_back("its process ended while it was held"), "set back")

    # Late mail --------------------------------------------------------------------------------------------------------

    def take_late(self, piece: Late) -> None:
        """Takes a piece of the late mail that the last hub sent; with the last one all of it is read, before newer."""
        if not self.instance.mailbox.waits_for_late:
            return
        self._late[piece.index] = piece.messages
        if len(self._late) < piece.total:
            return
        late = [message for index in sorted(self._late) for message in self._late[index]]
        self._late.clear()
        self.instance.mailbox.late_complete([(_delivery(message), seconds(message.at)) for message in late])
        self.late_complete.set()
        self.instance.feed.pump()

    # Ends -------------------------------------------------------------------------------------------------------------

    def _ended(self, end: End) -> None:
        if self.instance.state in ENDED:
            return
        self.process.end()
        self.instance.become(end.state, end.reason)
        self.tasks.start(self._carry_out(end), "end")

    async def _carry_out(self, end: End) -> None:
        """Makes a function's end durable, has the coordinator note it, and only then lets its last outputs go."""
        instance = self.instance
        end.told.log = last_word.newest(self.announcements.lines)
        entry = Ended(
            epoch=instance.epoch, answer=messages.encode(end.told).decode(), outputs=instance.outbox.snapshot()
        )
        await self._note(entry)
        await last_word.deliver(instance, end.told, self.end_noted, self.let_last_outputs_go)
        if end.result is not None:
            self.announcements.result(end.result)
        self.announcements.tell()
        await self.session.flush()
        if end.state == "finished":
            await self.end_session()
            await self.ahead.nothing_is_owed()
            await self.forget()

    async def _note(self, entry: Ended) -> None:
        try:
            await asyncio.to_thread(self.instance.spool.note, entry)
        except OSError as error:
            self.instance.complain(MidstreamError(f"the spool takes nothing: {error.strerror}"))

    async def let_last_outputs_go(self, *, finished: bool) -> None:
        """Publishes what is left: the function's end covers it.

        Args:
            finished: whether it returned: then its inputs are acknowledged too. One that failed may be restored from its
                last checkpoint, and needs what came since once more.
        """
        instance = self.instance
        if finished:
            instance.mailbox.cover(instance.mailbox.snapshot())
        instance.outbox.cover(instance.outbox.sequence)
        self.session.acknowledge(all_covered=True)
        await self.outputs_confirmed(instance.outbox.sequence)

    async def stop(self, reason: str) -> None:
        """Ends the instance for good, and its session with it."""
        self.process.end()
        if self.instance.state not in ENDED or self.instance.state == "failed":
            self.instance.become("stopped", reason)
        self.announcements.tell()
        await self.session.flush()
        await self.end_session()
        await self.ahead.nothing_is_owed()
        await self.forget()

    async def end_session(self) -> None:
        """Ends the MQTT session for good, however often that must be tried."""
        backoff = Backoff(60.0)
        while True:
            try:
                await self.session.end()
            except UnreachableError as error:
                _log.warning("the session of %s is not ended yet: %s", self.instance.name, error)
                await backoff.wait()
            else:
                return

    async def forget(self) -> None:
        """Removes what is kept of it here, and leaves.

        Not the word that it was ahead: on its topic may be another hub's by now, and the coordinator takes old ones off.
        """
        await self.leave()
        await asyncio.to_thread(self.instance.spool.remove, self.instance.epoch)

    async def pause(self, reason: str) -> None:
        """Leaves as `leave` does, with a state that says why and that it will go on."""
        self.process.end()
        if self.instance.state in ("running", "capturing", "held"):
            self.instance.become("restarting", reason)
            self.announcements.tell()
        await self.leave()

    async def leave(self) -> None:
        """Ends all of it here, without a word about the instance; the broker keeps its session."""
        self.process.end()
        await self.tasks.cancel()
        await self.session.drop()
        self.on_gone()


def _delivery(message: LateMessage) -> Delivery:
    return Delivery(
        topic=message.topic,
        payload=base64.b64decode(message.payload),
        qos=message.qos,
        retain=message.retain,
        duplicate=False,
        packet_id=0,
    )

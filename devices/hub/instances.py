"""The instances of a hub, and what the coordinator can ask about them.

Each method is one command, carried out; it returns the answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from devices import requirements
from devices.errors import DamagedError, FencedError, MidstreamError, ProtocolError, RefusedError, RestoreError
from devices.hub import handover
from devices.hub.downloads import Downloads
from devices.hub.feed import Feed
from devices.hub.instance import Hub, Instance
from devices.hub.life import Life
from devices.hub.mailbox import Mailbox
from devices.hub.moment import now
from devices.hub.outbox import Outbox
from devices.hub.prepared import Preparations, Ready
from devices.hub.process import Began
from devices.hub.spool import Claimed, InstanceSpool, Spool, make_ready
from devices.mqtt.session import end_session
from devices.protocol import answers, commands, limits
from devices.protocol import checkpoint as blobs
from devices.protocol.answers import Answer, Done, Running
from devices.protocol.checkpoint import Checkpoint, Header
from devices.protocol.commands import Restore
from devices.protocol.messages import ClaimBody
from devices.runtime.settings import Settings

_LATE: Final = 10.0
"""Seconds that a move waits for the late mail of the last one, and for the repair of a lost session."""
_log = logging.getLogger(__name__)


class Instances:
    """What runs, is suspended, or waits for a verdict on this hub.

    Args:
        hub: what they share.
        spool: what is kept of them.
        downloads: checkpoints on their way here.
        preparations: workers that wait for a move.
    """

    def __init__(self, hub: Hub, spool: Spool, downloads: Downloads, preparations: Preparations) -> None:
        self._hub = hub
        self._spool = spool
        self._downloads = downloads
        self._preparations = preparations
        self.lives: dict[str, Life] = {}
        hub.claims.on_newer = self.claimed

    def add(self, instance: Instance, *, is_new: bool = False, late_mail: bool = False) -> Life:
        """Adds an instance; it removes itself when nothing of it is left here."""
        life = Life(instance, is_new=is_new, late_mail=late_mail)
        self.lives[instance.name] = life
        life.on_gone = lambda: self._remove(life)
        return life

    def _remove(self, life: Life) -> None:
        if self.lives.get(life.instance.name) is life:
            del self.lives[life.instance.name]

    def _acting(self, command: commands.Command, epoch: int) -> Life:
        life = self.lives.get(command.instance)
        if life is None:
            raise RefusedError(f"{command.instance} is not on hub {self._hub.name}")
        if life.instance.epoch != epoch:
            raise FencedError(f"{command.instance} acts here in epoch {life.instance.epoch}, not {epoch}")
        return life

    # A move comes -----------------------------------------------------------------------------------------------------

    async def prepare(self, command: commands.Prepare) -> Answer:
        """Makes ready for an instance.

        Raises:
            MidstreamError: it cannot come here; the reason is in it.
        """
        blob = await self._blob(command.instance, command.checkpoint, command.parts, command.size, command.digest)
        header, _ = blobs.decode_header(blob)
        self._check_suits(header)
        spool = self._spool.instance(command.instance)
        await asyncio.gather(
            self._preparations.make(command.instance, header.function), asyncio.to_thread(make_ready, spool)
        )
        return self._done(command, "prepared")

    def _check_suits(self, header: Header) -> None:
        if header.engine.name != "python":
            raise RefusedError(f"hub {self._hub.name} has no engine {header.engine.name!r}")
        needs = Settings.from_plain(header.function.settings).needs.packages
        if reason := requirements.unmet(needs, header.engine.packages, requirements.installed):
            raise RefusedError(
                f"{self._hub.name} {reason}",
                remedy="install it in the environment that midstream runs in, or say in the function which versions will "
                'do: @function(needs={"packages": [...]})',
            )

    async def _blob(self, instance: str, checkpoint: str, parts: int, size: int, digest: str) -> bytes:
        """Returns a checkpoint's bytes, checked against the digest: from the spool, or as they come down."""
        if not parts:
            kept = await asyncio.to_thread(self._spool.instance(instance).read, checkpoint)
            if kept is not None:
                return await _verified(kept, checkpoint, digest)
        blob = await self._downloads.whole(checkpoint, size, digest)
        self._downloads.forget(checkpoint)
        return blob

    async def restore(self, command: Restore) -> Answer:
        """Has an instance start or go on here, under a claim; once for each epoch.

        Raises:
            MidstreamError: it does not run here, and nothing of the try is left.
        """
        began = time.monotonic()
        claim = self._checked_claim(command)
        life = self.lives.get(command.instance)
        if life is not None and life.instance.epoch >= command.epoch:
            return await self._present(life, command)
        if life is not None and life.fencing is not None:
            life.fencing.cancel()
            life.fencing = None
        stands_here = life is not None and life.stands_at(command.checkpoint, command.upgrades)
        if life is not None and stands_here and life.session.is_open:
            return await self._go_on_here(life, command, began)
        # of a session that was left the broker sends again what was not acknowledged, and nothing else
        keeps_mail = stands_here or (life is not None and life.failed_at(command.checkpoint))
        if life is not None:
            await life.leave()
        return await self._start(command, claim, began, keeps_mail=keeps_mail)

    def _checked_claim(self, command: Restore) -> ClaimBody:
        claim = self._hub.claims.verify(command.claim)
        said = (claim.instance, claim.epoch, claim.hub, claim.checkpoint, claim.digest.hex())
        if said != (command.instance, command.epoch, self._hub.name, command.checkpoint, command.digest):
            raise ProtocolError(f"the claim for {command.instance} says something else than the command")
        newest = self._hub.claims.newest(command.instance)
        if newest is not None and newest.epoch > command.epoch:
            raise FencedError(f"{command.instance} was claimed for hub {newest.hub} in epoch {newest.epoch}")
        return claim

    async def _present(self, life: Life, command: Restore) -> Answer:
        instance = life.instance
        if instance.epoch > command.epoch:
            raise FencedError(f"{command.instance} acts here in epoch {instance.epoch}, not {command.epoch}")
        await life.begun.wait()
        return Running(
            hub=self._hub.name, id=command.id, instance=instance.name, epoch=instance.epoch, move=command.move
        )

    async def _start(self, command: Restore, claim: ClaimBody, began: float, *, keeps_mail: bool) -> Answer:
        spool = self._spool.instance(command.instance)
        blob = await self._blob(command.instance, command.checkpoint, command.parts, command.size, command.digest)
        note = _note_claim if keeps_mail else _note_first_claim
        noting = asyncio.create_task(note(spool, command), name=f"{command.instance}: note the claim")
        decoding = time.monotonic()
        try:
            checkpoint = await _decoded(blob)
            decoded = time.monotonic()
            self._check_suits(checkpoint.header)
            instance = self._instance(command, claim, checkpoint, spool)
            ready = await self._preparations.take(command.instance, checkpoint.header.function)
        except MidstreamError:
            await asyncio.wait([noting])
            await asyncio.to_thread(spool.remove, command.epoch)
            raise
        try:
            await noting  # it is durable before the first statement
        except MidstreamError:
            ready.close()
            raise
        life = self.add(instance, is_new=claim.epoch == 1, late_mail=command.late_mail)
        life.session.begins |= checkpoint.header.image is None and not checkpoint.header.mailbox.subscriptions
        if keeps_mail:
            life.mail.take_up()
        life.session.open(ready.connection)
        try:
            told = await life.process.begin(ready.worker, checkpoint.image if checkpoint.header.image else None)
        except MidstreamError:
            await life.forget()
            raise
        await life.mail.vouch()
        life.begun.set()
        life.tasks.start(_keep_first(life, command.checkpoint, blob), "keep the first checkpoint")
        life.keep_house()
        return self._running(command, told, began, decoded - decoding)

    def _instance(self, command: Restore, claim: ClaimBody, checkpoint: Checkpoint, spool: InstanceSpool) -> Instance:
        header = checkpoint.header
        outbox = Outbox(header.outputs, sequence=header.sequence, published=command.published, muted=command.muted)
        return self.instance(header, claim.epoch, spool, outbox)

    def instance(self, header: Header, epoch: int, spool: InstanceSpool, outbox: Outbox) -> Instance:
        """Returns an instance's values as of a checkpoint.

        Raises:
            ProtocolError: its settings are none.
        """
        mailbox = Mailbox(header.mailbox, self._hub.window)
        return Instance(
            hub=self._hub,
            name=header.instance,
            epoch=epoch,
            header=header,
            settings=Settings.from_plain(header.function.settings),
            spool=spool,
            mailbox=mailbox,
            outbox=outbox,
            feed=Feed(mailbox),
            since=now(),
            durable=header.checkpoint,
        )

    async def _go_on_here(self, life: Life, command: Restore, began: float) -> Answer:
        """Goes on from where this very hub suspended or released it: its mailbox has everything since."""
        async with life.captures.one_at_a_time:  # the mailbox of a suspended one is checkpointed too
            return await self._begin_epoch_here(life, command, began)

    async def _begin_epoch_here(self, life: Life, command: Restore, began: float) -> Answer:
        instance = life.instance
        blob = await asyncio.to_thread(instance.spool.read, command.checkpoint)
        if blob is None and command.upgrades:
            blob = await self._upgrade(instance, command)
        if blob is None:
            raise RestoreError(f"checkpoint {command.checkpoint} is not in the spool of {self._hub.name} any more")
        decoding = time.monotonic()
        checkpoint = await _decoded(await _verified(blob, command.checkpoint, command.digest))
        decoded = time.monotonic()
        ready = await self._preparations.take(command.instance, checkpoint.header.function)
        try:
            await _note_claim(instance.spool, command)
        except MidstreamError:
            ready.close()
            raise
        if life.late_mail is not None:
            life.late_mail.cancel()  # nobody else needs it: it is in the mailbox here
            life.late_mail = None
        instance.mailbox.end_late()
        instance.goes_on_from(checkpoint.header)
        instance.outbox.mute(muted=command.muted)
        instance.epoch, instance.move, life.held = command.epoch, "", None
        life.captures.begin_epoch()
        await life.ahead.begin_epoch()
        life.process.end()
        instance.become("starting")
        _connect(life, ready)
        life.keep_house()
        try:
            told = await life.process.begin(ready.worker, checkpoint.image if checkpoint.header.image else None)
        except MidstreamError:
            await life.forget()
            raise
        if life.ahead.owes:
            life.captures.make_due()
        return self._running(command, told, began, decoded - decoding)

    async def _upgrade(self, instance: Instance, command: Restore) -> bytes:
        """Keeps the same state on changed source, before it takes the place of what is here."""
        blob = await self._blob(instance.name, command.checkpoint, command.parts, command.size, command.digest)
        try:
            await asyncio.to_thread(instance.spool.keep, command.checkpoint, blob)
        except OSError as error:
            raise RestoreError(f"the spool takes no checkpoint: {error.strerror}") from error
        return blob

    def _running(self, command: Restore, told: Began, began: float, decoding: float) -> Running:
        """Returns the answer; ``start`` is what is left of the time since the command came."""
        total = (time.monotonic() - began) * 1000
        decode = decoding * 1000 + told.decode_ms
        phases = {"start": max(0.0, total - decode - told.resume_ms), "decode": decode, "resume": told.resume_ms}
        return Running(
            hub=self._hub.name,
            id=command.id,
            instance=command.instance,
            epoch=command.epoch,
            move=command.move,
            phases={name: round(span, 3) for name, span in phases.items()},
            first_statement=told.line,
        )

    def late(self, command: commands.Late) -> Answer:
        """Takes a piece of the last hub's late mail.

        Raises:
            RefusedError: the instance is not here, or in another epoch.
        """
        self._acting(command, command.epoch).take_late(command)
        return self._done(command)

    # It stays or goes -------------------------------------------------------------------------------------------------

    async def capture(self, command: commands.Capture) -> Answer:
        """Takes a checkpoint; with ``hold`` the function stands still behind it.

        Raises:
            MidstreamError: it could not be taken; the function goes on.
        """
        life = self._acting(command, command.epoch)
        instance = life.instance
        if instance.state == "held" and life.held is not None and instance.move == command.move and command.hold:
            self.announce_again(life.held.told)  # asked by a coordinator that was restarted
            return life.held.told
        if instance.state not in ("running", "suspended"):
            raise RefusedError(f"{instance.name} is {instance.state}", remedy="try again in a moment")
        if not command.hold:
            return (await life.captures.take(command.reason, command=command.id)).told
        await _settled(life)
        taken = await life.hold(
            command.reason, move=command.move, disconnects=command.handover == "disconnect", command=command.id
        )
        return taken.told

    def announce_again(self, told: answers.Captured) -> None:
        """Tells of a checkpoint once more, and sends its parts if the coordinator has not confirmed it."""
        life = self.lives.get(told.instance)
        if life is None or not life.captures.announce_again(told.checkpoint):
            self._hub.control.answer(told)

    async def stored(self, command: commands.Stored) -> Answer:
        """Takes note that the coordinator has a checkpoint; a function that was held for it is let go of.

        Raises:
            MidstreamError: it could not be released; it goes on here.
        """
        life = self.lives.get(command.instance)
        if life is None:
            return self._done(command, "gone")
        instance, held = life.instance, life.held
        if instance.state == "moving" and instance.header.checkpoint == command.checkpoint:
            return handover.released(life, command.id)
        life.captures.stored(command.checkpoint)
        if instance.state != "held" or held is None or held.id != command.checkpoint or life.leaves:
            return self._done(command, instance.state)
        life.held = None
        try:
            if instance.move:
                return await handover.release(life, held, disconnects=life.disconnects, command=command.id)
            await handover.suspend(life, held)
        except MidstreamError:
            life.go_on(held)
            raise
        return self._done(command, instance.state)

    def go_on(self, command: commands.GoOn) -> Answer:
        """Lets a held function go on where it stands, a suspended one from its checkpoint; drops preparations."""
        life = self.lives.get(command.instance)
        if life is None:
            self._preparations.drop(command.instance)
            return self._done(command, "gone")
        instance = life.instance
        if instance.epoch == command.epoch and instance.move == command.move and not life.leaves:
            if instance.state == "held" and life.held is not None:
                life.go_on(life.held)
            elif instance.state == "suspended" and not command.move:
                life.tasks.start(handover.call_off_suspension(life, command.reason), "go on from a suspension")
        return self._done(command, instance.state)

    async def stop(self, command: commands.Stop) -> Answer:
        """Ends an instance for good, and its session with it.

        Raises:
            FencedError: it acts here in another epoch.
            UnreachableError: no broker.
        """
        self._preparations.drop(command.instance)
        if command.instance in self.lives:
            await self._acting(command, command.epoch).stop(command.reason)
        else:
            claim = self._hub.claims.newest(command.instance)
            if claim is not None and (claim.hub, claim.epoch) == (self._hub.name, command.epoch):
                await end_session(self._hub.address, command.instance)
        return self._done(command, "stopped")

    def noted(self, command: commands.Noted) -> Answer:
        """Takes the coordinator's word that it has an instance's end.

        Raises:
            FencedError: it acts here in another epoch.
        """
        if command.instance in self.lives:
            self._acting(command, command.epoch).end_noted.set()
        return self._done(command)

    # The hub leaves ---------------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Ends all processes and sessions; the brokers keeps the sessions, the spool the checkpoints."""
        await asyncio.gather(*(life.pause("its hub was stopped") for life in list(self.lives.values())))

    # Somebody else's --------------------------------------------------------------------------------------------------

    def fenced(self, command: commands.Fenced) -> Answer:
        """Takes the coordinator's word that an instance is another hub's."""
        self._preparations.drop(command.instance)
        self._fence(command.instance, command.epoch, command.hub)
        return self._done(command)

    def claimed(self, claim: ClaimBody) -> None:
        """Takes note of a newer claim."""
        self._fence(claim.instance, claim.epoch, claim.hub)
        if claim.hub != self._hub.name:
            self._downloads.forget(claim.checkpoint)

    def _fence(self, name: str, epoch: int, hub: str) -> None:
        life = self.lives.get(name)
        if life is None or life.instance.epoch >= epoch or hub == self._hub.name or life.fencing is not None:
            return
        _log.info("%s goes on at %s in epoch %d", name, hub, epoch)
        life.process.end()
        life.fencing = life.tasks.start(_give_up(life), "fenced")

    def _done(self, command: commands.Command, state: str = "") -> Done:
        return Done(hub=self._hub.name, id=command.id, instance=command.instance, state=state)


async def _note_first_claim(spool: InstanceSpool, command: Restore) -> None:
    await asyncio.to_thread(spool.mail.clear)  # of an earlier stay: the claimed checkpoint says what counts
    await _note_claim(spool, command)


async def _note_claim(spool: InstanceSpool, command: Restore) -> None:
    entry = Claimed(claim=command.claim, published=command.published, muted=command.muted)
    try:
        await asyncio.to_thread(spool.note, entry)
    except OSError as error:
        raise MidstreamError(
            f"the spool does not take the claim: {error.strerror}",
            place=str(spool.folder),
            remedy="make room on that disk",
        ) from error


async def _keep_first(life: Life, checkpoint: str, blob: bytes) -> None:
    """Keeps the checkpoint that the function goes on from: before any that it makes here, behind its first statement."""
    async with life.captures.one_at_a_time:
        try:
            await asyncio.to_thread(life.instance.spool.keep, checkpoint, blob)
        except OSError as error:
            life.instance.complain(MidstreamError(f"the spool takes no checkpoint: {error.strerror}"))


async def _give_up(life: Life) -> None:
    """Leaves to another hub: at once, or when it has taken the session over and what came until then is sent."""
    if life.late_mail is not None:
        await asyncio.wait([life.late_mail])
    await life.forget()


def _connect(life: Life, ready: Ready) -> None:
    if not life.session.is_open:
        life.session.open(ready.connection)
    elif ready.connection is not None:
        ready.connection.close()


async def _settled(life: Life) -> None:
    """Returns when the last move's late mail is in and the broker has all subscriptions: the next hub could not tell.

    Raises:
        RefusedError: that takes too long.
    """
    try:
        async with asyncio.timeout(_LATE):
            await life.late_complete.wait()
            await life.subscribed.wait()
    except TimeoutError:
        late = "what came during its last move is still missing"
        what = "its subscriptions are still being made anew" if life.late_complete.is_set() else late
        raise RefusedError(f"{life.instance.name} cannot be held yet: {what}", remedy="try again in a moment") from None


async def _verified(blob: bytes, checkpoint: str, digest: str) -> bytes:
    if (await asyncio.to_thread(blobs.blob_digest, blob)).hex() != digest:
        raise DamagedError(f"checkpoint {checkpoint} in the spool is not the one that was claimed")
    return blob


async def _decoded(blob: bytes) -> Checkpoint:
    """Decodes a checkpoint whose digest was checked; its signature is the coordinator's business, which stored it."""
    return blobs.decode(blob) if len(blob) <= limits.PART else await asyncio.to_thread(blobs.decode, blob)

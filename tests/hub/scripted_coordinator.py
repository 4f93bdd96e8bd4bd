"""A coordinator of a few lines, so that a hub can be tested whole: it claims, stores what it is sent, and passes it on."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.mqtt.address import BrokerAddress
from devices.mqtt.reasons import ConnectionLostError
from devices.mqtt.session import Session
from devices.protocol import answers, claims, commands, limits, messages, sealing
from devices.protocol import checkpoint as blobs
from devices.protocol.answers import AnyAnswer, Captured
from devices.protocol.checkpoint import EngineRecord, FunctionRecord, Header, MailboxRecord
from devices.protocol.messages import Claim, ClaimBody, CoordinatorStatus
from devices.protocol.topics import Topics
from devices.runtime.python import form

TOPICS = Topics()
DEADLINE = 30.0


def first_checkpoint(key: Ed25519PrivateKey, instance: str, source: str, name: str, **rest) -> bytes:
    files = {"main.py": source}
    header = Header(
        checkpoint=secrets.token_hex(6),
        instance=instance,
        parent="",
        epoch=0,
        created="2026-11-25T00:00:00.000Z",
        hub="coordinator",
        reason="started",
        function=FunctionRecord(
            name=name,
            module="main",
            files=files,
            digest=hashlib.sha256(source.encode()).digest(),
            arguments=rest.get("arguments", {}),
            settings=rest.get("settings", {}),
        ),
        engine=EngineRecord(name="python", normal_form=form.VERSION, python="3.11", implementation="CPython"),
        place=None,
        mailbox=MailboxRecord(subscriptions=[], unread=[], repeats=[], arrivals=0, delivered=0, dropped=0),
        outputs=[],
        sequence=0,
        image=None,
    )
    return blobs.encode(header, b"", key)


class ScriptedCoordinator:
    """Stores every checkpoint and answers `Stored`, unless told to hold back."""

    def __init__(self, session: Session, key: Ed25519PrivateKey) -> None:
        self.session = session
        self.key = key
        self.answers: list[AnyAnswer] = []
        self.blobs: dict[str, bytes] = {}
        self.epochs: dict[str, int] = {}
        self.claims: dict[str, Claim] = {}
        self.newest: dict[str, str] = {}
        self.stores = True
        self._parts: dict[str, dict[int, bytes]] = {}
        self._told: dict[str, Captured] = {}
        self._changed = asyncio.Event()

    # Hearing --------------------------------------------------------------------------------------------------------

    async def listen(self) -> None:
        async for delivery in self.session.deliveries():
            match TOPICS.split(delivery.topic):
                case ["checkpoints", checkpoint, "up", number]:
                    self._parts.setdefault(checkpoint, {})[int(number)] = delivery.payload
                    self._put_together(checkpoint)
                case ["hubs", _, "answer"]:
                    self.answers.append(messages.decode(delivery.payload, AnyAnswer, delivery.topic))
                    await self._take(self.answers[-1])
            self._changed.set()

    async def _take(self, answer: AnyAnswer) -> None:
        if not isinstance(answer, Captured):
            return
        self._told[answer.checkpoint] = answer
        self._put_together(answer.checkpoint)
        if self.stores and not answer.move:
            self.newest[answer.instance] = answer.checkpoint
            await self.say_stored(answer)

    def _put_together(self, checkpoint: str) -> None:
        """Parts and announcement may come in any order: the embedded broker keeps that of each filter alone."""
        told, parts = self._told.get(checkpoint), self._parts.get(checkpoint, {})
        if told is None or len(parts) < told.parts:
            return
        blob = b"".join(part for _, part in sorted(self._parts.pop(checkpoint).items()))
        assert blobs.blob_digest(blob).hex() == told.digest
        self.blobs[checkpoint] = blob

    async def say_stored(self, told: Captured) -> str:
        command = commands.Stored(
            id=secrets.token_hex(4), instance=told.instance, checkpoint=told.checkpoint, epoch=told.epoch
        )
        return await self.send(told.hub, command)

    async def heard(self, kind, matching: Callable = lambda _: True):
        async with asyncio.timeout(DEADLINE):
            while True:
                for answer in self.answers:
                    if isinstance(answer, kind) and matching(answer):
                        return answer
                self._changed.clear()
                await self._changed.wait()

    async def answer_to(self, hub: str, command: commands.Command, kind=answers.Done):
        """Sends a command and returns its answer, which must be of this kind."""
        await self.send(hub, command)
        answer = await self.heard(answers.Answer, lambda it: it.id == command.id)
        assert isinstance(answer, kind), answer
        return answer

    # Saying ---------------------------------------------------------------------------------------------------------

    async def send(self, hub: str, command: commands.Command) -> str:
        await self.session.publish(TOPICS.hub(hub, "command"), messages.encode(command), expiry=30)
        return command.id

    async def send_blob(self, checkpoint: str) -> int:
        async with asyncio.timeout(DEADLINE):
            while checkpoint not in self.blobs:
                self._changed.clear()
                await self._changed.wait()
        blob = self.blobs[checkpoint]
        parts = range(0, len(blob), limits.PART)
        for number, start in enumerate(parts):
            await self.session.publish(TOPICS.down(checkpoint, number), blob[start : start + limits.PART])
        return len(parts)

    async def claim(self, instance: str, hub: str, checkpoint: str) -> Claim:
        epoch = self.epochs[instance] = self.epochs.get(instance, 0) + 1
        body = ClaimBody(
            instance=instance,
            epoch=epoch,
            hub=hub,
            checkpoint=checkpoint,
            digest=blobs.blob_digest(self.blobs[checkpoint]),
        )
        claim = self.claims[instance] = claims.issue(self.key, body)
        await self.session.publish(TOPICS.instance(instance, "claim"), messages.encode(claim), retain=True)
        return claim

    def restore_command(self, claim: Claim, parts: int, **rest) -> commands.Restore:
        blob = self.blobs[claim.checkpoint]
        return commands.Restore(
            id=secrets.token_hex(4),
            instance=claim.instance,
            epoch=claim.epoch,
            checkpoint=claim.checkpoint,
            claim=claim,
            parts=parts,
            size=len(blob),
            digest=blobs.blob_digest(blob).hex(),
            **rest,
        )

    async def restore(
        self, instance: str, hub: str, checkpoint: str, *, parts: bool = True, kind=answers.Running, **rest
    ):
        claim = await self.claim(instance, hub, checkpoint)
        sent = await self.send_blob(checkpoint) if parts else 0
        return await self.answer_to(hub, self.restore_command(claim, sent, **rest), kind)

    async def run(self, instance: str, hub: str, source: str, name: str, **rest) -> answers.Running:
        blob = first_checkpoint(self.key, instance, source, name, **rest)
        header, _ = blobs.decode_header(blob)
        self.blobs[header.checkpoint] = blob
        self.newest[instance] = header.checkpoint
        return await self.restore(instance, hub, header.checkpoint)

    async def prepare(self, instance: str, hub: str) -> None:
        checkpoint = self.newest[instance]
        blob = self.blobs[checkpoint]
        parts = await self.send_blob(checkpoint)
        command = commands.Prepare(
            id=secrets.token_hex(4),
            instance=instance,
            checkpoint=checkpoint,
            parts=parts,
            size=len(blob),
            digest=blobs.blob_digest(blob).hex(),
        )
        await self.answer_to(hub, command)

    def capture_command(self, instance: str, **rest) -> commands.Capture:
        return commands.Capture(
            id=secrets.token_hex(4), instance=instance, epoch=self.epochs[instance], reason="asked", **rest
        )

    async def move(self, instance: str, source: str, destination: str, handover: str = "takeover"):
        """The steps of a planned move; returns the announcement and the answer of the destination."""
        move = secrets.token_hex(4)
        await self.prepare(instance, destination)
        told = await self.answer_to(
            source, self.capture_command(instance, hold=True, move=move, handover=handover), Captured
        )
        stored = commands.Stored(
            id=secrets.token_hex(4), instance=instance, checkpoint=told.checkpoint, epoch=told.epoch
        )
        await self.send(source, stored)
        await self.send_blob(told.checkpoint)
        released = await self.heard(answers.Released, lambda it: it.id == stored.id)
        self.newest[instance] = told.checkpoint
        running = await self.restore(
            instance,
            destination,
            told.checkpoint,
            parts=False,
            move=move,
            published=released.published,
            late_mail=True,
        )
        await self.pass_late_mail_on(instance, source, destination, told.epoch)
        return told, running

    async def pass_late_mail_on(self, instance: str, source: str, destination: str, epoch: int) -> int:
        def of_source(it):
            return (it.hub, it.instance, it.epoch) == (source, instance, epoch)

        first = await self.heard(answers.LateMail, of_source)
        count = 0
        for index in range(first.total):
            piece = await self.heard(answers.LateMail, lambda it, index=index: of_source(it) and it.index == index)
            count += len(piece.messages)
            command = commands.Late(
                id=secrets.token_hex(4),
                instance=instance,
                epoch=self.epochs[instance],
                index=index,
                total=piece.total,
                messages=piece.messages,
            )
            await self.answer_to(destination, command)
        return count


@contextlib.asynccontextmanager
async def scripted_coordinator(address: BrokerAddress) -> AsyncIterator[ScriptedCoordinator]:
    key = Ed25519PrivateKey.generate()
    async with Session(address, "midstream-coordinator", clean_start=True, receive_maximum=1000) as session:
        coordinator = ScriptedCoordinator(session, key)
        await session.subscribe({TOPICS.up("+", "+"): 1})
        await session.subscribe({TOPICS.hub("+", "answer"): 1})
        status = CoordinatorStatus(state="online", key=sealing.public_bytes(key).hex())
        await session.publish(TOPICS.coordinator_status, messages.encode(status), retain=True)
        listening = asyncio.create_task(coordinator.listen())
        try:
            yield coordinator
        finally:
            await session.disconnect()
            with contextlib.suppress(ConnectionLostError):  # a test stopped the broker
                await listening

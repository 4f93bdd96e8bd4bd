"""A hub that answers by the book, or as a test tells it to, over a real broker: no worker behind it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.errors import RestoreError, UnreachableError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.delivery import Delivery, Will
from devices.mqtt.session import Session
from devices.protocol import answers, claims, commands, limits, messages, sealing
from devices.protocol import checkpoint as blobs
from devices.protocol.checkpoint import Header, Place
from devices.protocol.commands import AnyCommand
from devices.protocol.messages import CoordinatorStatus, HubInfo, HubMetrics, HubStatus
from devices.protocol.topics import Topics

Behaviour = Callable[["ScriptedHub", Any], Awaitable[None]]
TOPICS = Topics()


class Copy:
    """What a scripted hub holds of an instance."""

    def __init__(self, header: Header, blob: bytes, epoch: int) -> None:
        self.header = header
        self.blob = blob
        self.epoch = epoch
        self.state = "running"
        self.move = ""
        self.handover = ""


class ScriptedHub:
    """A hub.

    Args:
        address: the broker.
        name: the hub's.
        start: its start counter.
        copies: what it still holds from its last start.
        info: changes to what it says of itself.
    """

    def __init__(self, address: BrokerAddress, name: str, *, start: int = 1, key=None, copies=None, **info: Any):
        self.name = name
        self.start = start
        self.key = key or Ed25519PrivateKey.generate()
        self.commands: list[AnyCommand] = []
        self.done: dict[str, answers.Answer] = {}
        self.copies: dict[str, Copy] = copies or {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.claims: dict[str, messages.Claim] = {}
        self.coordinator: CoordinatorStatus | None = None
        self.behaviour: dict[str, Behaviour] = {}
        self.lateness: dict[str, list[commands.LateMessage]] = {}
        self.late: dict[str, list[commands.Late]] = {}
        self.size = 100
        self.image: bytes | None = None  # of its checkpoints; none: bytes at random
        self.changed = asyncio.Event()
        self._info = info
        self._use: dict[str, Any] = {}
        will = Will(TOPICS.hub(name, "status"), messages.encode(HubStatus(state="offline", boot="b", start=start)))
        self.session = Session(address, f"midstream-hub-{name}", will=will)
        self._reader: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.session.__aenter__()
        self._reader = asyncio.create_task(self._read())
        await self.session.subscribe(
            {
                TOPICS.hub(self.name, "command"): 1,
                TOPICS.down("+", "+"): 1,
                TOPICS.instance("+", "claim"): 0,
                TOPICS.coordinator_status: 0,
            }
        )
        fields: dict[str, Any] = {
            "hub": self.name, "version": "0", "arch": "x86_64", "cores": 4, "memory": 10**9, "python": "3.11",
            "engines": ["python"], "key": sealing.public_bytes(self.key).hex(), "lease": 0.1, "metrics_every": 0.1,
            "takes_occasions": True,
        }  # fmt: skip
        self.publish(TOPICS.hub(self.name, "info"), HubInfo(**(fields | self._info)), retain=True)
        self.publish(
            TOPICS.hub(self.name, "status"), HubStatus(state="online", boot="b", start=self.start), retain=True
        )
        self.measure()
        self.report()
        self._tasks.add(asyncio.create_task(self._keep_measuring()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.disconnect()
        await self._stop()

    async def crash(self) -> None:
        """Dies without a word."""
        self.session.abort()
        await self._stop()

    async def _stop(self) -> None:
        others = {self._reader, *self._tasks} - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def publish(self, topic: str, message: messages.Message, **how: Any) -> None:
        self.session.publish_nowait(topic, messages.encode(message), **how)

    def answer(self, command: AnyCommand | None, answer: answers.Answer) -> None:
        if command is not None:
            self.done[command.id] = answer
        self.publish(TOPICS.hub(self.name, "answer"), answer)
        self.changed.set()  # what it holds may be another thing now

    async def _keep_measuring(self) -> None:
        with contextlib.suppress(UnreachableError):  # a test has stopped the broker
            while True:
                await asyncio.sleep(5)
                self.measure(**self._use)

    def measure(self, **values: Any) -> None:
        """Tells its metrics; the values that are given stay as they are."""
        self._use = values
        fields = {"cpu": 10.0, "load": 0.1, "memory": 30.0, "memory_available": 10**9, "swap": 0.0, "disk": 10.0}
        self.publish(TOPICS.hub(self.name, "metrics"), HubMetrics(**(fields | values)), qos=0)

    def report(self) -> None:
        holding = [
            answers.Holding(
                instance=name, epoch=copy.epoch, state=copy.state, checkpoint=copy.header.checkpoint, move=copy.move
            )
            for name, copy in self.copies.items()
        ]
        self.answer(None, answers.Report(hub=self.name, boot="b", start=self.start, holding=holding))

    async def until(self, reached: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while not reached():
                self.changed.clear()
                await self.changed.wait()

    def got(self, kind: type[commands.Command]) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]

    async def _read(self) -> None:
        async for delivery in self.session.deliveries():
            self._take(delivery)
            self.changed.set()

    def _take(self, delivery: Delivery) -> None:
        match TOPICS.split(delivery.topic):
            case ["checkpoints", checkpoint, "down", number]:
                self.parts.setdefault(checkpoint, {})[int(number)] = delivery.payload
            case ["instances", instance, "claim"]:
                if delivery.payload:
                    self.claims[instance] = messages.decode(delivery.payload, messages.Claim, delivery.topic)
                else:
                    self.claims.pop(instance, None)
            case ["coordinator", "status"]:
                self.coordinator = messages.decode(delivery.payload, CoordinatorStatus, delivery.topic)
            case ["hubs", _, "command"]:
                command: Any = messages.decode(delivery.payload, AnyCommand, delivery.topic)
                known = command.id in {each.id for each in self.commands}
                self.commands.append(command)
                if known and command.id in self.done:
                    if isinstance(command, commands.Capture) and command.instance in self.copies:
                        copy = self.copies[command.instance]
                        self.send_up(copy.header.checkpoint, copy.blob)
                    self.publish(TOPICS.hub(self.name, "answer"), self.done[command.id])
                elif not known:
                    self._spawn(command)

    def _spawn(self, command: Any) -> None:
        kind = type(command).__name__.lower()
        behaviour = self.behaviour.get(kind) or getattr(type(self), f"do_{kind}")
        task = asyncio.create_task(behaviour(self, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def fail(self, command: Any, message: str) -> None:
        self.answer(
            command,
            answers.Failed(
                hub=self.name, id=command.id, instance=command.instance, error=RestoreError(message).to_wire()
            ),
        )

    # By the book -----------------------------------------------------------------------------------------------------

    def ok(self, command: Any) -> None:
        self.answer(command, answers.Done(hub=self.name, id=command.id, instance=command.instance))

    async def do_prepare(self, command: commands.Prepare) -> None:
        await self.blob(command)
        self.ok(command)

    async def do_capture(self, command: commands.Capture) -> None:
        copy = self.copies[command.instance]
        copy.state = "held" if command.hold else copy.state
        copy.move, copy.handover = command.move, command.handover
        self.capture(command.instance, command)

    def capture(self, instance: str, command: commands.Capture | None = None, **changes: Any) -> answers.Captured:
        """Makes a checkpoint as a hub does: blob up in parts, then the announcement."""
        copy = self.copies[instance]
        image, packed = blobs.pack_image(self.image or secrets.token_bytes(self.size))
        header = msgspec.structs.replace(
            copy.header,
            checkpoint=secrets.token_hex(6),
            parent=copy.header.checkpoint,
            epoch=copy.epoch,
            hub=self.name,
            reason=command.reason if command else "policy",
            place=Place(line="washer.py:7", statement="highest = 1", frames=["washer"]),
            image=image,
        )
        copy.blob = blobs.encode(header, packed, self.key)
        copy.header = header
        told = answers.Captured(
            hub=self.name,
            id=command.id if command else "",
            instance=instance,
            epoch=copy.epoch,
            checkpoint=header.checkpoint,
            parent=header.parent,
            move=command.move if command else "",
            held=bool(command and command.hold),
            reason=header.reason,
            parts=-(-len(copy.blob) // limits.PART),
            size=len(copy.blob),
            digest=blobs.blob_digest(copy.blob).hex(),
            line="washer.py:7",
            statement="highest = 1",
            frames=["washer"],
            variables=[messages.Variable(frame="washer", name="highest", type="float", size=24)],
            phases={"freeze": 0.1, "capture": 0.2, "encode": 0.3},
        )
        told = msgspec.structs.replace(told, **changes)
        self.send_up(header.checkpoint, copy.blob)
        self.answer(command, told)
        return told

    def send_up(self, checkpoint: str, blob: bytes) -> None:
        for number in range(-(-len(blob) // limits.PART)):
            part = blob[number * limits.PART : (number + 1) * limits.PART]
            self.session.publish_nowait(TOPICS.up(checkpoint, number), part)

    async def do_stored(self, command: commands.Stored) -> None:
        copy = self.copies[command.instance]
        if copy.state != "held":
            self.ok(command)
        elif not copy.move:
            copy.state = "suspended"
            self.ok(command)
        else:
            copy.state = "moving"
            if copy.handover == "disconnect":
                self.send_late(command.instance)
            self.answer(
                command,
                answers.Released(
                    hub=self.name,
                    id=command.id,
                    instance=command.instance,
                    epoch=copy.epoch,
                    move=copy.move,
                    checkpoint=command.checkpoint,
                    published=3,
                    disconnected=copy.handover == "disconnect",
                ),
            )

    def send_late(self, instance: str) -> None:
        late = self.lateness.pop(instance, [])
        told = answers.LateMail(
            hub=self.name, instance=instance, epoch=self.copies[instance].epoch, index=0, total=1, messages=late
        )
        self.answer(None, told)

    async def do_goon(self, command: commands.GoOn) -> None:
        if command.instance in self.copies:
            self.copies[command.instance].state = "running"
        self.ok(command)

    async def blob(self, command: commands.Prepare | commands.Restore) -> bytes:
        if command.parts == 0 and command.instance in self.copies:
            held = self.copies[command.instance]
            if held.header.checkpoint == command.checkpoint:
                return held.blob
        needed = -(-command.size // limits.PART)
        await self.until(lambda: len(self.parts.get(command.checkpoint, {})) >= needed)
        return b"".join(self.parts[command.checkpoint][number] for number in range(needed))

    async def do_restore(self, command: commands.Restore) -> None:
        await self.until(lambda: self.coordinator is not None and self.coordinator.key)
        body = claims.read(command.claim, bytes.fromhex(self.coordinator.key))
        assert (body.instance, body.epoch, body.hub) == (command.instance, command.epoch, self.name)
        blob = await self.blob(command)
        header, _ = blobs.decode_header(blob, digest=body.digest)
        assert header.instance == command.instance
        self.copies[command.instance] = Copy(header, blob, command.epoch)
        phases = {"start": 0.1, "decode": 0.2, "resume": 0.3}
        running = answers.Running(
            hub=self.name,
            id=command.id,
            instance=command.instance,
            epoch=command.epoch,
            move=command.move,
            phases=phases,
        )
        self.answer(command, running)

    async def do_drain(self, command: commands.Drain) -> None:
        self.become("online" if command.undo else "draining")
        self.ok(command)

    def become(self, state: str, **values: Any) -> None:
        status = HubStatus(state=state, boot="b", start=self.start, **values)
        self.publish(TOPICS.hub(self.name, "status"), status, retain=True)

    async def do_late(self, command: commands.Late) -> None:
        self.late.setdefault(command.instance, []).append(command)
        self.ok(command)

    async def do_fenced(self, command: commands.Fenced) -> None:
        copy = self.copies.get(command.instance)
        if copy is not None and copy.epoch < command.epoch and command.hub != self.name:
            if copy.handover == "takeover":
                self.send_late(command.instance)
            del self.copies[command.instance]
        self.ok(command)

    async def do_offer(self, command: commands.Offer) -> None:
        copy = self.copies[command.instance]
        assert copy.header.checkpoint == command.checkpoint
        self.send_up(command.checkpoint, copy.blob)
        header = copy.header
        self.answer(
            command,
            answers.Captured(
                hub=self.name,
                id=command.id,
                instance=header.instance,
                epoch=header.epoch,
                checkpoint=header.checkpoint,
                parent=header.parent,
                parts=-(-len(copy.blob) // limits.PART),
                size=len(copy.blob),
                digest=blobs.blob_digest(copy.blob).hex(),
                line="washer.py:7",
                offered=True,
            ),
        )

    async def do_noted(self, command: commands.Noted) -> None:
        self.ok(command)

    async def do_stop(self, command: commands.Stop) -> None:
        self.copies.pop(command.instance, None)
        self.ok(command)

    def end(self, instance: str, state: str = "finished", **values: Any) -> None:
        copy = self.copies[instance]
        self.answer(None, answers.Ended(hub=self.name, instance=instance, epoch=copy.epoch, state=state, **values))


def dies_with(other: ScriptedHub) -> Behaviour:
    """Returns the behaviour of a hub that dies at a command, and another one with it."""

    async def both_die(hub: ScriptedHub, _: Any) -> None:
        await other.crash()
        await hub.crash()

    return both_die

"""A hub as the protocol wants one, without processes: a disk, copies of functions, and what it does with each command.

Which command is new, and what is answered to a repeat, is decided by the code that runs (`devices.hub.commands`). A function
is a number that grows: each step makes one output, which holds a secret of its step. So two runs of the same step can be
told apart, and an output of a state that was rolled back is one that nobody's state remembers.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from network import TOPICS, Network

from devices.errors import FencedError, MidstreamError, ProtocolError, RefusedError, RestoreError
from devices.hub.commands import Commands
from devices.hub.tasks import Tasks
from devices.mqtt.delivery import Delivery
from devices.protocol import answers, claims, commands, limits, messages, sealing
from devices.protocol import checkpoint as blobs
from devices.protocol.checkpoint import Header, Place
from devices.protocol.messages import Claim, ClaimBody, HubInfo, HubMetrics, HubStatus


@dataclass
class Kept:
    """What a hub's disk has of an instance."""

    claim: Claim
    muted: bool = False
    checkpoints: dict[str, tuple[Header, bytes]] = field(default_factory=dict)  # oldest first
    verdict: tuple[str, ...] | None = None

    @property
    def newest(self) -> tuple[Header, bytes]:
        return list(self.checkpoints.values())[-1]


class Copy:
    """A function on a hub."""

    def __init__(self, hub: ModelHub, header: Header, blob: bytes, epoch: int) -> None:
        self.hub = hub
        self.name = header.instance
        self.header = header
        self.epoch = epoch
        self.state = "running"
        self.frozen = False
        self.move = ""
        self.handover = "takeover"
        self.published = 0
        self.muted = False
        self.outputs = outputs_in(blob)
        self.durable = header.sequence
        self.pending: dict[str, answers.Captured] = {}
        self.late_mail_due = False

    @property
    def acts(self) -> bool:
        """Whether what it does would have effect: it runs, has the session, and its hub the broker."""
        mine = self.hub.network.owners.get(self.name) is self
        return self.hub.up and self.state == "running" and not self.frozen and mine

    def step(self) -> None:
        self.outputs.append(secrets.token_hex(4))

    def let_go(self) -> None:
        """Publishes what a durable checkpoint covers."""
        if self.hub.up and not self.frozen and not self.muted and self.hub.network.owners.get(self.name) is self:
            for number in range(self.published, self.durable):
                self.hub.on_output(self.name, number + 1, self.outputs[number])
            self.published = max(self.published, self.durable)

    def session_lost(self) -> None:
        self.frozen = True
        if self.hub.up:
            self.hub.tasks.start(self.hub.look_at_claim(self), f"{self.name} lost its session")


def outputs_in(blob: bytes) -> list[str]:
    """Returns the outputs that a state has made."""
    checkpoint = blobs.decode(blob)
    return cast("list[str]", json.loads(checkpoint.image)) if checkpoint.header.image is not None else []


class ModelHub:
    """A hub; its disk and its key outlive it.

    Args:
        name: the hub's.
        network: the broker.
        on_output: is told each output that leaves: instance, number, secret.
    """

    def __init__(self, name: str, network: Network, on_output: Callable[[str, int, str], None]) -> None:
        self.name = name
        self.network = network
        self.on_output = on_output
        self.key = Ed25519PrivateKey.generate()
        self.disk: dict[str, Kept] = {}
        self.starts = 0
        self.alive = False
        self.up = False
        self.refuses = 0  # so many restores fail
        self.carried_out: list[str] = []

    # Life -------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.starts += 1
        self.alive = True
        self.tasks = Tasks(f"hub {self.name}")
        self.copies: dict[str, Copy] = {}
        self.claims: dict[str, ClaimBody] = {}
        self.public: bytes | None = None
        self.letters: list[tuple[str, bytes, bool]] = []
        self.parts: dict[str, dict[int, bytes]] = {}
        self.came = asyncio.Event()
        self.carried_out.clear()
        itself = cast("Any", self)
        self.commands = Commands(self.name, itself, itself, self.drain, itself, start=self.starts)
        for name, kept in self.disk.items():
            header, blob = kept.newest
            copy = self.copies[name] = Copy(self, header, blob, kept.claim.epoch)
            copy.frozen, copy.muted = True, kept.muted
            copy.state = {"suspended": "suspended", "released": "moving"}.get((kept.verdict or ("",))[0], "running")
            copy.move = kept.verdict[1] if copy.state == "moving" and kept.verdict else ""
        self.connect()

    def kill(self) -> None:
        self.disconnect()
        self.alive = False
        for task in [*self.tasks._tasks, *self.commands._tasks._tasks]:
            task.cancel()

    def connect(self) -> None:
        self.up = True
        filters = [TOPICS.hub(self.name, "command"), TOPICS.instance("+", "claim"), TOPICS.coordinator_status]
        self.network.connect(f"hub {self.name}", [*filters, TOPICS.down("+", "+")], self.take)
        self._retain("status", HubStatus(state="online", boot="b", start=self.starts))
        public = sealing.public_bytes(self.key).hex()
        self._retain("info", HubInfo(
            hub=self.name, version="0", arch="x86_64", cores=4, memory=10**9, python="3.11", engines=["python"], key=public,
        ))  # fmt: skip
        holding = [
            answers.Holding(
                instance=name, epoch=copy.epoch, state=cast("Any", copy.state), checkpoint=copy.header.checkpoint,
                move=copy.move,
            )
            for name, copy in self.copies.items()
        ]  # fmt: skip
        letters, self.letters = self.letters, []
        self.answer(answers.Report(hub=self.name, boot="b", start=self.starts, holding=holding))
        for topic, payload, retain in letters:
            self.send(topic, payload, retain=retain)
        self.measure()
        for copy in list(self.copies.values()):
            self.tasks.start(self.look_at_claim(copy), f"{copy.name} has a connection again")
        self.came.set()

    def disconnect(self) -> None:
        """The broker no longer hears it, and says so."""
        if self.up:
            self.up = False
            self.network.disconnect(f"hub {self.name}")
            gone = messages.encode(HubStatus(state="offline", boot="b", start=self.starts))
            self.network.publish(f"hub {self.name}", TOPICS.hub(self.name, "status"), gone, retain=True)
            for copy in self.copies.values():
                copy.frozen = True

    def measure(self) -> None:
        metrics = HubMetrics(cpu=1.0, load=0.1, memory=1.0, memory_available=10**9, swap=0.0, disk=1.0)
        if self.up:
            self.network.publish(f"hub {self.name}", TOPICS.hub(self.name, "metrics"), messages.encode(metrics))

    def _retain(self, leaf: str, message: messages.Message) -> None:
        self.send(TOPICS.hub(self.name, leaf), messages.encode(message), retain=True)

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Sends what must arrive: kept over a lost connection."""
        if self.up:
            self.network.publish(f"hub {self.name}", topic, payload, retain=retain)
        else:
            self.letters.append((topic, payload, retain))

    def answer(self, answer: answers.Answer) -> None:
        self.send(TOPICS.hub(self.name, "answer"), messages.encode(answer))

    # What it hears ----------------------------------------------------------------------------------------------------

    def take(self, delivery: Delivery) -> None:
        match TOPICS.split(delivery.topic):
            case ["checkpoints", checkpoint, "down", number]:
                self.parts.setdefault(checkpoint, {})[int(number)] = delivery.payload
            case ["hubs", _, "command"]:
                self.commands.take(delivery.payload, delivery.topic)
            case ["instances", instance, "claim"] if delivery.payload:
                self._take_claim(instance, messages.decode(delivery.payload, Claim, delivery.topic))
            case ["coordinator", "status"]:
                status = messages.decode(delivery.payload, messages.CoordinatorStatus, delivery.topic)
                self.public = bytes.fromhex(status.key)
        came, self.came = self.came, asyncio.Event()
        came.set()

    def _take_claim(self, instance: str, claim: Claim) -> None:
        if self.public is None:
            return
        body = claims.read(claim, self.public)
        known = self.claims.get(instance)
        if known is None or known.epoch < body.epoch:
            self.claims[instance] = body
            self._fence(instance, body.epoch, body.hub)

    async def look_at_claim(self, copy: Copy) -> None:
        """The session is lost, or this life has just begun: who may act is read first (rule 2)."""
        if copy.late_mail_due:
            self.send_late_mail(copy)
        while self.copies.get(copy.name) is copy:
            payload = self.network.retained.get(TOPICS.instance(copy.name, "claim"))
            if self.up and payload:
                if messages.decode(payload, Claim, "claim").epoch > copy.epoch:
                    self.forget(copy)
                elif copy.state != "moving":
                    self.open(copy)
                return
            await asyncio.sleep(1.0)

    def open(self, copy: Copy) -> None:
        self.network.take_over(copy.name, copy)
        copy.frozen = False
        copy.let_go()

    def forget(self, copy: Copy) -> None:
        if self.copies.get(copy.name) is copy:
            del self.copies[copy.name]
            kept = self.disk.get(copy.name)
            if kept is not None and kept.claim.epoch <= copy.epoch:
                del self.disk[copy.name]
        copy.frozen, copy.state = True, "gone"

    # Commands: what `devices.hub.instances` does ----------------------------------------------------------------------

    def _done(self, command: commands.Command, state: str = "") -> answers.Done:
        return answers.Done(hub=self.name, id=command.id, instance=command.instance, state=state)

    def _acting(self, command: Any) -> Copy:
        copy = self.copies.get(command.instance)
        if copy is None:
            raise RefusedError(f"{command.instance} is not here")
        if copy.epoch != command.epoch:
            raise FencedError(f"{command.instance} acts here in epoch {copy.epoch}, not {command.epoch}")
        return copy

    async def blob(self, command: commands.Prepare | commands.Restore) -> bytes:
        kept = self.disk.get(command.instance)
        if kept is not None and command.checkpoint in kept.checkpoints:
            return kept.checkpoints[command.checkpoint][1]
        if isinstance(command, commands.Restore) and not command.parts and command.checkpoint not in self.parts:
            raise RestoreError("it is not here")
        needed = -(-command.size // limits.PART)
        while len(self.parts.get(command.checkpoint, {})) < needed:
            await self.came.wait()
        return b"".join(self.parts[command.checkpoint][number] for number in range(needed))

    async def prepare(self, command: commands.Prepare) -> answers.Answer:
        self._count(command)
        await self.blob(command)
        return self._done(command, "prepared")

    async def capture(self, command: commands.Capture) -> answers.Answer:
        self._count(command)
        copy = self._acting(command)
        if copy.state == "held" and copy.move == command.move and command.hold:
            self.announce_again(copy.pending[copy.header.checkpoint])
            return copy.pending[copy.header.checkpoint]
        if copy.state not in ("running", "suspended"):
            raise RefusedError(f"{copy.name} is {copy.state}")
        if command.hold:
            copy.state, copy.move, copy.handover = "held", command.move, command.handover
        return self.checkpoint(copy, command)

    def checkpoint(self, copy: Copy, command: commands.Capture | None = None) -> answers.Captured:
        """Makes a checkpoint of a copy: on the disk, then on its way up."""
        image, packed = blobs.pack_image(json.dumps(copy.outputs).encode())
        header = msgspec.structs.replace(
            copy.header, checkpoint=secrets.token_hex(6), parent=copy.header.checkpoint, epoch=copy.epoch, hub=self.name,
            reason="model", place=Place(line="f.py:1", statement="x", frames=["f"]), image=image,
            sequence=len(copy.outputs),
        )  # fmt: skip
        blob = blobs.encode(header, packed, self.key)
        self.disk[copy.name].checkpoints[header.checkpoint] = header, blob
        copy.header = header
        told = copy.pending[header.checkpoint] = answers.Captured(
            hub=self.name, id=command.id if command else "", instance=copy.name, epoch=copy.epoch,
            checkpoint=header.checkpoint, parent=header.parent, move=command.move if command else "",
            held=bool(command and command.hold), parts=-(-len(blob) // limits.PART), size=len(blob),
            digest=blobs.blob_digest(blob).hex(), line="f.py:1",
        )  # fmt: skip
        self.announce_again(told)
        self.tasks.start(self._until_durable(copy, told), f"{copy.name} waits for the verdict")
        return told

    async def _until_durable(self, copy: Copy, told: answers.Captured) -> None:
        """Announces again while nobody says what becomes of it; no time-out decides."""
        while True:
            await asyncio.sleep(limits.VERDICT)
            held = copy.state == "held" and copy.header.checkpoint == told.checkpoint
            if self.copies.get(copy.name) is not copy or not (held or told.checkpoint in copy.pending):
                return
            self.announce_again(told)

    @property
    def lives(self) -> dict[str, Any]:
        """What `devices.hub.offering` looks at."""

        def read(name: str, checkpoint: str) -> bytes | None:
            return self.disk[name].checkpoints.get(checkpoint, (None, None))[1]

        return {
            name: SimpleNamespace(instance=SimpleNamespace(spool=SimpleNamespace(read=partial(read, name))))
            for name in self.copies
        }

    def upload(self, checkpoint: str, blob: bytes) -> int:
        parts = range(0, len(blob), limits.PART)
        for number, start in enumerate(parts):
            self.send(TOPICS.up(checkpoint, number), blob[start : start + limits.PART])
        return len(parts)

    def announce_again(self, told: answers.Captured) -> None:
        kept = self.disk.get(told.instance)
        if kept is not None and told.checkpoint in kept.checkpoints:
            blob = kept.checkpoints[told.checkpoint][1]
            self.upload(told.checkpoint, blob)
        self.answer(told)

    async def stored(self, command: commands.Stored) -> answers.Answer:
        self._count(command)
        copy = self.copies.get(command.instance)
        if copy is None:
            return self._done(command, "gone")
        if copy.state == "moving" and copy.header.checkpoint == command.checkpoint:
            return self._released(copy, command)
        if command.checkpoint in copy.pending:
            kept = self.disk[copy.name].checkpoints
            for older in list(copy.pending):
                del copy.pending[older]
                copy.durable = max(copy.durable, kept[older][0].sequence)
                if older == command.checkpoint:
                    break
            copy.let_go()
        if copy.state != "held" or copy.header.checkpoint != command.checkpoint:
            return self._done(command, copy.state)
        if not copy.move:
            self.disk[copy.name].verdict = ("suspended",)
            copy.state = "suspended"
            return self._done(command, copy.state)
        if copy.published < copy.durable and not copy.muted:
            raise RefusedError("the connection is gone")
        self.disk[copy.name].verdict = ("released", copy.move)
        copy.state = "moving"
        if copy.handover == "disconnect":
            self.network.owners.pop(copy.name, None)
            self.send_late_mail(copy)
        else:
            copy.late_mail_due = True
        return self._released(copy, command)

    def _released(self, copy: Copy, command: commands.Stored) -> answers.Released:
        return answers.Released(
            hub=self.name, id=command.id, instance=copy.name, epoch=copy.epoch, move=copy.move,
            checkpoint=copy.header.checkpoint, published=copy.published, disconnected=copy.handover == "disconnect",
        )  # fmt: skip

    def send_late_mail(self, copy: Copy) -> None:
        copy.late_mail_due = False
        self.answer(
            answers.LateMail(hub=self.name, instance=copy.name, epoch=copy.epoch, index=0, total=1, messages=[])
        )

    def go_on(self, command: commands.GoOn) -> answers.Answer:
        self._count(command)
        copy = self.copies.get(command.instance)
        if copy is None:
            return self._done(command, "gone")
        holds = copy.state == "held" or (copy.state == "suspended" and not command.move)
        if holds and (copy.epoch, copy.move) == (command.epoch, command.move):
            copy.state, copy.move = "running", ""
            self.disk[copy.name].verdict = None
        return self._done(command, copy.state)

    async def restore(self, command: commands.Restore) -> answers.Answer:
        self._count(command)
        if self.public is None:
            raise RefusedError("no coordinator is known")
        body = claims.read(command.claim, self.public)
        if (body.instance, body.epoch, body.hub, body.checkpoint) != (
            command.instance, command.epoch, self.name, command.checkpoint,
        ):  # fmt: skip
            raise ProtocolError("the claim says something else")
        newest = self.claims.get(command.instance)
        if newest is not None and newest.epoch > command.epoch:
            raise FencedError("claimed elsewhere")
        self.claims[command.instance] = body
        copy = self.copies.get(command.instance)
        if copy is not None and copy.epoch >= command.epoch:
            if copy.epoch > command.epoch:
                raise FencedError("a newer epoch acts here")
            return self._running(command)
        if self.refuses:
            self.refuses -= 1
            raise RestoreError("this hub is broken")
        blob = await self.blob(command)
        header, _ = blobs.decode_header(blob, digest=body.digest)
        if copy is not None and copy.late_mail_due:
            copy.late_mail_due = False
        kept = self.disk.get(command.instance)
        checkpoints = dict(kept.checkpoints) if kept else {}
        checkpoints.pop(header.checkpoint, None)
        self.disk[command.instance] = Kept(
            command.claim, command.muted, {**checkpoints, header.checkpoint: (header, blob)}
        )
        if copy is not None:
            copy.state, copy.frozen = "gone", True
        new = self.copies[command.instance] = Copy(self, header, blob, command.epoch)
        new.published, new.muted = command.published, command.muted
        if not self.up:
            raise MidstreamError("no broker")
        self.open(new)
        return self._running(command)

    def _running(self, command: commands.Restore) -> answers.Running:
        return answers.Running(
            hub=self.name, id=command.id, instance=command.instance, epoch=command.epoch, move=command.move
        )

    def late(self, command: commands.Late) -> answers.Answer:
        self._count(command)
        self._acting(command)
        return self._done(command)

    async def stop(self, command: commands.Stop) -> answers.Answer:
        self._count(command)
        if command.instance in self.copies:
            self.forget(self._acting(command))
        return self._done(command, "stopped")

    def fenced(self, command: commands.Fenced) -> answers.Answer:
        self._count(command)
        self._fence(command.instance, command.epoch, command.hub)
        return self._done(command)

    def _fence(self, instance: str, epoch: int, hub: str) -> None:
        copy = self.copies.get(instance)
        if copy is None or copy.epoch >= epoch or hub == self.name:
            return
        copy.frozen = True
        if copy.late_mail_due:
            if self.network.owners.get(instance) is copy:
                return  # told when the next hub has taken the session over
            self.send_late_mail(copy)
        self.forget(copy)

    async def drain(self, command: commands.Drain) -> answers.Answer:
        return self._done(command)

    def _count(self, command: commands.Command) -> None:
        self.carried_out.append(command.id)

"""The hub's side of a real worker process, played by a test frame by frame."""

from __future__ import annotations

import asyncio
import signal
import socket
import textwrap
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from devices.protocol import link
from devices.runtime.spawner_client import Spawner, WorkerProcess

PATIENCE = 30.0  # seconds until a test gives up
FRONT_DOOR = "from midstream import ctx, function\n"
F = TypeVar("F", bound=link.Frame)


class ScriptedHub:
    """One worker and its link; frames that only tell something are kept aside by kind."""

    def __init__(self, worker: WorkerProcess, hub: str = "hub-a") -> None:
        self.worker = worker
        self.hub = hub
        self.asides: list[link.Frame] = []
        self.delivered = 0
        self.completes = True  # captures without an image are given theirs at once
        self._received = b""
        worker.connection.settimeout(PATIENCE)
        worker.hatch.settimeout(PATIENCE)

    def send(self, frame: link.Frame) -> None:
        self.worker.connection.sendall(link.pack(frame))

    def frame(self) -> link.Frame:
        """The next frame of any kind."""
        frame = self._frame()
        if isinstance(frame, link.Captured) and not frame.image and self.completes:
            return self.completed(frame)
        return frame

    def stream(self) -> socket.socket:
        """What the worker has put into its hatch."""
        _, descriptors, _, _ = socket.recv_fds(self.worker.hatch, 8, 1)
        stream = socket.socket(fileno=descriptors[0])
        stream.settimeout(PATIENCE)
        return stream

    def completed(self, captured: link.Captured) -> link.Captured | link.NotCaptured:
        """A capture with the image that a copy of the worker makes, or what came instead."""
        with self.stream() as stream, stream.makefile("rb") as file:
            data = file.read()
        frame = link.for_hub(data[4:])
        if isinstance(frame, link.NotCaptured):
            return frame
        return msgspec.structs.replace(captured, image=frame.image, encode_ms=frame.encode_ms)

    def _frame(self) -> link.Frame:
        while True:
            if len(self._received) >= 4:
                end = 4 + link.body_length(self._received[:4])
                if len(self._received) >= end:
                    body, self._received = self._received[4:end], self._received[end:]
                    return link.for_hub(body)
            chunk = self.worker.connection.recv(1 << 20)
            if not chunk:
                raise EOFError(f"the worker is gone; before it sent {self.asides}")
            self._received += chunk

    def expect(self, kind: type[F]) -> F:
        """The next frame that is not an aside; it must be of this kind."""
        while True:
            frame = self.frame()
            if isinstance(frame, kind):
                return frame
            assert isinstance(frame, link.Log | link.Status | link.Sleeping), (
                f"{frame} came, {kind.__name__} was expected"
            )
            self.asides.append(frame)

    def lines(self) -> list[str]:
        """What the function printed so far."""
        return [frame.text for frame in self.asides if isinstance(frame, link.Log)]

    def load(self, text: str, module: str = "story") -> None:
        self.send(link.Load(module=module, files={f"{module}.py": FRONT_DOOR + textwrap.dedent(text).lstrip("\n")}))
        ready = self.expect(link.Ready)
        assert ready.error is None, ready.error

    def begin(self, function: str = "story", **fields: object) -> link.Started:
        begin = {"instance": "story", "hub": self.hub, "epoch": 1, "timezone": "Europe/Berlin", "function": function}
        self.delivered = fields.get("delivered", 0)
        self.send(link.Begin(**{**begin, **fields}))
        self.started = self.expect(link.Started)
        return self.started

    def grant(self) -> link.Subscribe:
        """Answers a subscription."""
        wanted = self.expect(link.Subscribe)
        self.send(link.Subscribed(subscription=wanted.subscription))
        return wanted

    def deliver(self, topic: str = "t", payload: bytes | str = b"", *, subscription: int = 1, **fields: object) -> None:
        """Gives a message; its pull must have come."""
        self.delivered += 1
        self.send(self.message(topic, payload, subscription=subscription, number=self.delivered, **fields))

    def message(self, topic: str, payload: bytes | str, **fields: object) -> link.Deliver:
        data = payload.encode() if isinstance(payload, str) else payload
        usual = {"number": 0, "arrival": 0, "subscription": 1, "qos": 1, "retain": False, "at": 1_767_225_600.0}
        return link.Deliver(**{**usual, "topic": topic, "payload": data, **fields})

    def ask_for_capture(self, number: int = 1, *, hold: bool = False, limit: float = 5.0) -> None:
        self.send(link.Capture(number=number, hold=hold, limit=limit))
        self.worker.send_signal(signal.SIGUSR1)

    def capture(self, number: int = 1, *, hold: bool = False) -> link.Captured:
        self.ask_for_capture(number, hold=hold)
        return self.expect(link.Captured)

    def result(self) -> object:
        """What the function returned; a failure is shown."""
        frame = self.expect(link.Returned | link.Raised)
        assert isinstance(frame, link.Returned), frame
        return msgspec.json.decode(frame.result) if frame.result is not None else None


class Workers:
    """Workers of one spawner; `go_on` makes a new one that takes up what another was captured as."""

    def __init__(self, spawner: Spawner) -> None:
        self.spawner = spawner
        self.hubs: list[ScriptedHub] = []
        self._text = ""

    async def start(self, text: str, **fields: object) -> ScriptedHub:
        """A worker that runs ``story()`` of this text."""
        self._text = text
        hub = await self.ready()
        hub.load(text)
        hub.begin(**fields)
        return hub

    async def go_on(self, captured: link.Captured, **fields: object) -> ScriptedHub:
        """Another worker, on hub-b, that goes on from an image."""
        hub = await self.ready("hub-b")
        hub.load(self._text)
        given = {
            "image": captured.image,
            "checkpoint": "c-1",
            "epoch": 2,
            "sequence": captured.sequence,
            "delivered": captured.delivered,
        }
        hub.begin(**{**given, **fields})
        return hub

    async def ready(self, name: str = "hub-a") -> ScriptedHub:
        hub = ScriptedHub(await self.spawner.fork(), name)
        self.hubs.append(hub)
        assert hub.expect(link.Ready).pid == hub.worker.pid
        return hub

    def close(self) -> None:
        for hub in self.hubs:
            hub.worker.close()


async def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)

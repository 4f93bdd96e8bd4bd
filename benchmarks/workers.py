"""What a function's process costs: the pause of a live checkpoint, the way from a blob to a statement, its memory.

Real workers of a real warm parent, with this process in the place of the hub agent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.spread import percentile
from devices.hub.checkpoints import Cut, make
from devices.hub.workers import Worker, Workers
from devices.protocol import checkpoint as blobs
from devices.protocol import limits, link
from devices.protocol.checkpoint import ConsumedRecord, EngineRecord, FunctionRecord, Header, MailboxRecord

STATE: Final = 64 * limits.MIB
"""Bytes of memory that the state of a live checkpoint has."""
ONE_READING: Final = 440  # bytes of memory, of those below
LIVE: Final = '''
import random
import time

from midstream import function


@function
def live(kind: str, count: int):
    """Looks at the clock, changes its state, and tells when it stood still."""
    if kind == "bytes":
        state = {number: [number, random.Random(number).randbytes(count)] for number in range(64)}
    else:
        state = {number: [number, {"name": f"reading {number}", "value": number * 1.5}] for number in range(count)}
    print("ready")
    turn, last = 0, time.monotonic()
    while state:
        turn += 1
        state[turn % len(state)][0] += 1
        before, last = last, time.monotonic()
        if last - before > 0.0002:
            print("stood still", before, last)
            last = time.monotonic()
'''
SMALL: Final = '''
from midstream import ctx, function


def inner(readings, limit):
    total = 0
    for name, value in readings.items():
        total += value
        if value > limit:
            ctx.next()
    return total


def middle(readings):
    highest = 0
    for limit in (10, 20, 30):
        highest = max(highest, inner(readings, limit))
    return highest


@function
def small():
    """Waits in its third frame, with some 1 KB of state."""
    readings = {f"sensor-{n}": n * 1.5 for n in range(40)}
    return middle(readings)
'''
REST: Final = 0.3  # seconds; the warm parent forks ahead after a third of it
_WAIT: Final = 60.0  # seconds until a worker that does not answer ends the measurement


@dataclass
class Talk:
    """The conversation with one worker.

    Attributes:
        lines: what the function printed.
    """

    worker: Worker
    lines: list[str] = field(default_factory=list)
    _frames: asyncio.Queue[tuple[float, link.ToHub]] = field(default_factory=asyncio.Queue)
    _number: int = 0

    def _take(self, frame: link.ToHub) -> None:
        if isinstance(frame, link.Log):
            self.lines.append(frame.text)
        self._frames.put_nowait((time.monotonic(), frame))

    async def next(self, kind: type[link.Frame]) -> tuple[float, Any]:
        """Returns when the next frame of a kind came, and the frame."""
        async with asyncio.timeout(_WAIT):
            while True:
                at, frame = await self._frames.get()
                if isinstance(frame, kind):
                    return at, frame

    def begin(self, function: str, image: bytes | None = None, **arguments: Any) -> None:
        """Has the function begin, or go on."""
        self.worker.on_frame = self._take
        self.worker.send(
            link.Begin(
                instance=function,
                hub="here",
                epoch=1,
                timezone="UTC",
                function=function,
                arguments=arguments,
                image=image,
            )
        )

    async def capture(self) -> tuple[float, float, link.Captured]:
        """Returns when a live checkpoint was asked for, when its frame came, and that, with the image."""
        self._number += 1
        asked = time.monotonic()
        self.worker.capture(link.Capture(number=self._number, hold=False))
        came, captured = await self.next(link.Captured)
        if not captured.image:
            encoded = await self.worker.image(captured.number, _WAIT)
            captured.image, captured.encode_ms = encoded.image, encoded.encode_ms
        return asked, came, captured


def record(name: str, source: str) -> FunctionRecord:
    """Returns a function as checkpoints have it."""
    return FunctionRecord(
        name=name, module=name, files={f"{name}.py": source}, digest=b"", arguments={}, settings={}
    )  # fmt: skip


async def _live(kind: str, count: int, rounds: int) -> dict[str, Any]:
    """The pause of live checkpoints of a function that changes its state all the time."""
    async with Workers() as workers:
        talk = Talk(await workers.loaded(record("live", LIVE)))
        talk.begin("live", kind=kind, count=count)
        await talk.next(link.Log)
        taken = []
        for _ in range(rounds):
            await asyncio.sleep(0.1)
            taken.append(await talk.capture())
        await asyncio.sleep(0.1)
        still = [tuple(map(float, line.split()[2:])) for line in talk.lines if line.startswith("stood still")]
        memory = _memory(talk.worker.pid, "Rss")
    pauses = [
        max(((last - before) * 1000 for before, last in still if last > asked and before < came), default=0.0)
        for asked, came, _ in taken
    ]
    return {
        "pause_p50_ms": round(percentile(pauses, 50), 2),
        "pause_worst_ms": round(max(pauses), 2),
        "encoded_beside_p50_ms": round(percentile([captured.encode_ms for _, _, captured in taken], 50), 1),
        "image_bytes": len(taken[-1][2].image),
        "process_mib": round(memory / limits.MIB),
    }


async def resumed(name: str, source: str, rounds: int, **arguments: Any) -> dict[str, Any]:
    """Captures a function that waits for a message, and has it go on in workers that are forked for it.

    Args:
        name: of the function.
        source: its file.
        rounds: captures, and workers.
        arguments: the function's.

    Returns:
        The bytes of the checkpoint; milliseconds from asking for a live capture to its image; and from a blob in hand to
        the next statement, in a worker forked ahead by a warm parent at rest, and in one forked when it is needed.
    """
    async with Workers() as workers:
        talk = Talk(await workers.loaded(record(name, source)))
        talk.begin(name, **arguments)
        await talk.next(link.Pull)
        captured = []
        for _ in range(rounds):
            began = time.monotonic()
            _, _, capture = await talk.capture()
            captured.append((time.monotonic() - began) * 1000)
        talk.worker.close()
        blob = _blob(capture, record(name, source))
        took = [await _first_statement(workers, name, blob, rest=REST) for _ in range(rounds)]
        in_a_row = [await _first_statement(workers, name, blob) for _ in range(rounds)]
    return {
        "blob_bytes": len(blob),
        "blob_bytes_beyond_source": len(blob) - len(source),
        "captured_p50_ms": round(percentile(captured, 50), 2),
        "first_statement_p50_ms": round(percentile(took, 50), 2),
        "first_statement_p99_ms": round(percentile(took, 99), 2),
        "first_statement_in_a_row_p50_ms": round(percentile(in_a_row, 50), 2),
    }


async def _first_statement(workers: Workers, name: str, blob: bytes, *, rest: float = 0.0) -> float:
    """Returns the milliseconds from a blob in hand to the next statement, after seconds in which nothing was asked."""
    await asyncio.sleep(rest)
    began = time.monotonic()
    checkpoint = blobs.decode(blob)
    talk = Talk(await workers.loaded(checkpoint.header.function))
    talk.begin(name, checkpoint.image)
    came, _ = await talk.next(link.Started)
    talk.worker.close()
    return (came - began) * 1000


def _blob(captured: link.Captured, function: FunctionRecord) -> bytes:
    """Returns the checkpoint that a hub makes of a capture."""
    mailbox = MailboxRecord(subscriptions=[], unread=[], repeats=[], arrivals=0, delivered=0, dropped=0)
    parent = Header(
        checkpoint="", instance=function.name, parent="", epoch=1, created="", hub="here", reason="asked",
        function=function, engine=EngineRecord(name="", normal_form=0, python="", implementation=""),
        place=None, mailbox=mailbox, outputs=[], sequence=0, image=None,
    )  # fmt: skip
    cut = Cut(number=1, frame=captured, mailbox=mailbox, consumed=ConsumedRecord(arrivals=[]), outputs=[], sequence=0)
    key = Ed25519PrivateKey.generate()
    return make(cut, parent, hub="here", epoch=1, reason="asked", key=key, packed=b"").blob


async def _idle() -> dict[str, Any]:
    """The memory of workers that wait: without a function, and with one; four of them, which share with their parent.

    They are asked for in a row, so one of the first four was forked ahead.
    """
    async with Workers() as workers:
        empty = [await workers.fork() for _ in range(4)]
        await asyncio.sleep(1)  # until they have nothing to do any more
        without = [_memory(worker.pid, "Pss") for worker in empty]
        for worker in empty:
            worker.close()
        waiting = [Talk(await workers.loaded(record("small", SMALL))) for _ in range(4)]
        for talk in waiting:
            talk.begin("small")
            await talk.next(link.Pull)
        within = [_memory(talk.worker.pid, "Pss") for talk in waiting]
    return {
        "without_function_pss_mib": round(percentile(without, 50) / limits.MIB, 1),
        "waiting_function_pss_mib": round(percentile(within, 50) / limits.MIB, 1),
    }


def _memory(pid: int, kind: str) -> int:
    """Returns the bytes of memory of a process: ``Rss``, or ``Pss``: its share of what it has in common with others."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * limits.KIB
    raise LookupError(kind)


def run(rounds: int) -> dict[str, Any]:
    """Returns the figures.

    Args:
        rounds: live checkpoints of each kind; ten times as many workers that go on.
    """
    kinds: dict[str, Callable[[], Any]] = {
        "objects": lambda: _live("objects", STATE // ONE_READING, rounds),
        "bytes": lambda: _live("bytes", STATE // 64, rounds),
    }
    return {
        "live_checkpoint": {kind: asyncio.run(measured()) for kind, measured in kinds.items()},
        "resume": asyncio.run(resumed("small", SMALL, 10 * rounds)),
        "idle_worker": asyncio.run(_idle()),
    }

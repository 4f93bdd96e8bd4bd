"""What goes between `exercise` and the interpreters in which functions run: MessagePack, each packet with its length.

Pipes, and not a socket handed over, so that any command line that starts a Python will do: qemu, chroot, a container.
"""

from __future__ import annotations

import os
import struct
from datetime import UTC
from typing import Any, Final, TypeAlias

import msgspec

from devices.protocol.occasion import Occasion
from devices.runtime.message import message_of

_HEAD: Final = struct.Struct(">I?")  # length of the body; whether it is the last packet of a run
UNREAD: Final = 32 * 1024
"""Bytes that a pipe takes though nobody reads: half of what Linux has it hold."""

Token: TypeAlias = tuple[int, str, str]
"""Depth, the step from the value above (``[3]``, ``.name``), and what stands there, as text."""
Picture: TypeAlias = list[Token]


class Outcome(msgspec.Struct, frozen=True):
    """What a run did.

    Attributes:
        result: what it returned; ``None``: it raised.
        error: what it raised, with the lines of its tracebacks; ``None``: it returned.
        output: what it wrote to standard output and standard error.
        state: the modules' globals that are not as import left them, by ``module.name``.
    """

    result: Picture | None
    error: Picture | None
    output: bytes
    state: dict[str, Picture]


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Asks for a program, and whether its function takes these arguments; ``seconds``: for its import."""

    module: str
    files: dict[str, str]
    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    seconds: float
    occasion: Occasion | None = None  # a message that goes before ``args``

    def arguments(self) -> list[Any]:
        """Returns all arguments by position."""
        return self.args if self.occasion is None else [message_of(self.occasion, UTC), *self.args]


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Asks for a run from the start: ``plain`` Python, or the engine's normal form, captured at every ``every``-th stop.

    ``every`` 0: nothing is captured. ``leave``: the run ends at its last capture, as a moved function does.
    ``seconds``: it is taken to hang when nothing is heard of it for so long.
    """

    seconds: float
    plain: bool = False
    every: int = 0
    most: int = 0
    leave: bool = False


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """Asks for the rest of a run; ``standing`` is the capture's, the other fields are as in `Run`."""

    image: bytes
    standing: bytes
    seconds: float
    every: int = 0
    most: int = 0
    leave: bool = False


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The program is there; ``state`` as `Outcome.state`, before anything has run."""

    python: str
    state: dict[str, Picture]


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The program cannot be used: an error of ours, on the wire."""

    error: dict[str, str]


class Captured(msgspec.Struct, frozen=True, tag="captured"):
    """A capture; ``printed`` since the one before; ``travels``: the globals that are in it.

    ``standing``: the frames of the image without their values, encoded: the same for captures that stand alike.
    """

    image: bytes
    standing: bytes
    line: str
    statement: str
    printed: bytes
    travels: list[str]


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A run is over; ``outcome`` is ``None`` if it was left at a capture, or its process died: ``died`` says how.

    ``late``: it was ended, for there was no sign of it for the seconds that it had. ``raised``: what it raised, and at
    which line of the program, for people. ``asked_at``: the line where it used ``ctx``, which needs a hub.
    """

    outcome: Outcome | None = None
    stops: int = 0
    passed_by: dict[str, int] = {}
    died: str = ""
    late: bool = False
    raised: str = ""
    asked_at: str = ""


Request: TypeAlias = Load | Run | Resume
Answer: TypeAlias = Loaded | Refused | Captured | Ended
requests: Final = msgspec.msgpack.Decoder(Request)
answers: Final = msgspec.msgpack.Decoder(Answer)
encode: Final = msgspec.msgpack.encode


def write(descriptor: int, packet: Request | Answer) -> None:
    """Writes a packet.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    write_bytes(descriptor, encode(packet), last=isinstance(packet, Ended))


def write_bytes(descriptor: int, body: bytes, *, last: bool = False) -> None:
    """Writes an encoded packet; ``last``: of a run."""
    view = memoryview(_HEAD.pack(len(body), last) + body)
    while view:
        view = view[os.write(descriptor, view) :]


def read_bytes(descriptor: int) -> bytes | None:
    """Returns the next packet, encoded; ``None`` if the other side ended, also in the middle of one."""
    found = read_answer(descriptor)
    return None if found is None else found[0]


def read_answer(descriptor: int) -> tuple[bytes, bool] | None:
    """Returns the next packet, encoded, and whether it is the last of a run; ``None`` as in `read_bytes`."""
    head = _exactly(descriptor, _HEAD.size)
    if head is None:
        return None
    length, last = _HEAD.unpack(head)
    body = _exactly(descriptor, length)
    return None if body is None else (body, last)


def _exactly(descriptor: int, size: int) -> bytes | None:
    found = bytearray()
    while len(found) < size:
        part = os.read(descriptor, size - len(found))
        if not part:
            return None
        found += part
    return bytes(found)

"""Packets between a hub agent and the warm parent of its workers: MessagePack, one object in each packet."""

from __future__ import annotations

from typing import Final

import msgspec

PACKET: Final = 4096  # bytes; all packets are far smaller


class Fork(msgspec.Struct, tag="fork", frozen=True):
    """Asks for a worker; two descriptors come along: its ends of link and hatch. ``request`` is the client's number."""

    request: int


class Learn(msgspec.Struct, tag="learn", frozen=True):
    """Asks to keep a function's code ready for workers to come; one descriptor comes along: a file with a `Lesson`."""


class Renew(msgspec.Struct, tag="renew", frozen=True):
    """Says until when workers may run, by process id, in seconds of CLOCK_BOOTTIME; see `devices.runtime.leases`."""

    until: dict[int, float]


class Lesson(msgspec.Struct, frozen=True):
    """A function's source, as in `devices.runtime.source.Source`, and rests of its functions, as `rests.built` has them."""

    module: str
    files: dict[str, str]
    rests: bytes = b""


class Forked(msgspec.Struct, tag="forked", frozen=True):
    """The answer to `Fork`."""

    request: int
    pid: int


class NotForked(msgspec.Struct, tag="not-forked", frozen=True):
    """The other answer to `Fork`: no memory, no process ids left, no descriptor."""

    request: int
    error: str


class Exited(msgspec.Struct, tag="exited", frozen=True):
    """A worker has ended. ``status``: its exit status, or minus the number of the signal that killed it."""

    pid: int
    status: int


class Stopped(msgspec.Struct, tag="stopped", frozen=True):
    """A worker's lease has run out: it stands still until the client lets it go on."""

    pid: int


Told = Forked | NotForked | Exited | Stopped

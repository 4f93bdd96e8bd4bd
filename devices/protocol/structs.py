"""What `msgspec` must know of our types before threads use them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec


def prepare() -> None:
    """Has it look at every struct that is defined by now, in this thread. Once more costs next to nothing.

    It looks at a type when it is first used. Two threads that are the first at once see it half looked at, and the process
    dies of a segmentation fault (seen with 0.22.0, in a coordinator).
    """
    for struct in _every(msgspec.Struct):
        with contextlib.suppress(TypeError, NameError):  # one whose annotations nobody can look at: nobody decodes it
            msgspec.msgpack.Decoder(struct)


def _every(base: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for struct in base.__subclasses__():
        yield struct
        yield from _every(struct)

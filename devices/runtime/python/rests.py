"""Which rests of functions a process has built, told to another one that will have them ready.

A worker that takes up a function builds the rests that its image asks for, some milliseconds of compiling. The warm parent
builds them too when it is told; workers that it forks later, for a function that stands where it stood before, find them.
Nothing of the function runs by that.
"""

from __future__ import annotations

from typing import Final

import msgspec

from devices.errors import ProtocolError
from devices.runtime.python.module import ProgramCode
from devices.runtime.python.rest import Entry

_TOLD: Final = 64  # of one process: a deep stack is one function many times, in few places
_KEPT: Final = 256  # of one source


class _Built(msgspec.Struct, frozen=True, array_like=True):
    """A rest of the function with this number: its entry, and the variables that are bound there."""

    module: str
    function: int
    entry: Entry
    names: tuple[str, ...]


_decoder: Final = msgspec.msgpack.Decoder(list[_Built])


def built(code: ProgramCode, known: int) -> bytes:
    """Returns what `learn` takes; empty: nothing.

    Args:
        code: the program's.
        known: how many rests it had when it was taken over.
    """
    new = [
        _Built(module, each.function.number, each.entry, each.names)
        for module, each in code.continuations[known : known + _TOLD]
    ]
    return msgspec.msgpack.encode(new) if new else b""


def learn(code: ProgramCode, told: bytes) -> None:
    """Builds what another process has built, and what a stop in it asks for.

    Raises:
        msgspec.DecodeError: `built` has not returned that.
        ProtocolError: the program has no such places.
    """
    for each in _decoder.decode(told)[: _KEPT - len(code.continuations)]:
        module = code.modules.get(each.module)
        function = module.function(each.function) if module is not None else None
        if module is None or function is None:
            raise ProtocolError(f"the program has no function {each.function} in {each.module[:100]!r}")
        made = code.continuation(module, function, each.entry, each.names)
        known = code.known(made.code) if made.code is not None else None
        if known is not None:
            _ = known.positions.stops

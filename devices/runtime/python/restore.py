"""An image to a function that goes on: decode, then the frames from the innermost outwards."""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import Any, Final
from weakref import ref

from devices.errors import ProtocolError
from devices.runtime.python.knows import Knowledge
from devices.runtime.python.program import Program
from devices.runtime.python.records import Record, instantiate, require_made_for
from devices.runtime.python.state import drop, set_state
from devices.runtime.python.values import decode, from_cbor

_NOTHING: Final = object()


def restore(program: Program, data: bytes) -> tuple[FunctionType, list[Any]]:
    """Returns the outermost function's rest and the list that it takes.

    Raises:
        ProtocolError: not an image, or not one of this program.
        NewerFormatError: of a normal form that this version does not have.
    """
    image = from_cbor(data)
    match image:
        case {
            "form": int(),
            "source": bytes(),
            "frames": [_, *_] as frames,
            "effect": bool(in_effect),
            "modules": list(executed),
            "state": list(state),
            "gone": list(gone),
            "ambient": list(ambient),
            "heap": list(heap),
            "roots": list(slots),
        }:
            pass
        case _:
            raise ProtocolError("the image lacks a part")
    require_made_for(image, program.source)
    for name in executed:
        if not isinstance(name, str) or name not in program.modules:
            raise ProtocolError("the image was taken with a module that is not the program's")
        program.executed(program.modules[name])
    records = [Record.from_plain(frame[:-1] if isinstance(frame, list) else None) for frame in frames]
    for record in records:
        if record.module in program.modules:
            program.executed(program.modules[record.module])
    knows = Knowledge(program, records=records)
    made = partial(program.identities.keep, numbers=image["numbers"]) if "numbers" in image else None
    values = iter(decode(heap, slots, knows, program.registered(), made=made))
    try:
        parts = [
            ([next(values) for _ in record.names], [next(values) for _ in record.cells], next(values))
            for record in records
        ]
        effect = next(values) if in_effect else None
        process = [(name, next(values)) for name in ambient]
        globals_ = [(module, name, next(values)) for module, name in state]
    except (StopIteration, ValueError, RuntimeError) as error:
        raise ProtocolError("the image has too few values") from error
    if next(values, _NOTHING) is not _NOTHING:
        raise ProtocolError("the image has too many values")
    for place in gone:
        match place:
            case [str(module), str(name)] if module in program.modules:
                drop(program, program.modules[module], name)
            case _:
                raise ProtocolError("the image lacks something that is not the program's")
    for module, name, value in globals_:
        if module not in program.modules or not isinstance(name, str):
            raise ProtocolError("the image has the state of a module that is not the program's")
        set_state(program, program.modules[module], name, value)
    for name, value in process:
        if not isinstance(name, str):
            raise ProtocolError("the image has the state of something without a name")
        program.ambient.set(name, value)
    knows.prime()
    return _build(program, knows, records, parts, effect)


def _build(
    program: Program,
    knows: Knowledge,
    records: list[Record],
    parts: list[tuple[list[Any], list[Any], Any]],
    effect: Any,
) -> tuple[FunctionType, list[Any]]:
    called: Any = None  # what the frame below finds in its list: function, argument, and what to check it by
    function: FunctionType | None = None
    below: list[Any] = []
    if effect is not None:
        behind = getattr(program.library.effect, "__func__", program.library.effect)
        called = (program.library.effect, effect, getattr(behind, "__code__", None))
    for index in reversed(range(len(records))):
        record, (values, cells, instance) = records[index], parts[index]
        generator = None
        if index in knows.resumed:
            generator, below = knows.resumed[index]
        else:
            function, below = instantiate(program, record, cells)
        if record.entry.way in ("call", "made", "operation", "next"):
            if called is None:
                raise ProtocolError("a frame is in a call of nothing")
            callee, argument, check = called
            below.append(check)
            if record.entry.way in ("made", "operation"):
                below.append(instance)
            below += [argument, callee]
        else:
            below.append(None)
        below.append(tuple(values))
        if generator is not None:
            called = (next, generator, ref(generator))
        else:
            assert function is not None
            called = (function, below, function.__code__)
    if function is None or 0 in knows.resumed:
        raise ProtocolError("the outermost frame is a generator's")
    return function, below

"""Objects of the standard library with a state of their own: patterns, random generators, in-memory files ..."""

from __future__ import annotations

import decimal
import functools
import io
import logging
import operator
import os
import random
import re
import struct
import sys
import time
import types
import weakref
from _random import Random as CoreRandom
from typing import Any, Final

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.values.bounds import PATTERNS
from devices.runtime.python.values.contract import Node, Slot
from devices.runtime.python.values.functions import describe
from devices.runtime.python.values.matches import TravelledMatch
from devices.runtime.python.values.reading import Kind, Need, Reader, Step
from devices.runtime.python.values.references import write_reference
from devices.runtime.python.values.writing import Write, Writer

_MATCHED: Final = (str, bytes, bytearray)
"""What a match that travels may have been found in, classes of the program's own among them."""
_STRUCT_SEQUENCES: Final[dict[type, str]] = {
    time.struct_time: "time.struct_time",
    os.stat_result: "os.stat_result",
    os.terminal_size: "os.terminal_size",
    os.times_result: "os.times_result",
    os.uname_result: "os.uname_result",
}
"""Tuples with names that C makes; what a tuple does not show (a time's zone) is in a dict beside it."""


def once_in_a_process() -> dict[str, object]:
    """Returns the objects of the standard library that each process has one of, by name."""
    return {
        "sys.stdin": sys.stdin,
        "sys.stdout": sys.stdout,
        "sys.stderr": sys.stderr,
        "os.environ": os.environ,
        "random": random._inst,  # noqa: SLF001  (what `random.random` is bound to)
    }


def _write_pattern(writer: Writer, value: re.Pattern[Any]) -> Node:
    writer.patterns += len(value.pattern)
    if writer.patterns > PATTERNS:
        raise CannotTravelError(
            f"regular expressions of more than {PATTERNS} characters cannot travel",
            remedy="compile them at the module's own level: they are made anew then",
        )
    return ["pattern", writer.slot(value.pattern), value.flags]


def _make_pattern(reader: Reader, node: Node) -> re.Pattern[Any]:
    _, slot, flags = node
    pattern = reader.value(slot)
    if type(pattern) not in (str, bytes) or type(flags) is not int:
        raise ProtocolError("no regular expression")
    reader.bounds.pattern(len(pattern))
    return re.compile(pattern, flags & ~re.DEBUG)


def _write_match(writer: Writer, value: Any) -> Node:
    if not isinstance(value.string, _MATCHED):
        raise CannotTravelError(
            f"a match in a {type(value.string).__qualname__} cannot travel",
            remedy="keep what was found, not the match: found = match.group(1)",
        )
    return ["match", *writer.slots((value.re, value.string, value.pos, value.endpos, value.regs, value.lastindex))]


def _make_match(reader: Reader, node: Node) -> TravelledMatch:
    pattern, string, pos, endpos, regs, lastindex = reader.values(node[1:])
    if type(regs) is not tuple or any(type(span) is not tuple for span in regs):
        raise ProtocolError("no spans of a match")
    spans = [number for span in regs for number in span]
    if (
        type(pattern) is not re.Pattern
        or not issubclass(type(string), _MATCHED)
        or len(regs) != pattern.groups + 1
        or len(spans) != 2 * len(regs)
        or any(type(number) is not int for number in (pos, endpos, *spans))
        or not (lastindex is None or (type(lastindex) is int and 0 < lastindex < len(regs)))
    ):
        raise ProtocolError("no match of a regular expression")
    return TravelledMatch(pattern, string, (pos, endpos), regs, lastindex)


def _write_random(writer: Writer, value: random.Random) -> Node:
    return ["random", writer.slot(random.Random.getstate(value))]


def _write_core_random(writer: Writer, value: CoreRandom) -> Node:
    return ["random", writer.slot(value.getstate())]


def _make_random(reader: Reader, node: Node) -> CoreRandom:
    state = reader.typed(node[1], tuple)
    if len(state) > 3:
        core = CoreRandom(0)
        core.setstate(state)
        return core
    version, numbers, _ = state
    if version != 3 or type(numbers) is not tuple:
        raise ProtocolError("no state of a random generator")
    made = random.Random(0)  # noqa: S311  (the program's own generator)
    made.setstate(state)
    return made


def _write_memory_file(writer: Writer, value: io.StringIO | io.BytesIO) -> Node:
    tag = "text-file" if isinstance(value, io.StringIO) else "bytes-file"
    if value.closed:
        return [tag]
    state: Any = value.__getstate__()
    return [tag, *writer.slots(state)]


def _fill_file(reader: Reader, made: Any, node: Node) -> None:
    if len(node) == 1:
        made.close()
    else:
        made.__setstate__(tuple(reader.values(node[1:])))


def _write_decimal_context(writer: Writer, value: decimal.Context) -> Node:
    numbers = (value.prec, value.rounding, value.Emin, value.Emax, value.capitals, value.clamp)
    signals = [[signal.__name__ for signal, is_set in each.items() if is_set] for each in (value.flags, value.traps)]
    return ["decimal-context", *writer.slots(numbers), *signals]


def _make_decimal_context(reader: Reader, node: Node) -> decimal.Context:
    *slots, flags, traps = node[1:]
    known = {signal.__name__: signal for signal in decimal.getcontext().flags}
    signals = [[known[name] for name in each] for each in (flags, traps)]
    numbers: list[Any] = reader.values(slots)
    return decimal.Context(*numbers, *signals)


def _write_struct_sequence(writer: Writer, value: Any) -> Node:
    _, (visible, hidden) = value.__reduce__()
    return ["struct-sequence", _STRUCT_SEQUENCES[type(value)], writer.slot(visible), writer.slot(hidden)]


def _make_struct_sequence(reader: Reader, node: Node) -> Any:
    _, name, visible, hidden = node
    (cls,) = (cls for cls, known in _STRUCT_SEQUENCES.items() if known == name)
    return cls(reader.typed(visible, tuple), reader.typed(hidden, dict))


def _write_alias(writer: Writer, value: types.GenericAlias) -> Node:
    return ["alias", writer.slot(value.__origin__), writer.slot(value.__args__)]


def _make_alias(reader: Reader, node: Node) -> types.GenericAlias:
    origin, arguments = reader.values(node[1:])
    return types.GenericAlias(origin, arguments)


def _write_union(writer: Writer, value: types.UnionType) -> Node:
    return ["union", *writer.slots(value.__args__)]


def _make_union(reader: Reader, node: Node) -> Any:
    parts = reader.values(node[1:])
    plain_or: Any = type.__or__
    if any(
        type(part) is not types.GenericAlias and getattr(type(part), "__or__", None) is not plain_or for part in parts
    ):
        raise ProtocolError("a union of something else than types")
    return functools.reduce(operator.or_, parts)


def _write_weak(writer: Writer, value: weakref.ref[Any]) -> Node:
    callback: Any = value.__callback__
    if callback is not None:  # a blob could have it called with what it likes, by dropping the object
        raise CannotTravelError(
            "a weak reference with a callback cannot travel",
            remedy="make it without one, or with weakref.finalize anew",
        )
    return ["weak", writer.slot(value())]


class _Gone:
    """What a weak reference whose object is gone referred to."""


def _make_weak(reader: Reader, node: Node) -> weakref.ref[Any]:
    (target,) = reader.values(node[1:])
    return weakref.ref(_Gone() if target is None else target)


def _write_logger(_: Writer, value: logging.Logger) -> Node:
    return ["logger", value.name]


def _make_logger(_: Reader, node: Node) -> logging.Logger:
    _, name = node
    return logging.getLogger(name if name != "root" else None)


def _make_struct(_: Reader, node: Node) -> struct.Struct:
    _, format_ = node
    return struct.Struct(format_)


def _write_cached(writer: Writer, value: Any) -> Node:
    return describe(writer, value) or write_reference(writer, value)


WRITERS: Final[dict[type, Write]] = {
    re.Pattern: _write_pattern,
    re.Match: _write_match,
    TravelledMatch: _write_match,
    CoreRandom: _write_core_random,
    random.Random: _write_random,
    random.SystemRandom: lambda _, __: ["system-random"],
    io.StringIO: _write_memory_file,
    io.BytesIO: _write_memory_file,
    decimal.Context: _write_decimal_context,
    **dict.fromkeys(_STRUCT_SEQUENCES, _write_struct_sequence),
    types.GenericAlias: _write_alias,
    types.UnionType: _write_union,
    weakref.ref: _write_weak,
    logging.Logger: _write_logger,
    logging.RootLogger: _write_logger,
    struct.Struct: lambda _, value: ["struct", value.format],
    type(functools.lru_cache(_write_cached)): _write_cached,
}


def _all(node: Node) -> list[Slot]:
    return node[1:]


def _all_filled(node: Node) -> list[Need]:
    return [(Step.FILLED, node[1:])]


def _state_filled(node: Node) -> list[Need]:
    return [(Step.FILLED, node[2:])]


def _no_slots(_: Node) -> list[Slot]:
    return []


KINDS: Final[dict[int | str, Kind]] = {
    "pattern": Kind(_make_pattern, made=lambda node: node[1:2], slots=lambda node: node[1:2]),
    "match": Kind(_make_match, made=_all),
    "random": Kind(_make_random, made=_all),
    "system-random": Kind(lambda _, __: random.SystemRandom(), slots=_no_slots),
    "text-file": Kind(lambda _, __: io.StringIO(), _fill_file, to_fill=_all_filled),
    "bytes-file": Kind(lambda _, __: io.BytesIO(), _fill_file, to_fill=_all_filled),
    "decimal-context": Kind(_make_decimal_context, made=lambda node: node[1:7], slots=lambda node: node[1:7]),
    "struct-sequence": Kind(_make_struct_sequence, to_make=_state_filled, slots=lambda node: node[2:]),
    "alias": Kind(_make_alias, made=_all, chained=True),
    "union": Kind(_make_union, made=_all),
    "weak": Kind(_make_weak, made=_all, chained=True),
    "logger": Kind(_make_logger, slots=_no_slots),
    "struct": Kind(_make_struct, slots=_no_slots),
}

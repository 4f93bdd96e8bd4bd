"""Values without parts, or with parts that are plain: numbers, texts, bytes, times, paths, patterns.

Each is written as what its constructor takes, never as its internal state, so that blobs cross Python versions.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import PosixPath, PurePosixPath, PureWindowsPath
from types import EllipsisType, NotImplementedType
from typing import Any, Final
from uuid import UUID, SafeUUID
from zoneinfo import ZoneInfo

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.values.contract import Node, Slot
from devices.runtime.python.values.nodes import Tag
from devices.runtime.python.values.reading import Kind, Reader
from devices.runtime.python.values.writing import Write, Writer


def _write_text(_: Writer, value: str) -> Node:
    try:
        value.encode()
    except UnicodeEncodeError:  # lone surrogates, as in file names that are no UTF-8
        return ["surrogates", value.encode("utf-8", "surrogatepass")]
    return [Tag.TEXT, value]


def _write_bytes(_: Writer, value: bytes) -> Node:
    return [Tag.BYTES, value]


def _write_int(_: Writer, value: int) -> Node:
    return ["int", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)]


def _write_float(_: Writer, value: float) -> Node:
    return ["float", struct.pack(">d", value)]  # a NaN with its payload: CBOR's deterministic form would drop it


def _write_complex(_: Writer, value: complex) -> Node:
    return ["complex", struct.pack(">dd", value.real, value.imag)]


def _write_memoryview(writer: Writer, value: memoryview) -> Node:
    try:
        base: Any = value.obj
    except ValueError:
        return ["memoryview"]  # released
    if type(base) in (bytes, bytearray) and value.contiguous and value.nbytes == len(base) and value.ndim == 1:
        return ["memoryview", writer.reference(base), value.format]
    if value.readonly and value.ndim == 1:
        return ["memoryview", writer.reference(value.tobytes()), value.format]
    raise CannotTravelError(
        "a memoryview of a part of something that can change cannot travel",
        remedy="keep the object and the two indexes, and make the view when it is needed",
    )


def _write_range(writer: Writer, value: range) -> Node:
    return ["range", *writer.slots((value.start, value.stop, value.step))]


def _write_slice(writer: Writer, value: slice) -> Node:
    return ["slice", *writer.slots((value.start, value.stop, value.step))]


def write_datetime(writer: Writer, value: datetime) -> Node:
    """Returns the node of a datetime; of a subclass, its contents as a datetime's."""
    moment = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, value.fold]
    return ["datetime", *moment, writer.slot(value.tzinfo)]


def _write_time(writer: Writer, value: time) -> Node:
    fields = [value.hour, value.minute, value.second, value.microsecond, value.fold]
    return ["time", *fields, writer.slot(value.tzinfo)]


def _write_timezone(writer: Writer, value: timezone) -> Node:
    if value is UTC:
        return ["timezone"]
    arguments = value.__getinitargs__()  # type: ignore[attr-defined]  # offset, and the name where one was given
    return ["timezone", *writer.slots(arguments)]


def _write_zone(_: Writer, value: ZoneInfo) -> Node:
    if value.key is None:
        raise CannotTravelError(
            "a ZoneInfo that was made from a file and has no key cannot travel",
            remedy='make it by its name: ZoneInfo("Europe/Berlin")',
        )
    return ["zone", value.key]


def _write_fraction(writer: Writer, value: Fraction) -> Node:
    return ["fraction", *writer.slots((value.numerator, value.denominator))]


def _write_path(writer: Writer, value: PurePosixPath) -> Node:
    return ["path", type(value).__name__, writer.slot(str(value))]


WRITERS: Final[dict[type, Write]] = {
    str: _write_text,
    bytes: _write_bytes,
    bytearray: lambda _, value: ["bytearray", bytes(value)],
    memoryview: _write_memoryview,
    int: _write_int,
    float: _write_float,
    complex: _write_complex,
    range: _write_range,
    slice: _write_slice,
    object: lambda _, __: ["object"],
    EllipsisType: lambda _, __: ["ellipsis"],
    NotImplementedType: lambda _, __: ["not-implemented"],
    datetime: write_datetime,
    date: lambda _, value: ["date", value.year, value.month, value.day],
    time: _write_time,
    timedelta: lambda _, value: ["timedelta", value.days, value.seconds, value.microseconds],
    timezone: _write_timezone,
    ZoneInfo: _write_zone,
    Decimal: lambda writer, value: ["decimal", writer.slot(str(value))],
    Fraction: _write_fraction,
    UUID: lambda _, value: ["uuid", value.bytes, value.is_safe.name],
    PosixPath: _write_path,
    PurePosixPath: _write_path,
    PureWindowsPath: _write_path,
}

_PATHS: Final = {kind.__name__: kind for kind in (PosixPath, PurePosixPath, PureWindowsPath)}


def _plain(node: Node, *kinds: type | tuple[type, ...]) -> Node:
    """Returns the node's payload, which must have exactly these types."""
    payload = node[1:]
    if len(payload) != len(kinds):
        raise ProtocolError(f"{len(payload)} fields where {len(kinds)} belong")
    for value, kind in zip(payload, kinds, strict=True):
        if type(value) not in (kind if isinstance(kind, tuple) else (kind,)):
            raise ProtocolError(f"a {type(value).__name__} where another type belongs")
    return payload


def _make_text(_: Reader, node: Node) -> str:
    (text,) = _plain(node, str)
    return str(text)


def _make_surrogates(_: Reader, node: Node) -> str:
    (raw,) = _plain(node, bytes)
    return bytes.decode(raw, "utf-8", "surrogatepass")


def _make_bytes(_: Reader, node: Node) -> bytes:
    (raw,) = _plain(node, bytes)
    return raw  # type: ignore[no-any-return]


def _make_bytearray(_: Reader, node: Node) -> bytearray:
    (raw,) = _plain(node, bytes)
    return bytearray(raw)


def _make_memoryview(reader: Reader, node: Node) -> memoryview:
    if len(node) == 1:
        released = memoryview(b"")
        released.release()
        return released
    _, slot, format_ = node
    base = reader.value(slot)
    if type(base) not in (bytes, bytearray) or type(format_) is not str:
        raise ProtocolError("a memoryview of something without bytes")
    return memoryview(base).cast(format_)  # type: ignore[call-overload,no-any-return]


def _make_int(_: Reader, node: Node) -> int:
    (raw,) = _plain(node, bytes)
    return int.from_bytes(raw, "big", signed=True)


def _make_float(_: Reader, node: Node) -> float:
    (raw,) = _plain(node, bytes)
    return float(struct.unpack(">d", raw)[0])


def _make_complex(_: Reader, node: Node) -> complex:
    (raw,) = _plain(node, bytes)
    return complex(*struct.unpack(">dd", raw))


def _make_range(reader: Reader, node: Node) -> range:
    start, stop, step = (reader.typed(slot, int) for slot in node[1:])
    return range(start, stop, step)


def _make_slice(reader: Reader, node: Node) -> slice:
    start, stop, step = reader.values(node[1:])
    return slice(start, stop, step)


def _make_datetime(reader: Reader, node: Node) -> datetime:
    year, month, day, hour, minute, second, microsecond, fold = _plain(node[:9], *[int] * 8)
    (zone,) = reader.values(node[9:])
    return datetime(year, month, day, hour, minute, second, microsecond, zone, fold=fold)


def _make_date(_: Reader, node: Node) -> date:
    return date(*_plain(node, int, int, int))


def _make_time(reader: Reader, node: Node) -> time:
    hour, minute, second, microsecond, fold = _plain(node[:6], *[int] * 5)
    (zone,) = reader.values(node[6:])
    return time(hour, minute, second, microsecond, zone, fold=fold)


def _make_timedelta(_: Reader, node: Node) -> timedelta:
    days, seconds, microseconds = _plain(node, int, int, int)
    return timedelta(days, seconds, microseconds)


def _make_timezone(reader: Reader, node: Node) -> timezone:
    return timezone(*reader.values(node[1:])) if len(node) > 1 else UTC


def _make_zone(_: Reader, node: Node) -> ZoneInfo:
    (key,) = _plain(node, str)
    return ZoneInfo(key)  # refuses keys that lead out of the time zone folders


def _make_decimal(reader: Reader, node: Node) -> Decimal:
    (text,) = node[1:]
    return Decimal(reader.typed(text, str))


def _make_fraction(reader: Reader, node: Node) -> Fraction:
    numerator, denominator = (reader.typed(slot, int) for slot in node[1:])
    if denominator < 1:
        raise ProtocolError("a Fraction's denominator must be positive")
    made = Fraction(0)
    # Its constructor would look for a common divisor, in quadratic time; a Fraction that was written has none.
    made._numerator, made._denominator = numerator, denominator  # type: ignore[attr-defined]  # noqa: SLF001
    return made


def _make_uuid(_: Reader, node: Node) -> UUID:
    raw, safe = _plain(node, bytes, str)
    return UUID(bytes=raw, is_safe=SafeUUID[safe])


def _make_path(reader: Reader, node: Node) -> PurePosixPath | PureWindowsPath:
    _, name, text = node
    return _PATHS[name](reader.typed(text, str))


def _constant(value: Any) -> Callable[[Reader, Node], Any]:
    def make(_: Reader, node: Node) -> Any:
        _plain(node)
        return value

    return make


def _new_object(_: Reader, node: Node) -> object:
    _plain(node)
    return object()


def _nothing(_: Node) -> list[Slot]:
    return []


def _leaf(make: Callable[[Reader, Node], Any]) -> Kind:
    return Kind(make, slots=_nothing)


def _of_slots(make: Callable[[Reader, Node], Any], start: int = 1, stop: int | None = None) -> Kind:
    def slots(node: Node) -> list[Slot]:
        return node[start:stop]

    return Kind(make, made=slots, slots=slots, hashed=slots, chained=True)


KINDS: Final[dict[int | str, Kind]] = {
    Tag.TEXT: _leaf(_make_text),
    Tag.BYTES: _leaf(_make_bytes),
    "surrogates": _leaf(_make_surrogates),
    "bytearray": _leaf(_make_bytearray),
    "memoryview": _of_slots(_make_memoryview, 1, 2),
    "int": _leaf(_make_int),
    "float": _leaf(_make_float),
    "complex": _leaf(_make_complex),
    "range": _of_slots(_make_range),
    "slice": _of_slots(_make_slice),
    "object": _leaf(_new_object),
    "ellipsis": _leaf(_constant(...)),
    "not-implemented": _leaf(_constant(NotImplemented)),
    "datetime": _of_slots(_make_datetime, 9),
    "date": _leaf(_make_date),
    "time": _of_slots(_make_time, 6),
    "timedelta": _leaf(_make_timedelta),
    "timezone": _of_slots(_make_timezone),
    "zone": _leaf(_make_zone),
    "decimal": _of_slots(_make_decimal),
    "fraction": _of_slots(_make_fraction),
    "uuid": _leaf(_make_uuid),
    "path": _of_slots(_make_path, 2),
}

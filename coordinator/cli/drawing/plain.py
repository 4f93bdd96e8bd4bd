"""Numbers, texts, bytes, times, paths and constants."""

from __future__ import annotations

import struct
import uuid
from typing import Any, Final

from coordinator.cli.drawing.pen import Draw, Drawn, Pen
from devices.runtime.python.values.nodes import Tag

_DIGITS: Final = 100  # bytes of an int that is drawn as a number; to write out a huge one takes quadratic time


def _text(pen: Pen, fields: list[Any]) -> Drawn:
    (text,) = fields
    return Drawn("str", pen.text(text))


def _bytes(pen: Pen, fields: list[Any]) -> Drawn:
    (data,) = fields
    return Drawn("bytes", pen.data(data))


def _surrogates(pen: Pen, fields: list[Any]) -> Drawn:
    (data,) = fields
    return Drawn("str", pen.text(bytes.decode(data, "utf-8", "surrogatepass")))


def _bytearray(pen: Pen, fields: list[Any]) -> Drawn:
    (data,) = fields
    return Drawn("bytearray", f"bytearray({pen.data(data)})")


def _memoryview(pen: Pen, fields: list[Any]) -> Drawn:
    base, code = fields
    return Drawn("memoryview", f"memoryview({pen.value(base)}, {code!r})")


def _int(_: Pen, fields: list[Any]) -> Drawn:
    (data,) = fields
    if len(data) > _DIGITS:
        return Drawn("int", f"<int of {len(data)} bytes>")
    return Drawn("int", repr(int.from_bytes(data, "big", signed=True)))


def _float(_: Pen, fields: list[Any]) -> Drawn:
    return Drawn("float", repr(struct.unpack(">d", fields[0])[0]))


def _complex(_: Pen, fields: list[Any]) -> Drawn:
    return Drawn("complex", repr(complex(*struct.unpack(">dd", fields[0]))))


def _decimal(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("Decimal", f"Decimal({pen.value(fields[0])})")


def _fraction(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("Fraction", f"Fraction({pen.items(fields)})")


def _range(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("range", f"range({pen.items(fields[:2] if fields[2] == 1 else fields)})")


def _slice(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("slice", f"slice({pen.items(fields)})")


def _clock(hour: int, minute: int, second: int, microsecond: int) -> str:
    return f"{hour:02d}:{minute:02d}:{second:02d}" + (f".{microsecond:06d}" if microsecond else "")


def _datetime(pen: Pen, fields: list[Any]) -> Drawn:
    year, month, day, *clock, _, zone = fields
    return Drawn("datetime", f"{year:04d}-{month:02d}-{day:02d} {_clock(*clock)}{_in_zone(pen, zone)}")


def _time(pen: Pen, fields: list[Any]) -> Drawn:
    *clock, _, zone = fields
    return Drawn("time", f"{_clock(*clock)}{_in_zone(pen, zone)}")


def _in_zone(pen: Pen, slot: Any) -> str:
    if slot is None:
        return ""
    match pen.node(slot):
        case ["zone", str(key)]:
            return f" {key}"
    return f" {pen.value(slot)}"


def _date(_: Pen, fields: list[Any]) -> Drawn:
    year, month, day = fields
    return Drawn("date", f"{year:04d}-{month:02d}-{day:02d}")


def _timedelta(_: Pen, fields: list[Any]) -> Drawn:
    days, seconds, microseconds = fields
    parts = {"days": days, "seconds": seconds, "microseconds": microseconds}
    shown = ", ".join(f"{name}={number:d}" for name, number in parts.items() if number)
    return Drawn("timedelta", f"timedelta({shown or 0})")


def _timezone(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("timezone", f"timezone({pen.items(fields)})" if fields else "UTC")


def _zone(pen: Pen, fields: list[Any]) -> Drawn:
    (key,) = fields
    return Drawn("ZoneInfo", f"ZoneInfo({pen.text(key)})")


def _uuid(_: Pen, fields: list[Any]) -> Drawn:
    return Drawn("UUID", repr(uuid.UUID(bytes=fields[0])))


def _path(pen: Pen, fields: list[Any]) -> Drawn:
    kind, text = fields
    return Drawn(kind, f"{kind}({pen.value(text)})")


def _constant(kind: str, value: str) -> Draw:
    return lambda _, __: Drawn(kind, value)


DRAWINGS: Final[dict[Any, Draw]] = {
    Tag.TEXT: _text,
    Tag.BYTES: _bytes,
    "surrogates": _surrogates,
    "bytearray": _bytearray,
    "memoryview": _memoryview,
    "int": _int,
    "float": _float,
    "complex": _complex,
    "decimal": _decimal,
    "fraction": _fraction,
    "range": _range,
    "slice": _slice,
    "object": _constant("object", "object()"),
    "ellipsis": _constant("ellipsis", "Ellipsis"),
    "not-implemented": _constant("NotImplementedType", "NotImplemented"),
    "none": _constant("NoneType", "None"),
    "datetime": _datetime,
    "time": _time,
    "date": _date,
    "timedelta": _timedelta,
    "timezone": _timezone,
    "zone": _zone,
    "uuid": _uuid,
    "path": _path,
}

"""The payload of Sparkplug B (specification 3.0, chapter 6.4): metrics with type, value, time and flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from coordinator.dialects.interpretation import Value
from coordinator.dialects.leaves import rounded
from coordinator.dialects.protobuf import MalformedProtobufError, double, fields, single

METRICS: Final = 5000
"""Metrics of one message."""
_WIDTHS: Final = {1: 8, 2: 16, 3: 32, 4: 64}  # Int8 to Int64
_UNSIGNED: Final = {5: 8, 6: 16, 7: 32, 8: 64}
DATETIME: Final = 13
_OPAQUE: Final = {16: "a data set", 17: "bytes", 18: "a file", 19: "a template", 20: "properties", 21: "properties"}


@dataclass(slots=True)
class Metric:
    """One metric as it came; ``raw`` is the content of the value's field, of whichever kind that was."""

    name: str = ""
    alias: int | None = None
    timestamp: int | None = None  # ms since 1970
    datatype: int = 0
    historical: bool = False
    null: bool = False
    unit: str = ""
    raw: Value | bytes = None


@dataclass(slots=True)
class Payload:
    """A whole message."""

    timestamp: int | None = None
    seq: int | None = None
    metrics: list[Metric] = field(default_factory=list)


def decode(data: bytes) -> Payload:
    """Returns a payload.

    Args:
        data: as it came.

    Raises:
        MalformedProtobufError: it is no such message.
    """
    payload = Payload()
    for number, content in fields(data):
        if number == 1:
            payload.timestamp = _integer(content)
        elif number == 2:
            if len(payload.metrics) >= METRICS:
                raise MalformedProtobufError(f"more than {METRICS} metrics")
            payload.metrics.append(_metric(_bytes(content)))
        elif number == 3:
            payload.seq = _integer(content)
    return payload


def value_of(metric: Metric, datatype: int) -> tuple[Value, str]:
    """Returns a metric's value, and why there is none.

    Integers stand in whichever field the sender chose, as 2^32-n or 2^64-n where they are negative; the declared type
    tells how wide they are.

    Args:
        metric: as it came.
        datatype: its own, or its birth's.
    """
    if metric.null or metric.raw is None:
        return None, "it is null: no reading"
    if datatype in _OPAQUE or datatype > 21:
        return None, f"{_OPAQUE.get(datatype, 'a list')}: no single value"
    raw = metric.raw
    if isinstance(raw, bytes):
        return None, "bytes: no single value"
    if isinstance(raw, int) and not isinstance(raw, bool):
        if datatype == 11:
            return bool(raw), ""
        if datatype in _WIDTHS:
            return _signed(raw, _WIDTHS[datatype]), ""
        if datatype in _UNSIGNED:
            return raw & ((1 << _UNSIGNED[datatype]) - 1), ""
        if datatype == DATETIME:
            return _time(raw), ""
        return raw, ""
    if isinstance(raw, float):
        number = rounded(raw)
        return (number, "") if abs(number) < float("inf") else (None, "the number is not finite")
    return raw, ""


def _time(milliseconds: int) -> str:
    try:
        return (
            datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )
    except (ValueError, OverflowError, OSError):
        return str(milliseconds)


def _signed(raw: int, width: int) -> int:
    raw &= (1 << width) - 1
    return raw - (1 << width) if raw >> (width - 1) else raw


def _metric(data: bytes) -> Metric:
    metric = Metric()
    for number, content in fields(data):
        match number:
            case 1:
                metric.name = _text(content)
            case 2:
                metric.alias = _integer(content)
            case 3:
                metric.timestamp = _integer(content)
            case 4:
                metric.datatype = _integer(content)
            case 5:
                metric.historical = bool(_integer(content))
            case 7:
                metric.null = bool(_integer(content))
            case 9:
                metric.unit = _engineering_unit(_bytes(content))
            case 10 | 11:
                metric.raw = _integer(content)
            case 12:
                metric.raw = single(_integer(content))
            case 13:
                metric.raw = double(_integer(content))
            case 14:
                metric.raw = bool(_integer(content))
            case 15:
                metric.raw = _text(content)
            case 16 | 17 | 18:
                metric.raw = _bytes(content)
    return metric


def _engineering_unit(data: bytes) -> str:
    """The property `engUnit`, by which much of industry says what it measures in."""
    keys: list[str] = []
    values: list[str] = []
    for number, content in fields(data):
        if number == 1:
            keys.append(_text(content))
        elif number == 2:
            texts = [_text(inner) for place, inner in fields(_bytes(content)) if place == 8]
            values.append(texts[0] if texts else "")
    return next((value for key, value in zip(keys, values, strict=False) if key.casefold() in ("engunit", "unit")), "")


def _integer(content: int | bytes) -> int:
    if isinstance(content, bytes):
        raise MalformedProtobufError("bytes where a number belongs")
    return content


def _bytes(content: int | bytes) -> bytes:
    if not isinstance(content, bytes):
        raise MalformedProtobufError("a number where bytes belong")
    return content


def _text(content: int | bytes) -> str:
    try:
        return _bytes(content).decode()
    except UnicodeDecodeError as error:
        raise MalformedProtobufError("a text that is not UTF-8") from error

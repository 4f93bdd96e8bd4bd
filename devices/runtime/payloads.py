"""What a function gives away, as bytes and plain values that everybody on the broker can read."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from devices.errors import UsageError, printable
from devices.protocol import limits

_STATUS_TEXT: Final = 200  # characters
_STATUS_VALUES: Final = 32


def to_payload(value: Any) -> bytes:
    """Returns a value as a message's payload.

    Args:
        value: bytes as they are; text as UTF-8; numbers, bools, dicts and lists as JSON (RFC 8259).

    Raises:
        UsageError: none of these, no finite number, or more than `limits.OUTPUT` bytes.
    """
    payload = _encoded(value)
    if len(payload) > limits.OUTPUT:
        raise UsageError(
            f"a payload of {len(payload)} bytes; at most {limits.OUTPUT} leave a function",
            remedy="put large things into files, and publish where they are",
        )
    return payload


def _encoded(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    if value is None:
        raise UsageError("None is no payload", remedy='publish "" to clear a retained message')
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{value} is no number that others could read", remedy="leave the message out")
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(
            f"a payload of {type(value).__name__} cannot be written as JSON: {error}",
            remedy="publish text, a number, bytes, or dicts and lists of these",
        ) from error


def status_values(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the values of a status as JSON can hold them: numbers, bools and ``None`` as they are, others as text."""
    return {name: _status_value(value) for name, value in list(values.items())[:_STATUS_VALUES]}


def _status_value(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return status_text(value)


def status_text(value: Any) -> str:
    """Returns a value as one short line."""
    return printable(str(value).replace("\n", " "), _STATUS_TEXT)

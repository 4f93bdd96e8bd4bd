"""Recordings of what was on the broker: a JSON object a line, with topic, payload or payload_b64, retain, qos and time.

``time`` is RFC 3339 or seconds since 1970, and may be missing, as may all but the topic; other keys are ignored.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from coordinator.moment import now, seconds
from devices.errors import UsageError

LINE: Final = 2 * 1024 * 1024
"""Bytes of one line: the largest payload that is looked into, in base64, several times over."""


class Recorded(NamedTuple):
    """A recorded message; ``time`` is in seconds since 1970, or ``None`` if it was not recorded."""

    time: float | None
    topic: str
    payload: bytes
    retain: bool
    qos: int


class _Line(msgspec.Struct):
    topic: str
    payload: str | None = None
    payload_b64: str | None = None
    retain: bool | None = None
    qos: int | None = None
    time: str | int | float | None = None


_decoder = msgspec.json.Decoder(_Line)


def read_recording(path: Path) -> Iterator[Recorded]:
    """Gives a recording's messages in order; empty lines count for nothing.

    Args:
        path: the file.

    Raises:
        UsageError: it cannot be read, or a line is no message; with the line's number.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE + 1):
                number += 1
                if line.strip():
                    yield _message(line, f"{path}:{number}")
    except OSError as error:
        raise UsageError(f"the recording cannot be read: {error.strerror}", place=str(path)) from error


def _message(line: bytes, place: str) -> Recorded:
    remedy = 'a line is like {"time":"2026-11-25T02:14:09Z","topic":"tele/plug/SENSOR","payload":"...","retain":false,"qos":0}'
    if len(line) > LINE:
        raise UsageError(f"a line of more than {LINE} bytes", place=place)
    try:
        told = _decoder.decode(line)
        text = told.payload or ""
        payload = text.encode() if told.payload_b64 is None else base64.b64decode(told.payload_b64, validate=True)
    except (msgspec.MsgspecError, binascii.Error, UnicodeError, RecursionError) as error:
        raise UsageError(f"this is no recorded message: {error}", place=place, remedy=remedy) from error
    time = seconds(told.time) if isinstance(told.time, str) else told.time
    if isinstance(told.time, str) and time is None:
        raise UsageError(f"{told.time[:50]!r} is no time", place=place, remedy=remedy)
    return Recorded(None if time is None else float(time), told.topic, payload, bool(told.retain), told.qos or 0)


def written(topic: str, payload: bytes, *, retain: bool, qos: int, at: str = "") -> bytes:
    """Returns a message as a line of a recording.

    Args:
        topic: where it was published.
        payload: text, or bytes that stand in base64 then.
        retain: as it arrived.
        qos: likewise.
        at: when, RFC 3339; empty for now.
    """
    line: dict[str, object] = {"time": at or now(), "topic": topic}
    try:
        line["payload"] = payload.decode()
    except UnicodeDecodeError:
        line["payload_b64"] = base64.b64encode(payload).decode()
    return msgspec.json.encode({**line, "retain": retain, "qos": qos}) + b"\n"

"""Lines of the spool's files: a checksum and JSON, so that half a line, or an altered one, is known as such."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec


def line_of(value: Any) -> bytes:
    """Returns the line of a value, with its end."""
    text = msgspec.json.encode(value)
    return b"%08x %b\n" % (zlib.crc32(text), text)


def text_of(line: bytes) -> bytes:
    """Returns the JSON of a line without its end.

    Raises:
        ValueError: its checksum does not fit.
    """
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        raise ValueError("its checksum does not fit")
    return text

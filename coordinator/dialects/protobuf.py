"""The wire format of protobuf, as much as telemetry needs: fields by number, with hard limits on what hostile bytes may cost.

Read by hand because the message types are two and small: the library would bring generated code, a compiler and a
pool of descriptors for them. Encoding: protobuf.dev, "Encoding". Groups (wire types 3 and 4) are long abandoned and
refused; so is a message that is nested deeper than a Sparkplug template needs, which the caller decides by not descending.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

FIELDS: Final = 20_000
"""Fields of one message; a birth of 5,000 metrics has as many."""
_VARINT: Final = 10
"""Bytes of the longest integer."""


class MalformedProtobufError(ValueError):
    """These bytes are no protobuf; the text says where."""


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Gives number and content of each field: an integer for varints and fixed ones, bytes for those with a length.

    Args:
        data: one message.

    Raises:
        MalformedProtobufError: the bytes end too early, a number is too long, or a type does not exist.
    """
    position, count = 0, 0
    while position < len(data):
        count += 1
        if count > FIELDS:
            raise MalformedProtobufError(f"more than {FIELDS} fields")
        begin = position
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if not number:
            raise MalformedProtobufError(f"field number 0 at byte {begin}")
        if wire == 0:
            integer, position = _varint(data, position)
            yield number, integer
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            raw = _take(data, position, size)
            position += size
            yield number, int.from_bytes(raw, "little")
        elif wire == 2:
            length, position = _varint(data, position)
            yield number, _take(data, position, length)
            position += length
        else:
            raise MalformedProtobufError(f"a field of type {wire} at byte {begin}")


def single(bits: int) -> float:
    """Returns a float of 32 bits from a fixed field."""
    return float(struct.unpack("<f", (bits & 0xFFFFFFFF).to_bytes(4, "little"))[0])


def double(bits: int) -> float:
    """Returns a float of 64 bits from a fixed field."""
    return float(struct.unpack("<d", (bits & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little"))[0])


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = 0
    for place in range(_VARINT):
        if position + place >= len(data):
            raise MalformedProtobufError(f"it ends within a number at byte {len(data)}")
        byte = data[position + place]
        result |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, position + place + 1
    raise MalformedProtobufError(f"a number of more than {_VARINT} bytes at byte {position}")


def _take(data: bytes, position: int, length: int) -> bytes:
    if position + length > len(data):
        raise MalformedProtobufError(
            f"a field of {length} bytes at byte {position}, of which {len(data) - position} are there"
        )
    return data[position : position + length]

"""Nodes to bytes and back: the image of a checkpoint, deterministic CBOR (RFC 8949, 4.2.1) with text keys."""

from __future__ import annotations

import gc
import io
from typing import Any, Final, NoReturn

import cbor2

from devices.errors import DamagedError, ProtocolError
from devices.protocol import limits

_READ: Final = 64 * limits.KIB
_TAGS: Final = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
"""What cbor2 decodes by itself: among them regular expressions that it compiles and numbers that it computes."""


def to_cbor(image: dict[str, Any]) -> bytes:
    """Returns the bytes of an image: the same for the same nodes. Its maps have text keys only.

    Keys of one kind make the orders of RFC 7049 and RFC 8949 agree; nodes are never nested deep, which cbor2 does not
    survive.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return cbor2.dumps(image, canonical=True)
    finally:
        if collecting:
            gc.enable()


def from_cbor(data: bytes, *, limit: int = limits.IMAGE) -> dict[str, Any]:
    """Returns the image in these bytes.

    Args:
        data: from anywhere.
        limit: bytes that are taken at most.

    Raises:
        ProtocolError: more than ``limit`` bytes, or not an image.
        DamagedError: not one well-formed item of CBOR within the rules above.
    """
    if len(data) > limit:
        raise ProtocolError(f"an image of {len(data)} bytes; at most {limit} are taken")
    decoder = cbor2.CBORDecoder(
        io.BytesIO(data),
        tag_hook=_refuse,
        semantic_decoders=dict.fromkeys(_TAGS, _refuse),
        read_size=_READ,
        max_depth=limits.CBOR_DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
    )
    collecting = gc.isenabled()
    gc.disable()  # many lists, none of them garbage: collecting costs three times the decoding
    try:
        image = decoder.decode()
    except (cbor2.CBORDecodeError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        raise DamagedError(f"the image is not well-formed CBOR: {str(error)[:200]}") from error
    finally:
        if collecting:
            gc.enable()
    if _has_more(decoder):
        raise DamagedError("there are bytes behind the image")
    if type(image) is not dict:
        raise ProtocolError("an image must be a map")
    return image


def _has_more(decoder: cbor2.CBORDecoder) -> bool:
    try:
        decoder.read(1)
    except cbor2.CBORDecodeEOF:
        return False
    return True


def _refuse(*_: Any) -> NoReturn:
    raise ValueError("an image has no tags")

"""The checkpoint blob: structure, encode, decode. Its contract is `checkpoint.cddl` beside this file.

A blob is self-described CBOR (RFC 8949, 3.4.6) of two parts: a COSE_Sign1 whose payload is the header, and the image.
The header names the image's SHA-256, so that one small signature covers a blob of any size: signing 16 MB themselves
costs 50 ms, hashing them 8. A reader without keys (`midstream inspect`) can still show the header.

The image is opaque here: the engine's frames and object graph, CBOR of its own (`image.cddl`), compressed with
Zstandard (RFC 8878). Decoding runs no code, and no size is believed before it is checked.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any, Final, Literal

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.errors import DamagedError, NewerFormatError, ProtocolError
from devices.protocol import limits, sealing
from devices.protocol.occasion import Occasion
from devices.protocol.waits import Wait

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORMAT: Final = 1
SELF_DESCRIBED: Final = 55799
_LEVEL: Final = 1  # 800 MB/s and more; higher levels cost a move more than they save on a home network
_WORTH: Final = 256  # bytes below which compression gains nothing


class FunctionRecord(msgspec.Struct, kw_only=True, frozen=True):
    """The code that travels, and what it was started with."""

    name: str  # the function's own name in its module
    module: str
    files: dict[str, str]  # by relative path; the main one is named after the module
    digest: bytes  # SHA-256 over the files
    arguments: dict[str, Any]
    settings: dict[str, Any]  # of `@function`: plain values
    occasion: Occasion | None = None  # the message that started it, its first argument


class EngineRecord(msgspec.Struct, kw_only=True, frozen=True):
    """What made the image, and what can read it."""

    name: str  # "python"
    normal_form: int
    python: str
    implementation: str
    packages: dict[str, str] = {}  # distributions that the function imports, and their versions


class Arrival(msgspec.Struct, kw_only=True, frozen=True):
    """A message as it arrived; ``at`` in seconds since the epoch."""

    number: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    at: float
    subscriptions: list[int]


class Repeat(msgspec.Struct, kw_only=True, frozen=True):
    """By what a repeated delivery is known: packet id, and 8 bytes of SHA-256 of topic, properties, payload."""

    packet: int
    digest: bytes


class SubscriptionRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One `ctx.subscribe` that is open; ``newest`` is what `.latest` answers."""

    number: int
    filters: list[str]
    latest_only: bool
    retained: bool
    newest: Arrival | None = None


class MailboxRecord(msgspec.Struct, kw_only=True, frozen=True):
    """The input side of the cut."""

    subscriptions: list[SubscriptionRecord]
    unread: list[Arrival]
    repeats: list[Repeat]
    arrivals: int  # number of the newest arrival
    delivered: int  # messages handed to the function
    dropped: int
    input_qos: int | None = None


class ConsumedRecord(msgspec.Struct, kw_only=True, frozen=True):
    """What arrived behind the parent's cut and is consumed by this state: a fallback to the parent needs it again.

    ``subscriptions`` of each arrival are those that it was for.
    """

    arrivals: list[Arrival]  # in order of arrival; the newest, as many as there is room for
    left_out: int = 0  # older ones, for want of room


class Output(msgspec.Struct, kw_only=True, frozen=True):
    """An output that had not been confirmed by the broker when the state was read."""

    sequence: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    epoch: int  # of the copy that made it


class ImageRecord(msgspec.Struct, kw_only=True, frozen=True):
    """How the image is packed. ``size`` is the decompressed size in bytes, ``digest`` SHA-256 of the packed bytes."""

    encoding: Literal["zstd", "identity"]
    size: int
    digest: bytes


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """Where the function stood: ``line`` is ``file:line``; frames outermost first."""

    line: str
    statement: str
    frames: list[str]


class Header(msgspec.Struct, kw_only=True, frozen=True):
    """Everything about a checkpoint but its image."""

    format: int = FORMAT
    checkpoint: str
    instance: str
    parent: str  # empty for the first
    epoch: int
    created: str  # RFC 3339, UTC
    hub: str
    reason: str
    function: FunctionRecord
    engine: EngineRecord
    place: Place | None  # None: not started yet
    mailbox: MailboxRecord
    consumed: ConsumedRecord | None = None  # None: made by a version that did not keep it
    outputs: list[Output]
    sequence: int  # outputs made so far
    image: ImageRecord | None  # None: not started yet
    wait: Wait | None = None  # that the function stood in; versions before 0.1.0 did not say


class Checkpoint(msgspec.Struct, kw_only=True, frozen=True):
    """A decoded blob: ``image`` is decompressed, empty if the function has not started yet."""

    header: Header
    image: bytes


def pack_image(image: bytes) -> tuple[ImageRecord, bytes]:
    """Compresses an image where that helps; returns its record and the packed bytes."""
    packed, encoding = image, "identity"
    if len(image) >= _WORTH:
        smaller = zstd.compress(image, _LEVEL)
        if len(smaller) < len(image):
            packed, encoding = smaller, "zstd"
    digest = hashlib.sha256(packed).digest()
    return ImageRecord(encoding=encoding, size=len(image), digest=digest), packed  # type: ignore[arg-type]


def encode(header: Header, packed: bytes, key: Ed25519PrivateKey) -> bytes:
    """Returns the blob of a header and the image that `pack_image` packed for it.

    Text keys only, so that the deterministic orders of RFC 7049 and RFC 8949 agree.
    """
    fields = msgspec.to_builtins(header, builtin_types=(bytes,))
    payload = cbor2.dumps(fields, canonical=True)
    return cbor2.dumps(cbor2.CBORTag(SELF_DESCRIBED, [sealing.sign(key, payload), packed]))


def blob_digest(blob: bytes) -> bytes:
    """Returns SHA-256 of a whole blob: what a claim binds and every transfer is checked against."""
    return hashlib.sha256(blob).digest()


def decode(blob: bytes, *, public: bytes | None = None, digest: bytes | None = None) -> Checkpoint:
    """Decodes a blob.

    Args:
        blob: the bytes, from anywhere.
        public: the signer's key; ``None`` leaves the signature unchecked, for a reader that only shows.
        digest: the blob's SHA-256, where somebody trusted (a signed claim) named it.

    Raises:
        DamagedError: cut short or altered: digest, signature or form does not fit.
        NewerFormatError: a newer format version.
        ProtocolError: larger than the limits, or not a checkpoint.
    """
    header, packed = decode_header(blob, public=public, digest=digest)
    return Checkpoint(header=header, image=_unpack(header.image, packed) if header.image else b"")


def decode_header(blob: bytes, *, public: bytes | None = None, digest: bytes | None = None) -> tuple[Header, bytes]:
    """Decodes a blob but leaves its image packed, its digest checked. Arguments and errors as for `decode`."""
    if len(blob) > limits.BLOB:
        raise ProtocolError(f"a checkpoint of {len(blob)} bytes; at most {limits.BLOB} are taken")
    if digest is not None and blob_digest(blob) != digest:
        raise DamagedError("the checkpoint's bytes do not fit its digest: cut short or altered")
    sealed, packed = _two_parts(blob)
    if public is not None and sealing.signer_of(sealed) != sealing.key_id(public):
        raise DamagedError("the checkpoint is signed with another key than expected, or was altered")
    payload = sealing.payload_of(sealed) if public is None else sealing.verify(sealed, public)
    header = _header(payload)
    expected = header.image.digest if header.image else hashlib.sha256(b"").digest()
    if hashlib.sha256(packed).digest() != expected:
        raise DamagedError(f"the image of checkpoint {header.checkpoint} does not fit its digest: altered")
    return header, packed


def signer(blob: bytes) -> bytes:
    """Returns the key id that a blob names as its signer, unchecked.

    Raises:
        ProtocolError: not a checkpoint.
    """
    return sealing.signer_of(_two_parts(blob)[0])


def _two_parts(blob: bytes) -> tuple[bytes, bytes]:
    match sealing.load_cbor(blob, "the checkpoint"):
        case [bytes(sealed), bytes(packed)]:  # the decoder looks through the self-described tag
            return sealed, packed
    raise ProtocolError("these bytes are no Midstream checkpoint")


def _header(payload: bytes) -> Header:
    if len(payload) > limits.HEADER:
        raise ProtocolError(f"a checkpoint's header of {len(payload)} bytes; at most {limits.HEADER} are taken")
    fields = sealing.load_cbor(payload, "the checkpoint's header")
    version = fields.get("format") if isinstance(fields, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormatError(
            f"this checkpoint has format version {version}; this midstream reads up to {FORMAT}",
            remedy="upgrade midstream on this machine, or use one that made it",
        )
    try:
        return msgspec.convert(fields, Header)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"the checkpoint's header is not as the contract says: {error}") from error


def _unpack(record: ImageRecord, packed: bytes) -> bytes:
    if record.size > limits.IMAGE:
        raise ProtocolError(f"an image of {record.size} bytes; at most {limits.IMAGE} are taken")
    if record.encoding == "identity":
        image = packed
    else:
        try:
            image = zstd.ZstdDecompressor().decompress(packed, max_length=record.size + 1)
        except zstd.ZstdError as error:
            raise DamagedError(f"the image cannot be decompressed: {error}") from error
    if len(image) != record.size:
        raise DamagedError(f"the image has {len(image)} bytes or more where {record.size} were announced")
    return image

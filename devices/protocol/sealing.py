"""Signatures: COSE_Sign1 with Ed25519 (RFC 9052 section 4.2, RFC 9053 section 2.2), a dozen lines on ``cryptography``.

A COSE library is left out on purpose: those that exist exclude current ``cbor2``. The tests hold this module against
the COSE working group's public vectors.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from devices.errors import DamagedError, ProtocolError
from devices.protocol import limits

SIGN1 = 18  # CBOR tag of COSE_Sign1
_PROTECTED = cbor2.dumps({1: -8})  # alg: EdDSA
_TAGGED_FOUR = bytes([0xC0 | SIGN1, 0x84])  # the tag, and an array of four
_HEADERS = 1024  # bytes; ours have 3 and 11
_CONTENT_TYPE = 3
_KEY_ID = 4  # header parameter kid


def public_bytes(key: Ed25519PrivateKey | Ed25519PublicKey) -> bytes:
    """Returns the 32 bytes of the public key."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(public: bytes) -> bytes:
    """Returns the 8-byte key id by which a signature names its signer: the head of the key's SHA-256."""
    return hashlib.sha256(public).digest()[:8]


def load_cbor(data: bytes, what: str) -> Any:
    """Decodes one CBOR item strictly: bounded depth, no indefinite lengths, no duplicate keys, nothing behind it.

    Keys of maps must be text or bytes: their hashes are salted, while a map of colliding integers takes quadratic time.

    Args:
        data: the bytes, from anywhere.
        what: their name for the message: ``"the checkpoint"``.

    Raises:
        DamagedError: not one well-formed item within the limits.
    """
    stream = io.BytesIO(data)
    item = _load(stream, what, text_keys=True)
    if stream.tell() != len(data):
        raise DamagedError(f"{what} has {len(data) - stream.tell()} bytes too many")
    return item


def _load(stream: io.BytesIO, what: str, *, text_keys: bool) -> Any:
    try:
        return cbor2.load(
            stream,
            max_depth=limits.CBOR_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=text_keys,
            read_size=1,  # else the stream's position runs ahead of the item
        )
    except (cbor2.CBORDecodeError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise DamagedError(f"{what} is not well-formed CBOR: {error}") from error


def sign(key: Ed25519PrivateKey, payload: bytes, external: bytes = b"") -> bytes:
    """Returns a tagged COSE_Sign1 of ``payload``; ``external`` is authenticated with it but not carried."""
    to_be_signed = cbor2.dumps(["Signature1", _PROTECTED, external, payload])
    unprotected = {_KEY_ID: key_id(public_bytes(key))}
    return cbor2.dumps(cbor2.CBORTag(SIGN1, [_PROTECTED, unprotected, payload, key.sign(to_be_signed)]))


def payload_of(message: bytes) -> bytes:
    """Returns the payload of a COSE_Sign1 without checking its signature: for a reader that holds no keys.

    Raises:
        ProtocolError: not a COSE_Sign1 with an attached payload.
    """
    return _parts(message)[2]


def signer_of(message: bytes) -> bytes:
    """Returns the key id that a COSE_Sign1 names, unchecked; empty if it names none."""
    kid = _parts(message)[1].get(_KEY_ID, b"")
    return kid if isinstance(kid, bytes) else b""


def verify(message: bytes, public: bytes, external: bytes = b"") -> bytes:
    """Returns the payload of a COSE_Sign1 whose signature is ``public``'s.

    Args:
        message: the encoded COSE_Sign1, tagged.
        public: the signer's 32-byte Ed25519 key.
        external: the externally supplied data that was signed along.

    Raises:
        ProtocolError: not a COSE_Sign1 with EdDSA.
        DamagedError: the signature does not fit.
    """
    protected, _, payload, signature = _parts(message)
    _check_algorithm(protected)
    to_be_signed = cbor2.dumps(["Signature1", protected, external, payload])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, to_be_signed)
    except InvalidSignature as error:
        raise DamagedError("a signature does not fit: altered on its way, or made with another key") from error
    return payload


def _check_algorithm(protected: bytes) -> None:
    if protected == _PROTECTED:
        return
    headers = _load(io.BytesIO(protected[:_HEADERS]), "a signature's header", text_keys=False)
    if not isinstance(headers, dict) or headers.get(1) != -8 or not headers.keys() <= {1, _CONTENT_TYPE}:
        raise ProtocolError("a signature uses an algorithm other than EdDSA, or headers that are not understood")


def _parts(message: bytes) -> tuple[bytes, dict[Any, Any], bytes, bytes]:
    """Takes a COSE_Sign1 apart item by item: its headers have integer keys, so they are only looked at if short."""
    what = "a signature"
    if message[:2] != _TAGGED_FOUR:
        raise ProtocolError("not a tagged COSE_Sign1 message")
    stream = io.BytesIO(message)
    stream.seek(2)
    protected = _load(stream, what, text_keys=True)
    headers = io.BytesIO(message[stream.tell() : stream.tell() + _HEADERS])
    unprotected = _load(headers, "a signature's header", text_keys=False)
    stream.seek(headers.tell(), io.SEEK_CUR)
    payload, signature = _load(stream, what, text_keys=True), _load(stream, what, text_keys=True)
    whole = all(isinstance(part, bytes) for part in (protected, payload, signature)) and isinstance(unprotected, dict)
    if not whole or stream.read(1):
        raise ProtocolError("not a COSE_Sign1 message with an attached payload")
    return protected, unprotected, payload, signature

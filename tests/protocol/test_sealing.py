"""Signatures hold against the COSE working group's public vectors and against alteration at any byte."""

import json
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DamagedError, ProtocolError
from devices.protocol import sealing

VECTORS = [json.loads(line) for line in (Path(__file__).parent / "cose-vectors.jsonl").read_text().splitlines()]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = sealing.public_bytes(KEY)


@pytest.mark.parametrize("vector", VECTORS, ids=[v["title"] for v in VECTORS])
def test_every_public_ed25519_vector_is_judged_as_the_working_group_says(vector):
    message, public = bytes.fromhex(vector["cbor"]), bytes.fromhex(vector["public"])
    external = bytes.fromhex(vector["external"])
    if vector["fails"]:
        with pytest.raises(ProtocolError):
            sealing.verify(message, public, external)
    else:
        assert sealing.verify(message, public, external) == vector["plaintext"].encode()


@given(payload=st.binary(max_size=300), external=st.binary(max_size=20))
def test_what_was_signed_verifies_and_comes_back_unchanged(payload, external):
    message = sealing.sign(KEY, payload, external)
    assert sealing.verify(message, PUBLIC, external) == payload
    assert sealing.payload_of(message) == payload
    assert sealing.signer_of(message) == sealing.key_id(PUBLIC)


def test_a_change_of_any_byte_of_the_signed_part_is_noticed():
    message = sealing.sign(KEY, b"the payload")
    hint = message.index(sealing.key_id(PUBLIC))
    for position in range(len(message)):
        if hint - 2 <= position < hint + 8:
            continue  # label and value of the key id: a hint, not signed
        altered = message[:position] + bytes([message[position] ^ 1]) + message[position + 1 :]
        with pytest.raises(ProtocolError):
            sealing.verify(altered, PUBLIC)


def test_a_signature_by_another_key_is_refused():
    message = sealing.sign(Ed25519PrivateKey.generate(), b"the payload")
    with pytest.raises(DamagedError, match="another key"):
        sealing.verify(message, PUBLIC)


def test_a_signature_cut_short_anywhere_is_refused():
    message = sealing.sign(KEY, b"the payload")
    for length in range(len(message)):
        with pytest.raises(ProtocolError):
            sealing.verify(message[:length], PUBLIC)


def test_a_map_of_colliding_integers_in_a_signature_is_not_even_decoded():
    hostile = cbor2.dumps(cbor2.CBORTag(18, [b"", dict.fromkeys((2**61 - 1) * n for n in range(5000)), b"", b""]))
    with pytest.raises(ProtocolError, match="header is not well-formed"):
        sealing.verify(hostile, PUBLIC)


@pytest.mark.parametrize(
    ("bytes_", "reason"),
    [
        (b"", "not well-formed"),
        (bytes.fromhex("9f00ff"), "not well-formed"),  # indefinite length
        (bytes.fromhex("a2616100616101"), "not well-formed"),  # the same key twice
        (bytes.fromhex("0000"), "too many"),  # something behind the item
        (b"\x81" * 100 + b"\x00", "not well-formed"),  # nested deeper than anything of ours
        (bytes.fromhex("5bffffffffffffffff"), "not well-formed"),  # a string of 2**64 - 1 bytes
    ],
)
def test_cbor_that_is_not_strict_is_refused(bytes_, reason):
    with pytest.raises(DamagedError, match=reason):
        sealing.load_cbor(bytes_, "a test")

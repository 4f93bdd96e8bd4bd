"""The blob: its contract in CDDL, every refusal, and that nothing is believed before it is checked."""

import hashlib
from pathlib import Path

import cbor2
import cddl_verifier
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DamagedError, NewerFormatError, ProtocolError
from devices.protocol import checkpoint as blobs
from devices.protocol import limits, sealing
from devices.protocol.occasion import Occasion

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = sealing.public_bytes(KEY)
CONTRACT = Path(blobs.__file__).with_suffix(".cddl").read_text()


def arrival(number=1, payload=b"21.5"):
    return blobs.Arrival(
        number=number, topic="tele/plug/SENSOR", payload=payload, qos=1, retain=False, at=1.5, subscriptions=[1]
    )


def header(image: bytes = b"an image", **changes):
    record, packed = blobs.pack_image(image)
    fields = {
        "checkpoint": "3f9a2c1b7d04e655",
        "instance": "washer",
        "parent": "",
        "epoch": 3,
        "created": "2026-11-25T03:00:00Z",
        "hub": "hub-a",
        "reason": "hot",
        "function": blobs.FunctionRecord(
            name="washer",
            module="washer",
            files={"washer.py": "def washer(): ..."},
            digest=hashlib.sha256(b"").digest(),
            arguments={"plug": "washer", "limits": [1, 2.5, None]},
            settings={"checkpoint": "30s"},
            occasion=Occasion(topic="hall/motion", payload=b"\xff", qos=1, at=1.5, params={"room": "hall"}),
        ),
        "engine": blobs.EngineRecord(name="python", normal_form=1, python="3.11.7", implementation="cpython"),
        "place": blobs.Place(line="washer.py:9", statement="last = message", frames=["washer(): washer.py:9"]),
        "mailbox": blobs.MailboxRecord(
            subscriptions=[
                blobs.SubscriptionRecord(
                    number=1, filters=["tele/+/SENSOR"], latest_only=False, retained=True, newest=arrival()
                )
            ],
            unread=[arrival(2), arrival(3, b"\xff\x00")],
            repeats=[blobs.Repeat(packet=17, digest=b"12345678")],
            arrivals=3,
            delivered=1,
            dropped=0,
            input_qos=1,
        ),
        "consumed": blobs.ConsumedRecord(arrivals=[arrival()], left_out=2),
        "outputs": [
            blobs.Output(sequence=4, topic="notify/phone", payload=b"done", qos=1, retain=False, epoch=2),
        ],
        "sequence": 4,
        "image": record,
    }
    return blobs.Header(**(fields | changes)), packed


def blob(image: bytes = b"an image", **changes):
    made, packed = header(image, **changes)
    return blobs.encode(made, packed, KEY)


def test_a_blob_satisfies_its_cddl_contract():
    for one in (blob(), blob(b"x" * 5000), not_started()):
        result = cddl_verifier.validate(CONTRACT, one)
        assert result.valid, result


def test_a_blob_without_a_field_of_the_contract_is_refused_by_the_cddl():
    made, packed = header()
    fields = msgspec.to_builtins(made, builtin_types=(bytes,))
    del fields["mailbox"]
    broken = cbor2.dumps(cbor2.CBORTag(55799, [sealing.sign(KEY, cbor2.dumps(fields)), packed]))
    assert not cddl_verifier.validate(CONTRACT, broken).valid


def test_a_blob_of_before_it_carried_what_was_consumed_is_still_read():
    old = Path(__file__).with_name("checkpoint-without-consumed.cbor").read_bytes()
    assert cddl_verifier.validate(CONTRACT, old).valid
    now, _ = header(consumed=None)
    expected = msgspec.structs.replace(now, function=msgspec.structs.replace(now.function, occasion=None))
    assert blobs.decode(old, public=PUBLIC) == blobs.Checkpoint(header=expected, image=b"an image")


def not_started():
    made, _ = header(image=b"", place=None)
    return blobs.encode(msgspec.structs.replace(made, image=None), b"", KEY)


def test_a_checkpoint_of_a_function_that_has_not_started_has_no_image():
    decoded = blobs.decode(not_started(), public=PUBLIC)
    assert decoded.image == b""
    assert decoded.header.place is None


@given(image=st.binary(max_size=2000), unread=st.integers(0, 5))
def test_what_was_encoded_comes_back_unchanged(image, unread):
    made, packed = header(image)
    made = msgspec.structs.replace(made, epoch=unread)
    decoded = blobs.decode(blobs.encode(made, packed, KEY), public=PUBLIC)
    assert decoded.header == made
    assert decoded.image == image


def test_the_encoding_is_deterministic_and_self_described():
    assert blob() == blob()
    assert blob().startswith(bytes.fromhex("d9d9f7"))


def test_a_blob_that_is_cut_short_anywhere_is_refused():
    whole = blob()
    for length in range(0, len(whole), 5):
        with pytest.raises(ProtocolError):
            blobs.decode(whole[:length], public=PUBLIC)


def test_a_blob_altered_at_any_byte_is_refused():
    whole = blob(b"z" * 600)
    for position in range(len(whole)):
        altered = whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :]
        with pytest.raises(ProtocolError):
            blobs.decode(altered, public=PUBLIC, digest=blobs.blob_digest(whole))


def test_a_blob_that_does_not_fit_the_digest_of_its_claim_is_refused_by_name():
    with pytest.raises(DamagedError, match="digest"):
        blobs.decode(blob(), digest=bytes(32))


def test_a_blob_signed_by_somebody_else_is_refused():
    made, packed = header()
    foreign = blobs.encode(made, packed, Ed25519PrivateKey.generate())
    with pytest.raises(DamagedError, match="another key"):
        blobs.decode(foreign, public=PUBLIC)


def test_a_newer_format_says_that_it_is_newer():
    with pytest.raises(NewerFormatError, match="version 2; this midstream reads up to 1"):
        blobs.decode(blob(format=2), public=PUBLIC)


def test_an_image_that_unpacks_to_more_than_it_announced_is_refused_before_it_fills_the_memory():
    record, packed = blobs.pack_image(bytes(50 * limits.MIB))
    made, _ = header()
    lying = msgspec.structs.replace(made, image=msgspec.structs.replace(record, size=1000))
    with pytest.raises(DamagedError, match="announced"):
        blobs.decode(blobs.encode(lying, packed, KEY), public=PUBLIC)


def test_an_image_announced_beyond_the_limit_is_refused():
    record, packed = blobs.pack_image(b"x" * 1000)
    made, _ = header()
    lying = msgspec.structs.replace(made, image=msgspec.structs.replace(record, size=limits.IMAGE + 1))
    with pytest.raises(ProtocolError, match="at most"):
        blobs.decode(blobs.encode(lying, packed, KEY), public=PUBLIC)


def test_a_header_with_a_field_of_the_wrong_type_names_the_field():
    with pytest.raises(ProtocolError, match=r"\$\.epoch"):
        blobs.decode(blob(epoch="three"), public=PUBLIC)


def test_the_signer_is_named_and_a_reader_without_keys_can_look():
    assert blobs.signer(blob()) == sealing.key_id(PUBLIC)
    assert blobs.decode(blob()).header.instance == "washer"


@pytest.mark.parametrize("foreign", [b"", b"\x00", cbor2.dumps({"a": 1}), cbor2.dumps([b"", b""]), b"PK\x03\x04"])
def test_bytes_that_are_no_checkpoint_are_refused(foreign):
    with pytest.raises(ProtocolError):
        blobs.decode(foreign)

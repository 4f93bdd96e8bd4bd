"""What `encode` writes is what `image.cddl` says, byte for byte the same each time, and `from_cbor` takes nothing else."""

from __future__ import annotations

import dataclasses
import decimal
import io
import math
import threading
from collections import deque
from pathlib import Path

import cbor2
import cddl_verifier
import pytest
from by_name import ByName
from test_exceptions import CASES as EXCEPTIONS
from test_iterators import ITERTOOLS, TABLE
from test_round_trip import EQUAL

from devices.errors import DamagedError, ProtocolError
from devices.protocol import checkpoint
from devices.runtime.python.values import Registered, encode, from_cbor, to_cbor

CONTRACT = Path(checkpoint.__file__).with_name("image.cddl").read_text()
VALIDATOR = cddl_verifier.Validator(CONTRACT)


class Own:
    def __init__(self):
        self.mapping = {1: self, "text": "t" * 100}


class OwnList(list):
    pass


SHARER = Own()


CLOSED = (io.StringIO("a"), io.BytesIO(b"a"))
for file in CLOSED:
    file.close()


def image_of(*values):
    graph = encode(values, ByName(__name__, "test_exceptions"), Registered())
    return {
        "form": 1, "python": "3.11.7", "source": bytes(32), "effect": False, "modules": ["m"], "state": [["m", "TOTAL"]], "gone": [["m", "GONE"]], "ambient": ["random"],
        "frames": [["m", 1, 5, "before", -1, [], ["a"], [], 0]], "heap": graph.heap, "roots": graph.roots,
    }  # fmt: skip


def problems(image):
    result = VALIDATOR.validate(to_cbor(image), require_deterministic=True)
    return [] if result.valid else [str(diagnostic) for diagnostic in result.diagnostics][:5]


def test_the_contract_itself_is_sound():
    assert cddl_verifier.schema_diagnostics(CONTRACT) == ()


@pytest.mark.parametrize(
    "values",
    [
        EQUAL,
        list(EXCEPTIONS.values()),
        [make() for make in (TABLE | ITERTOOLS).values()],
        [*CLOSED, decimal.Context(prec=3), dataclasses.MISSING],
        [
            threading.Lock(),
            threading.RLock(),
            threading.Event(),
            threading.Condition(),
            threading.Semaphore(2),
            threading.BoundedSemaphore(),
        ],
        [Own(), OwnList([1]), Own, SHARER, vars(SHARER)],
    ],
    ids=["values", "exceptions", "iterators", "library", "locks", "objects"],
)
def test_every_kind_of_value_is_written_as_the_contract_says(values):
    assert problems(image_of(*values)) == []


@pytest.mark.parametrize(
    "node",
    [[99], [0, {}], [0, [1, 2]], [0, [-1]], [0, 2**64], [3, [0], 1], [4, 5], [9, "text"], ["float", b"123"], ["eval"],
     ["ndarray", "<f8", [0], "A", True, b""], [7, 1, 0], [0, "x" * 300]],
    ids=repr,
)  # fmt: skip
def test_a_node_of_another_form_breaks_the_contract(node):
    assert problems({**image_of([]), "heap": [node]}) != []


def test_the_same_values_give_the_same_bytes():
    values = [{"b": [1, 2.5, "x"], "a": (None, True)}, deque([1]), Own(), math.nan]
    assert to_cbor(image_of(*values)) == to_cbor(image_of(*values))


def test_floats_are_as_short_as_they_can_be_and_keys_in_order():
    assert (
        to_cbor({"roots": [1.5, 0.1], "heap": []}).hex() == "a2646865617080" + "65726f6f747382f93e00fb3fb999999999999a"
    )


def test_large_bytes_are_not_copied_into_the_nodes():
    data = bytes(1_000_000)
    graph = encode([data], ByName(), Registered())
    assert graph.heap[0][1] is data


GOOD = to_cbor({"heap": [[0, 1]], "roots": [[0]]})
BAD = {
    "nothing": b"",
    "no map": cbor2.dumps([1]),
    "cut short": GOOD[:-1],
    "bytes behind": GOOD + b"\0",
    "two items": GOOD + GOOD,
    "an indefinite list": bytes.fromhex("a1646865617" + "09fff"),
    "an indefinite text": bytes.fromhex("a17f6161ff00"),
    "the same key twice": bytes.fromhex("a2616101616102"),
    "an integer as key": bytes.fromhex("a10102"),
    "a list as key": bytes.fromhex("a1800102"),
    "nested too deep": bytes.fromhex("a16161") + b"\x81" * 100 + b"\0",
    "nested a million deep": bytes.fromhex("a16161") + b"\x81" * 1_000_000 + b"\0",
    "a list of 2**62": bytes.fromhex("a161619b4000000000000000"),
    "bytes of 2**62": bytes.fromhex("a161615b4000000000000000"),
    "a map of 2**62": bytes.fromhex("bb4000000000000000"),
    "text that is no UTF-8": bytes.fromhex("a16161" + "61ff"),
    "a reserved length": bytes.fromhex("a161611c"),
    **{
        f"tag {tag}": bytes.fromhex("a16161") + cbor2.dumps(cbor2.CBORTag(tag, value))
        for tag, value in {
            0: "2026-11-25T00:00:00Z", 1: 5, 2: b"1", 3: b"1", 4: [1, 2], 5: [1, 2], 24: b"", 25: 0, 28: [], 29: 0,
            30: [1, 2], 32: "u", 35: "(a+)+$", 36: "m", 37: bytes(16), 64: b"", 256: [], 258: [1], 260: b"1234",
            261: {b"1": 1}, 1004: "2026-11-25", 43000: [1, 2], 55799: [], 12345: 1,
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_bytes_of_another_form_are_refused(data):
    with pytest.raises(ProtocolError):
        from_cbor(data)


def test_an_image_beyond_the_limit_is_refused_before_it_is_read():
    with pytest.raises(ProtocolError, match="at most 5"):
        from_cbor(GOOD, limit=5)


def test_a_good_image_is_read():
    assert from_cbor(GOOD) == {"heap": [[0, 1]], "roots": [[0]]}
    assert from_cbor(bytes(GOOD)) == from_cbor(GOOD)
    with pytest.raises(DamagedError):
        from_cbor(GOOD[:5])

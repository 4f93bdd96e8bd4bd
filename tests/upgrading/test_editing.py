"""Variables of a stopped function get other values, and it goes on with them; what is not there is refused by name."""

from __future__ import annotations

import pytest

from devices.errors import MidstreamError, UsageError
from devices.runtime.python.editing import edited
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.python.upgrading.image import upgraded
from devices.runtime.python.values import from_cbor, to_cbor
from tests.upgrading.landing import image_of, source

HOUSE = source(
    """
    LIMIT = 3
    seen = []

    def inner(one, unused):
        note = one
        waits = 0  # here
        return [note, LIMIT, seen, id(note) == id(note)]

    def main():
        shared = 5

        def reads():
            return shared

        outer = "a"
        got = inner(1, 2)
        seen.append(4)
        return [outer, got, reads(), shared]
    """
)


def goes_on(image: bytes):
    return Execution(Program.load(HOUSE, library=Library())).resume(image)


def test_locals_of_any_frame_shared_variables_and_globals_are_set():
    image = image_of(HOUSE)
    assert goes_on(image) == ["a", [1, 3, [4], True], 5, 5]
    changes = {
        "note": {"text": "x" * 200, "big": -(2**70), "items": [1, [None, 2.5], True]},
        "LIMIT": 30,
        "main.outer": "b",
        "main.shared": [6],
        "program.seen": ["kept"],
    }
    assert goes_on(edited(image, HOUSE, changes)) == [
        "b", [changes["note"], 30, ["kept", 4], True], [6], [6],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["unused", "nothing", "main.note", "other.outer", ".i1", "main..s"])
def test_a_variable_that_the_rest_does_not_use_is_refused_and_others_are_named(name):
    with pytest.raises(UsageError, match="the rest of the function uses no variable") as raised:
        edited(image_of(HOUSE), HOUSE, {name: 1})
    assert "note" in (raised.value.remedy or "")
    assert "main.outer" in (raised.value.remedy or "")


def test_a_function_is_no_variable():
    with pytest.raises(UsageError, match="is a function or a class"):
        edited(image_of(HOUSE), HOUSE, {"inner": 1})


@pytest.mark.parametrize(
    "damage",
    [
        {"frames": [1]}, {"frames": [["program", 99, 1, "before", 0, [], [], [], 0]]}, {"roots": []}, {"frames": []},
        {"form": 0}, {"source": b"x" * 32},
    ],
    ids=str,
)  # fmt: skip
def test_an_image_that_is_not_as_the_contract_says_is_refused(damage):
    image = to_cbor({**from_cbor(image_of(HOUSE)), **damage})
    for use in (lambda: upgraded(image, HOUSE, HOUSE), lambda: edited(image, HOUSE, {"note": 1})):
        with pytest.raises(MidstreamError):
            use()

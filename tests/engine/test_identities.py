"""Objects keep the numbers that ``id`` gave them, and no number is that of two."""

from __future__ import annotations

import pytest

from devices.errors import ProtocolError
from devices.runtime.python.engine import Execution
from devices.runtime.python.identities import Identities
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.python.values import from_cbor
from tests.engine.harness import captured, source_of


def test_an_object_keeps_its_number_and_nothing_else_gets_it() -> None:
    kept, other = [1], [2]
    identities = Identities()
    identities.keep([kept], [id(other)])
    assert identities.function(kept) == id(other)
    assert identities.function(other) not in {id(kept), id(other)}
    assert identities.function(other) == identities.function(other)


def test_what_is_made_anew_has_a_number_of_its_own() -> None:
    value = [1]
    identities = Identities()
    assert identities.of_nodes([value, len, value], [[0], [10, "builtins", "len"], [11, "class", None, 0]]) == [
        id(value),
        0,
        0,
    ]
    identities.keep([value], [0])
    assert identities.function(value) == id(value)


def test_an_image_has_numbers_only_where_the_program_asks() -> None:
    text = "def main():\n    x = [1]\n    y = [2]\n    return {}"
    for asked, expected in (("x, y", False), ("id(x), y", True)):
        execution = Execution(Program.load(source_of(text.format(asked)), library=Library()))
        stops, _ = captured(execution, lambda run=execution: run.start("main", [], {}))
        assert {"numbers" in from_cbor(image.data) for image in stops.images} == {expected}


@pytest.mark.parametrize("numbers", [None, [], [1, 2], ["1"], [1.0], {0: 1}])
def test_numbers_that_are_none_are_refused(numbers: object) -> None:
    with pytest.raises(ProtocolError):
        Identities().keep([[1]], numbers)


def test_a_cached_property_is_made_anew_by_import_for_other_pythons_have_another_lock_in_it() -> None:
    text = (
        "from functools import cached_property\n\n\nclass Made:\n    @cached_property\n    def slow(self):\n"
        "        return 1\n\n\ndef main():\n    made = Made()\n    return made.slow\n"
    )
    execution = Execution(Program.load(source_of(text), library=Library()))
    stops, _ = captured(execution, lambda: execution.start("main", [], {}))
    assert [from_cbor(image.data)["state"] for image in stops.images] == [[]] * len(stops.images) != []

"""Values are drawn from an image's nodes without making one of them, and no heap is too hostile for that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.cli.drawing import Heap
from coordinator.cli.drawing.callables import ENGINE
from coordinator.cli.drawing.table import DRAWINGS
from devices.errors import ProtocolError
from devices.runtime.python import knows
from devices.runtime.python.values.catalogue import KINDS


def drawn(*nodes: list[Any]) -> str:
    return Heap(list(nodes)).draw([0]).value


@pytest.mark.parametrize(
    ("nodes", "value"),
    [
        ([[0, 1, "a", None]], "[1, 'a', None]"),
        ([[1, 1.5]], "(1.5,)"),
        ([[2, "a", "b", 1, [1]], [0]], "{'a': 1, 'b': []}"),
        ([[3, 1, 7], [4, "total"]], "{'total': 7}"),
        ([[5]], "set()"),
        ([[7, [1], 2, 3], [10, "washer", "Wash"], [4, "kwh"]], "Wash(kwh=3)"),
        ([[8, "x" * 1000]], "'" + "x" * 120 + "'... 880 more characters"),
        ([["int", b"\x01" + b"\0" * 9]], str(2**72)),
        ([["datetime", 2026, 11, 25, 2, 14, 9, 0, 0, [1]], ["timezone"]], "2026-11-25 02:14:09 UTC"),
        ([["deque", 3, 1, 2]], "deque([1, 2], maxlen=3)"),
        ([["named", "ctx"]], "ctx"),
        ([["registered", "subscription", [1]], [1, 1, [2], "latest", True], [1, "a/+"]], "Subscription('a/+', keep='latest')"),
        ([["registered", "message", [1]], [0, "a/b", b"7", 1.0, [2], False, 1], [2]], "Message('a/b', b'7', 1970-01-01 00:00:01 UTC)"),
        ([["registered", "file-reader", [1]], [1, "/data/log", "r", 7, 9]], "<file '/data/log', 'r', at 7>"),
        ([["registered", "file-text", [1]], [1, [2], "r", "utf-8", None, None, 7], ["registered", "file-reader", [3]], [1, "/l", "r", 7, 9]], "<text of <file '/l', 'r', at 7>, at 7>"),
        ([["registered", "error-refused", [1]], [2, "message", "no"]], "error-refused({'message': 'no'})"),
        ([["anew", [1], [2], [3]], [11, "named", ["m", "connect"], 0], [1, "host"], [2]], "<made on each hub by connect('host')>"),
        ([["of tomorrow", 1, [0]]], "<of tomorrow 1, <cycle to of tomorrow>>"),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_is_drawn_as_python_would_write_it(nodes: list[list[Any]], value: str) -> None:
    assert drawn(*nodes) == value


def test_every_tag_that_the_codec_can_write_has_a_drawing() -> None:
    assert set(DRAWINGS) == set(KINDS)


def test_everything_that_the_engine_describes_has_a_drawing() -> None:
    described = set(re.findall(r'Described\(\s*"(\w+)"', Path(knows.__file__).read_text()))
    assert described == set(ENGINE)


def test_a_list_that_holds_itself_says_so() -> None:
    assert drawn([0, 1, [0]]) == "[1, <cycle to list>]"


def test_what_is_too_long_or_too_deep_says_how_much_is_left() -> None:
    assert drawn([0, *range(500)]).endswith(", 11, ... 488 more]")
    nested = [[0, [number + 1]] for number in range(5)] + [[2, "a", 1]]
    assert drawn(*nested) == "[[[[[{... 1 pairs}]]]]]"
    assert drawn([9, b"x" * 100]).endswith("... 40 more bytes")


def test_a_heap_that_doubles_at_each_level_is_drawn_in_bounded_time_and_space() -> None:
    doubled = [[0, *[[number + 1]] * 12] for number in range(1000)] + [[0]]
    assert len(drawn(*doubled)) <= 1000


@pytest.mark.parametrize("tag", sorted(DRAWINGS, key=str), ids=str)
@pytest.mark.parametrize("fields", [[], [None], [1, 2, 3, 4, 5], ["a", b"b", [0]]], ids=str)
def test_fields_that_a_kind_cannot_have_are_shown_as_they_are_or_refused(tag: Any, fields: list[Any]) -> None:
    try:
        assert drawn([tag, *fields])
    except ProtocolError:
        return


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in drawn([8, "\x1b[2J"])
    assert "\x1b" not in Heap([]).draw("\x1b[2J").value


@pytest.mark.parametrize("slot", [[5], [-1], ["a"], [], [0, 1]], ids=str)
def test_a_reference_that_leads_nowhere_is_refused(slot: list[Any]) -> None:
    with pytest.raises(ProtocolError):
        Heap([[0]]).draw(slot)


slots = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
references = st.lists(st.integers(-1, 4), max_size=2)
tags = st.integers(-1, 14) | st.sampled_from([*filter(lambda tag: isinstance(tag, str), DRAWINGS), "x"])
nodes = st.lists(slots | references | st.lists(slots, max_size=2), max_size=6)


@given(st.lists(st.builds(lambda tag, rest: [tag, *rest], tags, nodes) | st.just([]), max_size=4), references | slots)
def test_any_heap_is_drawn_or_refused(heap: list[list[Any]], slot: Any) -> None:
    try:
        value = Heap(heap).draw(slot)
    except ProtocolError:
        return
    assert len(value.value) <= 1000

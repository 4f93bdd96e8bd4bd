"""Values are drawn from an image's nodes without making one of them, and no heap is too hostile for that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.cli.heap import Heap
from devices.errors import ProtocolError


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
        ([[8, "x" * 1000]], "'" + "x" * 299 + " ..."),
        ([["int", b"\x01" + b"\0" * 9]], "0x1000000000000000000"),
        ([["datetime", 2026, 11, 25, 2, 14, 9, 0, 0, [1]], ["timezone"]], "2026-11-25 02:14:09 UTC"),
        ([["deque", 3, 1, 2]], "deque([1, 2])"),
        ([["named", "ctx"]], "ctx"),
        ([["of tomorrow", 1, [0]]], "<of tomorrow 1, <of tomorrow 1, <of tomorrow 1, <of tomorrow 1, <of tomorrow 1, ...>>>>>"),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_is_drawn_as_python_would_write_it(nodes: list[list[Any]], value: str) -> None:
    assert drawn(*nodes) == value


def test_a_list_that_holds_itself_ends_somewhere() -> None:
    assert drawn([0, [0]]).endswith("...]]]]]")


def test_a_heap_that_doubles_at_each_level_is_drawn_in_bounded_time_and_space() -> None:
    doubled = [[0, *[[number + 1]] * 12] for number in range(1000)] + [[0]]
    assert len(drawn(*doubled)) <= 310


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in drawn([8, "\x1b[2J"])
    assert "\x1b" not in Heap([]).draw("\x1b[2J").value


@pytest.mark.parametrize("slot", [[5], [-1], ["a"], [], [0, 1]], ids=str)
def test_a_reference_that_leads_nowhere_is_refused(slot: list[Any]) -> None:
    with pytest.raises(ProtocolError):
        Heap([[0]]).draw(slot)


slots = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
references = st.lists(st.integers(-1, 4), max_size=2)
tags = st.integers(-1, 14) | st.sampled_from(["int", "deque", "datetime", "registered", "sharing", "iterator", "x"])
nodes = st.lists(slots | references | st.lists(slots, max_size=2), max_size=6)


@given(st.lists(st.builds(lambda tag, rest: [tag, *rest], tags, nodes) | st.just([]), max_size=4), references | slots)
def test_any_heap_is_drawn_or_refused(heap: list[list[Any]], slot: Any) -> None:
    try:
        value = Heap(heap).draw(slot)
    except ProtocolError:
        return
    assert len(value.value) <= 310

"""A change in what import has made is seen wherever it is made; what has not changed is not taken for changed."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import pytest

from devices.runtime.python.pictures import Picture
from devices.runtime.python.places import Bindings

OWN = frozenset({"washer"})


def taken(value: Any) -> Picture:
    picture = Picture.of(value, OWN)
    assert picture is not None
    return picture


CHANGES: list[tuple[Any, Callable[[Any], Any]]] = [
    ([1, 2], lambda value: value.append(3)),
    ([1, 2], lambda value: value.reverse()),
    ([[1]], lambda value: value[0].append(1)),
    ({"a": [1]}, lambda value: value["a"].clear()),
    ({"a": 1}, lambda value: value.update(a=2)),
    ({"a": 1}, lambda value: value.update(b=value.pop("a"))),
    ({1, 2}, lambda value: value.add(3)),
    (deque([1]), lambda value: value.append(2)),
    (defaultdict(list), lambda value: value["a"]),
    (OrderedDict(a=1, b=2), lambda value: value.move_to_end("a")),
    (([1],), lambda value: value[0].append(2)),
    ({"a": ({"b": [0]},)}, lambda value: value["a"][0]["b"].append(1)),
]


@pytest.mark.parametrize(("value", "change"), CHANGES, ids=[str(number) for number in range(len(CHANGES))])
def test_a_change_is_seen_at_any_depth(value: Any, change: Callable[[Any], Any]) -> None:
    picture = taken(value)
    assert picture.is_true()
    change(value)
    assert not picture.is_true()


def test_an_equal_number_in_the_place_of_another_is_no_change() -> None:
    value = [int("1000000")]
    picture = taken(value)
    value[0] = int("1000000")
    assert picture.is_true()
    value[0] = 1000000.0  # type: ignore[call-overload]
    assert not picture.is_true()


def test_a_list_that_holds_itself_and_one_that_doubles_at_each_level_are_judged() -> None:
    cyclic: list[Any] = [1]
    cyclic.append(cyclic)
    doubled: list[Any] = []
    for _ in range(40):
        doubled = [doubled, doubled]
    assert taken(cyclic).is_true()
    assert taken(doubled).is_true()


def test_what_is_too_large_or_of_the_programs_own_classes_cannot_be_judged() -> None:
    own = type("Washer", (), {"__module__": "washer"})
    assert Picture.of([own()], OWN) is None
    assert Picture.of(list(range(100_000)), OWN) is None
    assert Picture.of([own, bytes], OWN) is not None


def test_a_name_bound_anew_in_a_class_or_function_is_seen() -> None:
    class Holder:
        first = 1
        last = 2

    def function(given: int = 1) -> int:
        return given

    def renamed() -> None:
        del Holder.last
        Holder.other = 2  # type: ignore[attr-defined]

    def defaulted() -> None:
        function.__defaults__ = (2,)

    def counted() -> None:
        function.calls = 1  # type: ignore[attr-defined]

    for holder, change in ((Holder, renamed), (function, defaulted), (function, counted)):
        bindings = Bindings(holder)
        assert bindings.are_the_same(holder)
        change()
        assert not bindings.are_the_same(holder)


def test_of_a_function_whose_cells_or_keyword_defaults_can_change_nothing_is_said() -> None:
    count = 0

    def closed() -> int:
        return count

    def keyword(*, given: int = 1) -> int:
        return given

    assert not Bindings(closed).are_the_same(closed)
    assert not Bindings(keyword).are_the_same(keyword)

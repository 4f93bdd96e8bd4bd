"""Values have the same picture if their structure is the same, types and all; whatever they say of themselves."""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import functools
import itertools
import random
import re
import threading

import pytest

from devices.runtime.exercising.picture import picture, picture_of_error


class Colour(enum.Enum):
    RED = 1


class Point:
    def __init__(self, x: object) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x: object) -> None:
        self.x = x


class Named(list):
    name = ""


class Text(str):
    __slots__ = ()


def shared() -> list:
    one: list = []
    return [one, one]


def cyclic(length: int) -> list:
    one: list = [0] * length
    one.append(one)
    return one


def generator(n: int):
    yield n


DIFFERENT = [
    (1, True), (1, 1.0), (0.0, -0.0), (1, "1"), ("a", b"a"), ([1], (1,)), ({}, []), (None, False), ([], [[]]),
    ({1: 2}, {1: 3}), ({1: 2}, {True: 2}), ({1: 2, 3: 4}, {3: 4, 1: 2}), ({1, 2}, {1, 3}), ({1}, frozenset({1})),
    (collections.OrderedDict(a=1), {"a": 1}), (collections.deque([1]), collections.deque([1], 5)),
    (collections.defaultdict(int), collections.defaultdict(list)), (bytearray(b"a"), bytearray(b"b")),
    (Point(1), Point(2)), (Slotted(1), Slotted(2)), (Named([1]), [1]), (Text("a"), "a"), (Text("a"), Text("b")),
    (shared(), [[], []]), (cyclic(1), cyclic(2)), (Colour.RED, 1), (int, float), (len, abs),
    (decimal.Decimal("1.0"), decimal.Decimal("1.00")), (dt.date(2026, 1, 1), dt.date(2026, 1, 2)),
    (re.compile("a"), re.compile("a", re.IGNORECASE)), (array.array("i", [1]), array.array("l", [1])),
    (functools.partial(int, base=2), functools.partial(int, base=3)), (random.Random(1), random.Random(2)),
    (functools.cached_property(len), functools.cached_property(abs)), (iter([1, 2]), iter([1, 3])), (ValueError(1), ValueError(2)), (ValueError(1), TypeError(1)), ([].append, [1].append),
    (generator(1), itertools.count(1)), ({Text("k"): 1}, {"k": 1}), (10**5000, 10**5000 + 1), ("x" * 9000, "x" * 8999 + "y"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=lambda value: type(value).__name__)
def test_what_differs_has_another_picture(one: object, other: object) -> None:
    assert picture(one) != picture(other)


SAME = [
    (shared, shared), (lambda: cyclic(3), lambda: cyclic(3)), (lambda: Point([1]), lambda: Point([1])),
    (lambda: float("nan"), lambda: float("nan")), (lambda: {"a", "b", ("c", 1)}, lambda: {("c", 1), "b", "a"}),
    (threading.Lock, threading.Lock), (lambda: random.Random(1), lambda: random.Random(1)),
    (lambda: (1, "a"), lambda: (1, chr(97))), (lambda: generator(1), lambda: generator(1)),
    (lambda: object, lambda: object), (lambda: [object()], lambda: [object()]), (lambda: iter({}), lambda: iter({})),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_is_made_alike_has_the_same_picture(one, other) -> None:
    assert picture(one()) == picture(other())


def test_a_cached_property_has_the_same_picture_on_each_python() -> None:
    assert [step for _, step, _ in picture(functools.cached_property(len))] == ["", ".func", ".attrname"]


def test_a_hundred_thousand_lists_in_each_other_are_no_recursion() -> None:
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert len(picture(deep)) == 100_001


def test_an_error_is_pictured_with_cause_context_notes_and_the_programs_own_lines() -> None:
    text = "def f():\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        raise KeyError('k') from e\n"
    namespace: dict = {}
    exec(compile(text, "program.py", "exec"), namespace)
    with pytest.raises(KeyError) as caught:
        namespace["f"]()
    caught.value.add_note("note")
    tokens = picture_of_error(caught.value, {"program.py"})
    assert tokens[0] == (0, "raised", "KeyError")
    words = [text for _, _, text in tokens]
    assert "'note'" in words
    assert "program.py:5 in f" in words
    assert "program.py:3 in f" in words
    assert (1, "cause", "ZeroDivisionError") in tokens


def test_a_function_of_the_random_module_is_no_state_of_the_program():
    before = picture(random.choice)
    random.random()
    assert picture(random.choice) == before
    assert picture(random.choice) != picture(random.shuffle)

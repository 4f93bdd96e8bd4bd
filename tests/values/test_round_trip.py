"""Every kind of value that has no identity to speak of comes back equal, of the same type, in the same order."""

from __future__ import annotations

import array
import collections
import copy
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import json
import math
import operator
import pathlib
import random
import re
import string
import struct
import types
import uuid
import zoneinfo
from typing import Any

import pytest
from by_name import there_and_back

from devices.errors import CannotTravelError

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

EQUAL = [
    None, True, False, 0, 1, -1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**100, -(10**100),
    0.0, 1.5, 0.1, 1e300, 5e-324, math.inf, -math.inf, 1 + 2j, complex(-0.0, math.inf),
    "", "a", "\N{GREEK SMALL LETTER ALPHA}", "a\0b", "x" * 64, "x" * 65, "\N{PILE OF POO}" * 200,
    "lone \udc80 surrogate", "\ud83d", b"", b"\0\xff", b"x" * 64, b"x" * 65, bytearray(b"abc"), bytearray(),
    [], [1, [2, [3]]], (), (1,), ((), ((),)), {}, {"a": 1}, {1: "a", (2, 3): [4], None: {}, 1.5: b"", True and "t": 0},
    set(), {1, 2, 3}, {"a", "b"}, frozenset(), frozenset({1, frozenset({2})}),
    {"a": None, "b": None}, {f"key {n}": n for n in range(200)}, {"k" * 100: 1}, {"\udc80": 1},
    list(range(100)), [n / 7 for n in range(100)], [str(n) for n in range(100)], [None, True] * 20, [2**64] * 20,
    ["\udc80"] * 20, [1, "a", None] * 20, list("\N{GREEK SMALL LETTER ALPHA}" * 20),
    range(0), range(5), range(10, -10, -3), range(2**70), slice(None), slice(1, 2, 3), slice("a", [1], None),
    ..., NotImplemented,
    dt.datetime.fromisoformat("2026-11-25T03:10:31.000999"), dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
    dt.datetime.fromisoformat("9999-12-31T23:59:59.999999"), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.date(2026, 2, 28),
    dt.time(23, 59, 59, 1), dt.time(1, tzinfo=dt.UTC), dt.time(2, fold=1),
    dt.timedelta(days=-1, microseconds=1), dt.timedelta.max,
    dt.UTC, dt.timezone(dt.timedelta(hours=-5)),
    dt.timezone(dt.timedelta(minutes=330), "IST"), BERLIN,
    decimal.Decimal("1.10"), decimal.Decimal("-0"), decimal.Decimal("1E+1000"), decimal.Decimal("Infinity"),
    fractions.Fraction(-3, 7), fractions.Fraction(10**50, 3), uuid.UUID(int=5), uuid.uuid1(),
    collections.deque([1, 2], maxlen=2), collections.deque(), collections.Counter("hello"),
    collections.defaultdict(list, {"a": [1]}), collections.defaultdict(None, {1: 2}),
    collections.OrderedDict(b=1, a=2), collections.ChainMap({"a": 1}, {"b": 2}), collections.UserDict({"a": 1}),
    collections.UserList([1]), collections.UserString("x"),
    types.SimpleNamespace(a=1, b=[2]), types.MappingProxyType({"a": 1}),
    pathlib.Path("/var/lib/x"), pathlib.PurePosixPath("a/b"), pathlib.PureWindowsPath("C:/x"), pathlib.Path("\udc80"),
    re.compile("a(b)?", re.IGNORECASE), re.compile(b"x+"),
    array.array("d", [1.5, math.inf]), array.array("i", [-1, 2]), array.array("B"), array.array("q", [2**62]),
    ipaddress.ip_address("192.168.1.1"), ipaddress.ip_network("fd00::/8"), string.Template("$x").template,
    len, print, math.sqrt, operator.add, str.upper, dict, int, type, collections.Counter, collections.deque.append,
    copy.deepcopy, json.dumps, types.FunctionType, types.GeneratorType, type(None),
    dict.fromkeys, int.from_bytes, dt.datetime.now, re.IGNORECASE, re.IGNORECASE | re.MULTILINE,
    uuid.SafeUUID.safe, math, memoryview(b"abc"), memoryview(bytearray(8)).cast("d"), struct.Struct("<HI").format,
    list[int], dict[str, list[int]], int | None,
]  # fmt: skip


NAMES = [f"{type(value).__name__}-{number}" for number, value in enumerate(EQUAL)]


@pytest.mark.parametrize("value", EQUAL, ids=NAMES)
def test_a_value_comes_back_equal_and_of_the_same_type(value):
    back = there_and_back(value)
    assert type(back) is type(value)
    assert back == value
    if not isinstance(value, memoryview | set | frozenset):  # an address; the order of another set
        assert repr(back) == repr(value)


@pytest.mark.parametrize("value", EQUAL, ids=NAMES)
def test_a_value_inside_a_container_comes_back_equal(value):
    assert there_and_back([value, (value,), {"v": value}]) == [value, (value,), {"v": value}]


def test_minus_zero_keeps_its_sign_and_nan_its_bits_and_identity():
    odd = struct.unpack(">d", bytes.fromhex("7ff8000000001234"))[0]
    zero, nans = there_and_back(-0.0, [odd, odd])
    assert math.copysign(1, zero) == -1
    assert struct.pack(">d", nans[0]).hex() == "7ff8000000001234"
    assert nans[0] is nans[1]


def test_the_order_of_dicts_is_kept_also_after_deletions_and_moves():
    plain = {"a": 1, "b": 2, "c": 3}
    del plain["a"]
    plain["a"] = 4
    ordered = collections.OrderedDict(plain)
    ordered.move_to_end("b")
    assert list(there_and_back(plain).items()) == list(plain.items())
    assert list(there_and_back(ordered).items()) == list(ordered.items())


def test_a_random_generator_goes_on_with_the_same_numbers():
    generator = random.Random(7)
    generator.gauss(0, 1)
    twin = there_and_back(generator)
    assert [twin.random() for _ in range(5)] + [twin.gauss(0, 1)] == [generator.random() for _ in range(5)] + [
        generator.gauss(0, 1)
    ]


def test_in_memory_files_keep_contents_position_and_attributes():
    text, raw = io.StringIO("one\ntwo\n"), io.BytesIO(b"abcdef")
    text.readline()
    raw.seek(4)
    text_back, raw_back = there_and_back(text, raw)
    assert (text_back.getvalue(), text_back.tell(), text_back.read()) == ("one\ntwo\n", 4, "two\n")
    assert (raw_back.getvalue(), raw_back.read()) == (b"abcdef", b"ef")


def test_operators_and_partials_work_as_before():
    pick, get = operator.itemgetter(1, 0), operator.attrgetter("real", "imag")
    call = operator.methodcaller("split", ",", maxsplit=1)
    part = functools.partial(int, base=2)
    part.note = "binary"
    pick_back, get_back, call_back, part_back = there_and_back(pick, get, call, part)
    assert pick_back("ab") == ("b", "a")
    assert get_back(1 + 2j) == (1.0, 2.0)
    assert call_back("a,b,c") == ["a", "b,c"]
    assert (part_back("101"), part_back.note) == (5, "binary")


def test_a_builtin_method_stays_bound_to_the_live_object():
    out = []
    append, out_back = there_and_back(out.append, out)
    append(1)
    assert out_back == [1]


def test_names_for_what_exists_once_come_back_as_the_same_object():
    import os
    import sys

    everything = [sys.stdout, sys.stderr, os.environ, int, len, enum.Enum, ..., None]
    for before, after in zip(everything, there_and_back(everything), strict=True):
        assert before is after


def test_a_match_keeps_its_groups_and_spans():
    found = re.compile(r"(?P<key>\w+)=(?P<value>\d+)?(;)?").search("say x=12 now")
    back: Any = there_and_back(found)
    assert isinstance(back, re.Match)
    assert back.group("key", 2, 0) == ("x", "12", "x=12")
    assert (back.span(), back.span(3), back.start("value"), back.end()) == ((4, 8), (-1, -1), 6, 8)
    assert (back.groups(), back.groups(""), back.groupdict()) == (found.groups(), found.groups(""), found.groupdict())
    assert (back["value"], back[1], back.string, back.pos, back.endpos) == ("12", "x", "say x=12 now", 0, 12)
    assert (back.lastindex, back.lastgroup, back.re, back.regs) == (2, "value", found.re, found.regs)
    assert back.expand(r"\g<value>-\1\n\g<0>") == found.expand(r"\g<value>-\1\n\g<0>")
    assert repr(back) == repr(found)


class Shouted(str):
    __slots__ = ()

    def __getitem__(self, index):
        return "not asked"


@pytest.mark.parametrize("text", [Shouted("a=1"), bytearray(b"a=1"), b"a=1"])
def test_a_match_in_any_text_or_bytes_gives_plain_groups(text: Any):
    found: Any = re.match(r"(\w)=(\d)" if isinstance(text, str) else rb"(\w)=(\d)", text)
    back: Any = there_and_back(found, own=__name__)
    assert [type(each) for each in back.groups()] == [type(each) for each in found.groups()]
    assert (back.groups(), back[0]) == (found.groups(), found[0])
    assert type(back.string) is type(text)


def test_a_match_in_a_view_of_memory_is_refused_before_the_function_is_given_up():
    found = re.match(rb"a", memoryview(b"abc"))
    with pytest.raises(CannotTravelError, match="a match in a memoryview cannot travel"):
        there_and_back(found)

"""An iterator in mid-iteration goes on where it was, and stays linked to what it iterates over."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque

import pytest
from by_name import ByName, there_and_back

from devices.errors import CannotTravelError
from devices.runtime.python.twins import STAND_INS
from devices.runtime.python.values import Registered, encode

itertools = STAND_INS["itertools"]

TABLE = {
    "list": lambda: iter([1, 2, 3, 4]),
    "tuple": lambda: iter((1, 2, 3, 4)),
    "str": lambda: iter("abcd"),
    "wide str": lambda: iter("\N{GREEK SMALL LETTER ALPHA}bcd"),
    "bytes": lambda: iter(b"abcd"),
    "bytearray": lambda: iter(bytearray(b"abcd")),
    "range": lambda: iter(range(4)),
    "long range": lambda: iter(range(2**70, 2**70 + 4)),
    "set": lambda: iter({1, 2, 3, 4}),
    "frozenset": lambda: iter(frozenset({1, 2, 3, 4})),
    "dict": lambda: iter({"a": 1, "b": 2, "c": 3, "d": 4}),
    "keys": lambda: iter({1: 1, 2: 2, 3: 3, 4: 4}.keys()),
    "values": lambda: iter({"a": 1, "b": 2, "c": 3, "d": 4}.values()),
    "items": lambda: iter({"a": 1, "b": 2, "c": 3, "d": 4}.items()),
    "defaultdict": lambda: iter(defaultdict(int, {"a": 1, "b": 2, "c": 3, "d": 4}).items()),
    "reversed list": lambda: reversed([1, 2, 3, 4]),
    "reversed tuple": lambda: reversed((1, 2, 3, 4)),
    "reversed str": lambda: reversed("abcd"),
    "reversed range": lambda: reversed(range(4)),
    "reversed keys": lambda: reversed({"a": 1, "b": 2, "c": 3, "d": 4}),
    "reversed values": lambda: reversed({"a": 1, "b": 2, "c": 3, "d": 4}.values()),
    "reversed items": lambda: reversed({"a": 1, "b": 2, "c": 3, "d": 4}.items()),
    "ordered keys": lambda: iter(OrderedDict(a=1, b=2, c=3, d=4)),
    "ordered values": lambda: iter(OrderedDict(a=1, b=2, c=3, d=4).values()),
    "ordered items": lambda: iter(OrderedDict(a=1, b=2, c=3, d=4).items()),
    "ordered reversed": lambda: reversed(OrderedDict(a=1, b=2, c=3, d=4)),
    "ordered reversed items": lambda: reversed(OrderedDict(a=1, b=2, c=3, d=4).items()),
    "enumerate": lambda: enumerate("abcd", 5),
    "zip": lambda: zip([1, 2, 3, 4], "abcd", strict=True),
    "map": lambda: map(str.upper, "abcd"),
    "filter": lambda: filter(str.isalpha, "a1b2c3d4"),
    "filter none": lambda: filter(None, [1, 0, 2, 0, 3, 4]),
    "map of zip": lambda: map(max, zip([1, 2, 3, 4], [4, 3, 2, 1], strict=False)),
    "sentinel": lambda: iter(deque([1, 2, 3, 4, None]).popleft, None),
    "deque": lambda: iter(deque([1, 2, 3, 4])),
    "reversed deque": lambda: reversed(deque([1, 2, 3, 4])),
}
ITERTOOLS = {
    "count": lambda: itertools.islice(itertools.count(3, 2), 4),
    "cycle": lambda: itertools.islice(itertools.cycle("ab"), 7),
    "repeat": lambda: itertools.repeat("x", 4),
    "chain": lambda: itertools.chain([1, 2], (3,), "d"),
    "chain from": lambda: itertools.chain.from_iterable([[1, 2], [3, 4]]),
    "islice": lambda: itertools.islice([1, 2, 3, 4, 5, 6, 7], 1, 7, 2),
    "takewhile": lambda: itertools.takewhile(bool, [1, 2, 3, 0, 4]),
    "dropwhile": lambda: itertools.dropwhile(bool, [1, 0, 3, 0, 4]),
    "accumulate": lambda: itertools.accumulate([1, 2, 3, 4]),
    "accumulate initial": lambda: itertools.accumulate([1, 2, 3], max, initial=2),
    "starmap": lambda: itertools.starmap(pow, [(1, 2), (2, 3), (3, 4)]),
    "filterfalse": lambda: itertools.filterfalse(None, [0, 1, "", 2, None]),
    "zip_longest": lambda: itertools.zip_longest([1, 2, 3], "a", fillvalue="-"),
    "product": lambda: itertools.product("ab", [1, 2]),
    "permutations": lambda: itertools.permutations([1, 2, 3], 2),
    "combinations": lambda: itertools.combinations([1, 2, 3, 4], 2),
    "combinations_with_replacement": lambda: itertools.combinations_with_replacement([1, 2], 2),
    "compress": lambda: itertools.compress("abcdef", [1, 0, 1, 0, 1, 1]),
    "groupby": lambda: ((key, len(list(group))) for key, group in []) and itertools.groupby("abcd"),
    "tee": lambda: itertools.tee([1, 2, 3, 4])[1],
    "pairwise": lambda: itertools.pairwise([1, 2, 3, 4, 5]),
}
if hasattr(itertools, "batched"):
    ITERTOOLS["batched"] = lambda: itertools.batched("abcdefg", 2)
CASES = [(name, make, taken) for name, make in (TABLE | ITERTOOLS).items() for taken in (0, 1, 2, 3, 4, 9)]


def plain(item):
    return item[0] if isinstance(item, tuple) and type(item[-1]) is itertools._grouper else item


@pytest.mark.parametrize(("make", "taken"), [case[1:] for case in CASES], ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_an_iterator_goes_on_with_the_rest(make, taken):
    original = make()
    for _ in range(taken):
        next(original, None)
    back = there_and_back(original)
    if "set" not in type(original).__name__ and taken < 9:
        assert type(back) is type(original)
    assert [plain(item) for item in back] == [plain(item) for item in original]
    assert next(back, "used up") == "used up"


def test_a_list_iterator_sees_what_is_appended_after_the_move():
    items = [1, 2]
    iterator = iter(items)
    next(iterator)
    iterator, items = there_and_back(iterator, items)
    items.append(3)
    assert list(iterator) == [2, 3]
    items.append(4)
    assert list(iterator) == []


def test_two_iterators_over_one_list_keep_their_own_places():
    items = [1, 2, 3]
    first, second = iter(items), enumerate(items)
    next(first)
    next(second)
    next(second)
    first, second, items = there_and_back(first, second, items)
    items.append(4)
    assert (list(first), list(second)) == ([2, 3, 4], [(2, 3), (3, 4)])


def test_a_dict_iterator_sees_changed_values_and_minds_a_changed_size():
    mapping = {"a": 1, "b": 2, "c": 3}
    iterator = iter(mapping.items())
    next(iterator)
    iterator, mapping = there_and_back(iterator, mapping)
    mapping["b"] = 20
    assert next(iterator) == ("b", 20)
    mapping["d"] = 4
    with pytest.raises(RuntimeError, match="changed size"):
        next(iterator)


@pytest.mark.parametrize("make", [dict.fromkeys, set, OrderedDict.fromkeys])
def test_an_iterator_whose_container_has_changed_raises_after_the_move_too(make):
    container = make("abc")
    iterator = iter(container)
    next(iterator)
    container.pop("a") if isinstance(container, dict) else container.add("d")
    with pytest.raises(RuntimeError, match=r"changed size|mutated"):
        next(there_and_back(iterator))


def test_views_stay_views_of_the_live_dict():
    mapping = {"a": 1}
    keys, values, items, mapping = there_and_back(mapping.keys(), mapping.values(), mapping.items(), mapping)
    mapping["b"] = 2
    assert (list(keys), list(values), list(items)) == (["a", "b"], [1, 2], [("a", 1), ("b", 2)])


def test_the_two_ends_of_a_tee_still_share_what_they_have_read():
    first, second = itertools.tee(iter([1, 2, 3, 4]))
    next(first)
    next(first)
    first, second = there_and_back(first, second)
    assert (list(first), list(second)) == ([3, 4], [1, 2, 3, 4])


class Countdown:
    """An iterator of the program's own that starts anew whenever it is asked for an iterator."""

    def __init__(self, start):
        self.left = self.start = start

    def __iter__(self):
        self.left = getattr(self, "start", None)
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        return self.left


def test_an_own_iterator_under_enumerate_or_zip_goes_on_where_it_was():
    counted, zipped = enumerate(Countdown(5)), zip(Countdown(5), "abcde", strict=True)
    next(counted)
    next(zipped)
    counted, zipped = there_and_back(counted, zipped, own=__name__)
    assert list(counted) == [(1, 3), (2, 2), (3, 1), (4, 0)]
    assert next(zipped) == (3, "b")


class SlottedCountdown(Countdown):
    __slots__ = ("extra",)


def test_an_own_iterator_with_slots_under_enumerate_is_refused_with_the_remedy():
    with pytest.raises(CannotTravelError, match="SlottedCountdown") as refusal:
        encode([enumerate(SlottedCountdown(5))], ByName(__name__), Registered())
    assert "__slots__" in refusal.value.remedy


def test_two_ends_of_one_own_iterator_stay_one():
    countdown = Countdown(6)
    pairs = zip(countdown, countdown, strict=True)
    assert next(pairs) == (5, 4)
    pairs, countdown = there_and_back(pairs, countdown, own=__name__)
    assert next(pairs) == (3, 2)
    assert (countdown.left, type(countdown)) == (2, Countdown)


def test_what_repeat_repeats_may_be_anything():
    repeated = there_and_back(itertools.repeat(SlottedCountdown(5), 3), own=__name__)
    assert [type(each) for each in repeated] == [SlottedCountdown] * 3

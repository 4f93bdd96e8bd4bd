"""Whatever hypothesis builds of the plain types comes back equal, with the same types and the same sharing."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter, OrderedDict, deque
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import travellers
from by_name import ByName, there_and_back
from hypothesis import given, settings
from hypothesis import strategies as st
from test_exceptions import CASES as EXCEPTIONS
from test_iterators import TABLE
from test_round_trip import EQUAL

from devices.errors import ProtocolError, RestoreError
from devices.runtime.python.values import Registered, decode, encode, from_cbor, to_cbor
from devices.runtime.python.values.catalogue import KINDS

EXAMPLES = 100
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**64) - 2, -(2**63) + 2),
    st.integers(2**63 - 2, 2**64 + 2),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(max_size=80),
    st.text(st.characters(codec=None, categories=["Cs", "Ll", "So"]), max_size=5),
    st.binary(max_size=80),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.datetimes(timezones=st.none() | st.just(dt.UTC) | st.just(ZoneInfo("Europe/Berlin"))),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.just(...),
)
keys = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=12),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(deque),
        st.dictionaries(st.text(max_size=4), inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4).map(OrderedDict),
        st.dictionaries(st.text("abc", min_size=1), inner, max_size=3).map(lambda d: SimpleNamespace(**d)),
        st.sets(keys, max_size=4),
        st.binary(max_size=5).map(bytearray),
        st.lists(keys, max_size=4).map(Counter),
    ),
    max_leaves=25,
)


def same(one, other):
    """Tells whether two values are equal in value and type, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, SimpleNamespace):
        return same(vars(one), vars(other))
    if isinstance(one, float):
        return repr(one) == repr(other)
    return one == other


def often(long_run, check):
    """Runs a check on many examples."""
    settings(max_examples=20_000 if long_run else EXAMPLES, deadline=None)(check)()


def test_any_value_comes_back_equal_with_the_same_types(long_run):
    @given(values)
    def check(value):
        assert same(there_and_back(value), value)

    often(long_run, check)


def test_any_graph_of_lists_and_dicts_keeps_its_shape(long_run):
    @given(st.data())
    def check(data):
        size = data.draw(st.integers(1, 8))
        nodes = [[] if data.draw(st.booleans()) else {} for _ in range(size)]
        for _ in range(data.draw(st.integers(0, 20))):
            holder, held = nodes[data.draw(st.integers(0, size - 1))], nodes[data.draw(st.integers(0, size - 1))]
            wrapped = (held,) if data.draw(st.booleans()) else held
            holder.append(wrapped) if isinstance(holder, list) else holder.update({len(holder): wrapped})
        assert shape_of(there_and_back(nodes)) == shape_of(nodes)

    often(long_run, check)


def shape_of(roots):
    """Returns the graph as numbers: each object by the order in which it is met."""
    numbers, found, queue = {id(roots): 0}, [], [roots]
    for item in queue:
        inside = list(item.values()) if isinstance(item, dict) else item
        for each in inside:
            if id(each) not in numbers:
                numbers[id(each)] = len(queue)
                queue.append(each)
        found.append((type(item).__name__, [numbers[id(each)] for each in inside]))
    return found


def test_a_value_that_has_travelled_is_written_the_same_again(long_run):
    @given(values)
    def check(value):
        once = encode([value], ByName(), Registered())
        again = encode([there_and_back(value)], ByName(), Registered())
        if not {5, 6} & {node[0] for node in once.heap}:  # the order of a set may be another one
            assert to_cbor({"heap": again.heap}) == to_cbor({"heap": once.heap})

    often(long_run, check)


references = st.integers(-1, 8).map(lambda index: [index])
words = st.sampled_from(
    ["list", "keys", "map", "zip", "chain", "count", "product", "itemgetter", "append", "name", "cell"]
)
slots = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 8), st.floats(), st.text(max_size=3), st.binary(max_size=3), references, words,
    st.lists(st.integers(), max_size=2), st.just({}),
)  # fmt: skip
nodes = st.tuples(st.sampled_from(sorted(KINDS, key=str)), st.lists(slots, max_size=10)).map(lambda n: [n[0], *n[1]])


def test_any_heap_gives_values_or_a_refusal(long_run):
    @given(st.lists(nodes, max_size=9))
    def check(heap):
        with contextlib.suppress(ProtocolError, RestoreError):  # the second: numpy's, and no numpy here
            decode(heap, [[0]], ByName(), Registered())

    often(long_run, check)


def test_any_change_of_a_good_heap_gives_values_or_a_refusal(long_run):
    travelling = [*travellers.everything(), *(make() for make in TABLE.values()), *EQUAL, *EXCEPTIONS.values()]
    engine = ByName("travellers", "test_exceptions")

    @given(st.data())
    def check(data):
        picked = data.draw(st.lists(st.integers(0, len(travelling) - 1), min_size=1, max_size=5))
        heap = encode([travelling[number] for number in picked], engine, Registered()).heap
        for _ in range(data.draw(st.integers(1, 3))):
            node = data.draw(st.sampled_from(heap or [[]]))
            position = data.draw(st.integers(0, max(len(node) - 1, 0)))
            node[position : position + data.draw(st.integers(0, 2))] = data.draw(st.lists(slots, max_size=2))
        with contextlib.suppress(ProtocolError, RestoreError):
            decode(heap, [[index] for index in range(len(heap))], engine, Registered())

    often(long_run, check)


def test_any_bytes_give_an_image_or_a_refusal(long_run):
    @given(st.binary(max_size=60))
    def check(data):
        with contextlib.suppress(ProtocolError):
            from_cbor(data)

    often(long_run, check)

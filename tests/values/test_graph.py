"""Shared objects stay shared, cycles stay cycles, and no depth is too deep."""

from __future__ import annotations

import collections
import types

import pytest
from by_name import ByName, there_and_back

from devices.runtime.python.values import Registered, Travels, decode, encode

DEEP = 100_000


def test_an_object_in_two_places_is_one_object_in_two_places():
    inner = [1]
    first, second, third = there_and_back([inner, inner], {"k": inner}, (inner,))
    assert first[0] is first[1]
    assert first[0] is second["k"]
    assert first[0] is third[0]


def test_equal_objects_that_were_apart_stay_apart():
    first, second = there_and_back([[1], [1]])
    assert first == second
    assert first is not second


def test_long_texts_and_bytes_are_written_once():
    text, raw = "t" * 1000, b"b" * 1000
    image = encode([[text] * 10, [raw] * 10], ByName(""), Registered())
    assert len(str(image.heap)) < 2500
    texts, raws = decode(image.heap, image.roots, ByName(""), Registered())
    assert len({id(item) for item in texts}) == 1
    assert raws == [raw] * 10


class Linked:
    def __init__(self):
        self.to = None


def cycles():
    items = []
    items.append(items)
    yield "list", items, lambda it: it[0]

    mapping = {}
    mapping["me"] = mapping
    yield "record", mapping, lambda it: it["me"]

    numbered = {1: None}
    numbered[1] = numbered
    yield "dict", numbered, lambda it: it[1]

    inside = []
    pair = (inside, 1)
    inside.append(pair)
    yield "tuple", pair, lambda it: it[0][0]

    linked = Linked()
    linked.to = linked
    yield "object", linked, lambda it: it.to

    element = Linked()
    element.to = {element}
    yield "set", element, lambda it: next(iter(it.to))

    frozen = Linked()
    frozen.to = frozenset([frozen])
    yield "frozenset", frozen, lambda it: next(iter(it.to))

    queue = collections.deque()
    queue.append(queue)
    yield "deque", queue, lambda it: it[0]

    default = collections.defaultdict(list)
    default["x"] = default
    yield "defaultdict", default, lambda it: it["x"]

    ordered = collections.OrderedDict()
    ordered["x"] = ordered
    yield "OrderedDict", ordered, lambda it: it["x"]

    counter = collections.Counter()
    counter["x"] = counter
    yield "Counter", counter, lambda it: it["x"]

    space = types.SimpleNamespace()
    space.me = space
    yield "namespace", space, lambda it: it.me

    error = ValueError()
    error.args = (error,)
    yield "exception", error, lambda it: it.args[0]

    chained = ValueError()
    chained.__context__ = KeyError(chained)
    yield "context", chained, lambda it: it.__context__.args[0]

    key = Linked()
    key.to = {(key, 1): "v"}
    yield "key", key, lambda it: next(iter(it.to))[0]

    bound = []
    bound.append(bound.append)
    yield "bound method", bound, lambda it: it[0].__self__

    numbers = []
    numbers.append(iter(numbers))
    yield "iterator", numbers, lambda it: next(it[0]) and it


@pytest.mark.parametrize(("value", "around"), [(v, a) for _, v, a in cycles()], ids=[name for name, _, _ in cycles()])
def test_a_cycle_through_each_kind_of_container_closes_again(value, around):
    back = there_and_back(value, own=__name__)
    assert type(back) is type(value)
    assert around(back) is back


def test_a_list_nested_a_hundred_thousand_deep_travels():
    deepest = outermost = []
    for _ in range(DEEP):
        inner = []
        deepest.append(inner)
        deepest = inner
    deepest.append("bottom")
    back, depth = there_and_back(outermost), 0
    while back != ["bottom"] if len(back) == 1 and type(back[0]) is str else True:
        back, depth = back[0], depth + 1
    assert depth == DEEP


def test_tuples_and_dicts_and_objects_nested_deep_travel():
    value = "bottom"
    for number in range(30_000):
        holder = Linked()
        holder.to = {"down": value} if number % 2 else {number: value}
        value = (holder,)
    back = there_and_back(value, own=__name__)
    while back != "bottom":
        (holder,) = back
        (back,) = holder.to.values()


def test_a_graph_of_many_objects_with_many_links_keeps_its_shape():
    nodes = [Linked() for _ in range(1000)]
    for number, node in enumerate(nodes):
        node.to = {"next": nodes[(number * 7 + 1) % 1000], "number": number}
    back = there_and_back(nodes, own=__name__)
    assert [node.to["number"] for node in back] == list(range(1000))
    assert all(node.to["next"] is back[(number * 7 + 1) % 1000] for number, node in enumerate(back))


class Meter:
    def __init__(self, name, readings):
        self.name = name
        self.readings = readings

    def read(self):
        return self.readings


def test_registered_types_and_named_objects_travel_by_the_runtime():
    only = Meter("only", [])
    registered = Registered(
        types={Meter: Travels("meter", lambda it: (it.name, it.readings), lambda state: Meter(*state))},
        named={"only": only},
    )
    meter = Meter("heat", [1, 2])
    back, again, single = there_and_back(meter, meter, [only], own=__name__, registered=registered)
    assert back is again
    assert (back.name, back.readings) == ("heat", [1, 2])
    assert single[0] is only


def test_a_method_of_a_library_object_travels_with_its_object():
    only = Meter("only", [3])
    registered = Registered(
        types={Meter: Travels("meter", lambda it: (it.name, it.readings), lambda state: Meter(*state))},
        named={"only": only},
    )
    of_named, of_made, made = there_and_back(only.read, (it := Meter("heat", [1])).read, it, registered=registered)
    assert of_named == only.read
    assert of_made.__self__ is made
    assert of_made() == [1]


def test_the_state_of_a_registered_type_is_complete_when_it_is_restored():
    seen = []
    registered = Registered(
        types={Meter: Travels("meter", lambda it: [[{"n": [it.name]}]], lambda s: seen.append(repr(s)))}
    )
    there_and_back([Meter("heat", 0)], own=__name__, registered=registered)
    assert seen == ["[[{'n': ['heat']}]]"]


def test_values_of_the_engine_travel_with_their_cells_shared():
    def outer():
        count = [0]

        def up():
            count.append(1)
            return len(count)

        def look():
            return count

        return up, look

    up, look = outer()
    back_up, back_look = there_and_back(up, look, own=__name__)
    assert back_up() == 2
    assert back_look() == [0, 1]


def test_no_code_of_the_program_runs_while_a_value_is_written():
    back = there_and_back([Touchy()], own=__name__)
    assert type(back[0]) is Touchy
    assert object.__getattribute__(back[0], "__dict__") == {"inside": 5}


class Touchy:
    """Breaks whoever asks it anything."""

    def __new__(cls):
        made = object.__new__(cls)
        object.__getattribute__(made, "__dict__")["inside"] = 5
        return made

    def _break(self, *arguments):
        raise AssertionError("code of the program ran")

    __init__ = lambda self: None  # noqa: E731
    __getattribute__ = __setattr__ = __delattr__ = __getstate__ = __setstate__ = __reduce__ = __reduce_ex__ = _break
    __hash__ = __eq__ = __iter__ = __len__ = __bool__ = __repr__ = __str__ = __getitem__ = __copy__ = _break
    __instancecheck__ = __call__ = __format__ = __dir__ = __getnewargs__ = _break

"""Instances of the program's own classes: of any layout, of subclasses of builtin types, members of enums."""

from __future__ import annotations

import _random
import collections
import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import random
import signal
import socket
import typing

import pytest
from by_name import there_and_back


class Plain:
    kind = "class attribute"

    def __init__(self, value):
        self.value = value

    def double(self):
        return 2 * self.value

    @classmethod
    def make(cls):
        return cls(1)

    class Nested:
        pass


class Slotted:
    __slots__ = ("_b", "a", "unset")

    def __init__(self):
        self.a, self._b = 1, [2]


class SlottedChild(Slotted):
    __slots__ = ("__private", "c")

    def __init__(self):
        super().__init__()
        self.c = 3
        self.__private = 4

    def private(self):
        return self.__private


class SlotsAndDict(Slotted):
    pass


class WeakSlots:
    __slots__ = ("__weakref__", "a")


@dataclasses.dataclass
class Reading:
    sensor: str
    value: float
    tags: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Key:
    room: str
    number: int


class Point(typing.NamedTuple):
    x: int
    y: list


Pair = collections.namedtuple("Pair", "left right")  # noqa: PYI024


class MyList(list):
    def __iter__(self):
        raise AssertionError("code of the program ran")


class MyDict(dict):
    def __missing__(self, key):
        return key


class MyInt(int):
    pass


class MyStr(str):
    __slots__ = ()


class MyTuple(tuple):  # noqa: SLOT001  (its instances have attributes)
    pass


class MyRandom(random.Random):
    pass


class Color(enum.Enum):
    RED = 1
    BLUE = (2, 3)
    CRIMSON = RED


class Level(enum.IntEnum):
    LOW = 1


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    BOTH = READ | WRITE


class Name(enum.StrEnum):
    A = "a"


class Mode(enum.IntFlag):
    X = 1
    Y = 4


def trip(value):
    return there_and_back(value, own=__name__)


def test_a_plain_instance_keeps_its_class_and_attributes():
    back = trip(Plain([1]))
    assert type(back) is Plain
    assert vars(back) == {"value": [1]}
    assert type(trip(Plain.Nested())) is Plain.Nested


@pytest.mark.parametrize("cls", [Slotted, SlottedChild, SlotsAndDict])
def test_slots_keep_what_is_set_and_stay_unset_where_nothing_is(cls):
    back = trip(cls())
    assert type(back) is cls
    assert (back.a, back._b) == (1, [2])
    assert not hasattr(back, "unset")
    if cls is SlottedChild:
        assert (back.c, back.private()) == (3, 4)


def test_slots_beside_a_dictionary_keep_both():
    value = SlotsAndDict()
    value.extra = "e"
    back = trip(value)
    assert (vars(back), back.a) == ({"extra": "e"}, 1)
    weak = WeakSlots()
    weak.a = 1
    assert trip(weak).a == 1


class Zone(dt.tzinfo):
    def __init__(self, hours=0):
        self.hours = hours

    def utcoffset(self, moment):
        return dt.timedelta(hours=self.hours)


def test_a_time_zone_of_the_program_travels_and_compares():
    moment = dt.datetime(2026, 1, 1, tzinfo=Zone(2))
    back, table = trip([moment, {moment: 1}])
    assert back == moment
    assert back.utcoffset() == dt.timedelta(hours=2)
    assert table[moment] == 1


class Alike:
    state = {"n": 1}  # noqa: RUF012

    def __init__(self):
        self.__dict__ = self.state


def test_an_instance_shares_its_dictionary_with_who_shared_it():
    value = Plain(1)
    back, attributes = there_and_back(value, vars(value), own=__name__)
    attributes["value"] = 2
    assert back.value == 2
    attributes, back = there_and_back([vars(value)], value, own=__name__)
    back.value = 3
    assert attributes == [{"value": 3}]


def test_instances_that_share_one_dictionary_still_do():
    first, second, other = there_and_back(Alike(), Alike(), Plain([1]), own=__name__)
    first.n = 5
    assert second.n == 5
    assert other.value == [1]
    mixed = SlotsAndDict()
    mixed.extra = "e"
    back, attributes = there_and_back(mixed, vars(mixed), own=__name__)
    assert (back.a, vars(back) is attributes, attributes) == (1, True, {"extra": "e"})


def test_dataclasses_and_named_tuples_come_back_equal():
    for value in (Reading("s", 1.5, ["t"]), Key("hall", 2), Point(1, [2]), Pair("l", "r")):
        back = trip(value)
        assert type(back) is type(value)
        assert back == value
    assert trip(Point(1, [2])).y == [2]


def test_instances_with_hashes_of_their_own_work_as_keys():
    inner = Key("hall", 1)
    table = {inner: "a", (Key("attic", 2), frozenset({Key("x", 3)})): {Key("y", 4)}, Point(1, 2): 5}
    back = trip([inner, table])
    assert back[1] == table
    assert back[1][Key("hall", 1)] == "a"
    assert next(iter(back[1])) is back[0]


class Room:
    """Hashes by a name that a cycle leads back to."""

    def __init__(self, name):
        self.name = name
        self.neighbours = {self: 0} if name == "hall" else {}

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        return self.name == other.name


def test_an_instance_can_be_a_key_of_a_dict_that_it_holds():
    hall, attic = Room("hall"), Room("attic")
    hall.neighbours[attic] = 1
    attic.neighbours[hall] = 1
    back, _ = trip([hall, attic])
    assert back.neighbours[Room("hall")] == 0
    assert next(iter(back.neighbours)) is back
    assert back.neighbours[attic] == 1


def test_subclasses_of_builtin_types_keep_contents_and_attributes():
    for value in (MyInt(2**70), MyStr("text"), MyTuple((1, [2])), MyDict(a=1), Pair(1, 2)):
        if hasattr(value, "__dict__"):
            value.note = "n"
        back = trip(value)
        assert type(back) is type(value)
        assert back == value
        assert getattr(back, "__dict__", None) == getattr(value, "__dict__", None)
    assert trip(MyDict(a=1))["missing"] == "missing"


def test_a_subclass_of_list_is_read_past_its_methods():
    value = MyList([1, 2])
    value.append(value)
    back = trip(value)
    assert type(back) is MyList
    assert (back[0], back[1], len(back)) == (1, 2, 3)
    assert back[2] is back


@pytest.mark.parametrize(
    ("base", "arguments"),
    [
        (int, (7,)), (float, (-0.0,)), (complex, (1j,)), (str, ("s",)), (bytes, (b"b",)), (bytearray, (b"b",)),
        (tuple, ([1, 2],)), (frozenset, ([1],)), (set, ([1],)), (list, ([1],)), (dict, ({1: 2},)),
        (decimal.Decimal, ("1.50",)), (dt.timedelta, (1, 2, 3)), (dt.date, (2026, 1, 2)),
        (dt.time, (1, 2, 3, 4, dt.UTC)), (dt.datetime, (2026, 1, 2, 3, 4, 5, 6, dt.UTC)),
        (collections.OrderedDict, ({1: 2},)), (collections.defaultdict, (list, {1: []})), (collections.Counter, ("ab",)),
        (collections.deque, ([1, 2], 2)), (collections.UserDict, ({1: 2},)), (Exception, ("e",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_subclass_of_each_builtin_type_travels(base, arguments):
    cls = type("Subclass", (base,), {"__module__": __name__, "__qualname__": "Subclass"})
    globals()["Subclass"] = cls
    value = cls(*arguments)
    value.note = [1]
    back = trip(value)
    assert type(back) is cls
    assert repr(back) == repr(value)
    assert back.note == [1]


class Sorted(dict):
    """A dict that iterates in its own way, and cannot while it is between two steps."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.names = sorted(super().keys())

    def __iter__(self):
        return iter(self.names)

    def keys(self):
        return list(self)


def test_a_dict_that_iterates_in_its_own_way_is_not_asked_and_keeps_the_order_it_has():
    value = Sorted(b=1, a=2)
    dict.__delitem__(value, "b")
    dict.__setitem__(value, "0", 3)
    back = trip(value)
    assert (list(dict.items(back)), back.names) == ([("a", 2), ("0", 3)], ["a", "b"])


class CoreRandom(_random.Random):
    pass


def test_a_generator_of_the_class_in_c_and_of_its_subclasses_goes_on_with_the_same_numbers():
    for value in (_random.Random(3), CoreRandom(4)):
        value.random()
        back = trip(value)
        assert (type(back), back.random()) == (type(value), value.random())


def test_a_subclass_of_random_goes_on_with_the_same_numbers():
    value = MyRandom(5)
    value.random()
    assert trip(value).random() == value.random()


@pytest.mark.parametrize(
    "value",
    [Color.RED, Color.BLUE, Color.CRIMSON, Level.LOW, Access.READ, Access.BOTH, Access(0), Name.A, Mode.X | Mode.Y,
     Mode(0), Mode(64), signal.SIGTERM, socket.AF_INET],
    ids=str,
)  # fmt: skip
def test_members_of_enums_are_the_members(value):
    assert trip(value) is value


def test_bound_methods_and_class_methods_stay_bound():
    value = Plain(4)
    double, make, value = there_and_back(value.double, Plain.make, value, own=__name__)
    value.value = 5
    assert double() == 10
    assert type(make()) is Plain


def test_a_partial_of_own_functions_travels():
    part = trip(functools.partial(add, 1, second=2))
    assert part() == 3


def add(first, second):
    return first + second


def test_context_managers_of_the_standard_library_travel():
    managers = [contextlib.suppress(KeyError, ValueError), contextlib.nullcontext(5)]
    suppress, null = trip(managers)
    with suppress, null as five:
        assert five == 5
        raise ValueError


def test_class_references_are_the_classes():
    assert trip([Plain, Color, Plain.Nested, dict]) == [Plain, Color, Plain.Nested, dict]

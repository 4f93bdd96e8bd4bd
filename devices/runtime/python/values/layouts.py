"""Where instances of a class keep what they are: in a dictionary, in slots, in the contents of a builtin type.

A class is only taken if its instances are accounted for to the byte: C types that keep state of their own are not.
"""

from __future__ import annotations

import struct
import types
from _random import Random as CoreRandom
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple

from devices.runtime.python import twins

HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made while the program runs, by a class statement or by C
_POINTER: Final = struct.calcsize("P")


class Layout(NamedTuple):
    """Where the attributes of a class's instances lie.

    Attributes:
        base: the builtin type whose contents they have, ``object`` for none.
        slots: descriptor by name.
        has_dict: whether there is an instance dictionary.
        new: the ``__new__`` of a C type that makes instances, for those without contents.
    """

    base: type
    slots: dict[str, Any]
    has_dict: bool
    new: Callable[[type], Any]


class Base(NamedTuple):
    """How the contents of a builtin type are taken from an instance of a subclass, and put into one.

    Attributes:
        contents: returns them as a value of exactly the builtin type.
        new: returns an instance of the class: for an immutable type with its contents.
        fill: puts the contents in, for a mutable type.
    """

    contents: Callable[[Any], Any]
    new: Callable[[type, Any], Any]
    fill: Callable[[Any, Any], None] | None = None


class Entries(NamedTuple):
    """The keys and values of a dict, in its order: what is written as a dict with them.

    Of a subclass with an ``__iter__`` of its own `dict.copy` asks ``keys`` and ``__getitem__``, the program's.
    """

    keys: list[Any]
    values: list[Any]


def _entries(value: dict[Any, Any]) -> dict[Any, Any] | Entries:
    iterates = next(vars(kind)["__iter__"] for kind in type.mro(type(value)) if "__iter__" in vars(kind))
    if iterates is vars(dict)["__iter__"]:
        return dict.copy(value)  # without looking at the keys' hashes
    return Entries(list(dict.keys(value)), list(dict.values(value)))


def _immutable(kind: Any, contents: Callable[[Any], Any]) -> Base:
    """Returns how an immutable type's contents are taken, past what a subclass makes of its methods."""
    return Base(contents, kind.__new__)


def _sequence(kind: Any) -> Base:
    return _immutable(kind, lambda value: kind.__getitem__(value, slice(None)))


def _fill_deque(made: deque[Any], contents: deque[Any]) -> None:
    deque.__init__(made, contents, contents.maxlen)


def _fill_default(made: defaultdict[Any, Any], contents: defaultdict[Any, Any]) -> None:
    made.default_factory = contents.default_factory
    dict.update(made, contents)


def _copy_random(value: Random) -> Random:
    copied = Random(0)  # noqa: S311  (the program's own generator)
    copied.setstate(Random.getstate(value))
    return copied


def _copy_core_random(value: CoreRandom) -> CoreRandom:
    copied = CoreRandom(0)
    copied.setstate(CoreRandom.getstate(value))
    return copied


def _mutable(kind: Any, contents: Callable[[Any], Any], fill: Callable[[Any, Any], None]) -> Base:
    return Base(contents, lambda cls, _: kind.__new__(cls), fill)


BASES: Final[dict[type, Base]] = {
    int: _immutable(int, int.__pos__),
    float: _immutable(float, float.__pos__),
    complex: _immutable(complex, complex.__pos__),
    str: _sequence(str),
    bytes: _sequence(bytes),
    tuple: _sequence(tuple),
    frozenset: _immutable(frozenset, frozenset),
    Decimal: Base(lambda value: Decimal(Decimal.__str__(value)), Decimal.__new__),
    timedelta: Base(
        lambda value: timedelta(value.days, value.seconds, value.microseconds),
        lambda cls, it: timedelta.__new__(cls, it.days, it.seconds, it.microseconds),
    ),
    datetime: Base(
        lambda it: datetime.combine(datetime.date(it), datetime.timetz(it)),
        lambda cls, it: datetime.__new__(
            cls, it.year, it.month, it.day, it.hour, it.minute, it.second, it.microsecond, it.tzinfo, fold=it.fold
        ),
    ),
    date: Base(
        lambda it: date(it.year, it.month, it.day), lambda cls, it: date.__new__(cls, it.year, it.month, it.day)
    ),
    time: Base(
        lambda it: time(it.hour, it.minute, it.second, it.microsecond, it.tzinfo, fold=it.fold),
        lambda cls, it: time.__new__(cls, it.hour, it.minute, it.second, it.microsecond, it.tzinfo, fold=it.fold),
    ),
    Random: _mutable(Random, _copy_random, lambda made, contents: Random.setstate(made, contents.getstate())),
    CoreRandom: _mutable(
        CoreRandom, _copy_core_random, lambda made, contents: CoreRandom.setstate(made, contents.getstate())
    ),
    list: _mutable(list, lambda value: list(list.__iter__(value)), list.extend),
    dict: _mutable(dict, _entries, dict.update),
    set: _mutable(set, set, set.update),  # without looking at the hashes
    bytearray: _mutable(bytearray, lambda value: bytearray(bytearray.__iter__(value)), bytearray.extend),
    OrderedDict: _mutable(OrderedDict, lambda value: OrderedDict(OrderedDict.items(value)), OrderedDict.update),
    deque: _mutable(deque, lambda value: deque(deque.__iter__(value), value.maxlen), _fill_deque),
    defaultdict: _mutable(
        defaultdict, lambda value: defaultdict(value.default_factory, dict.items(value)), _fill_default
    ),
}


def layout_of(cls: type) -> Layout | None:
    """Returns where the attributes of a class's instances lie; ``None`` if a C type hides some of its state."""
    if not cls.__flags__ & HEAP_TYPE:
        return None
    mro = type.mro(cls)
    if not twins.TYPES.isdisjoint(mro):  # what they keep is C's affair on other Pythons
        return None
    base = next(kind for kind in mro if kind in BASES or kind is object)
    members = [
        (name, member)
        for kind in mro
        if "__slots__" in vars(kind)  # a C type's members are its own affair
        for name, member in vars(kind).items()
        if type(member) is types.MemberDescriptorType and member.__objclass__ is kind
    ]
    slots = dict(reversed(members))  # of two with one name, the derived class's
    has_dict = cls.__dictoffset__ != 0
    own = _POINTER * (len(members) + has_dict + (cls.__weakrefoffset__ != 0))
    if cls.__basicsize__ > base.__basicsize__ + own or cls.__itemsize__ != base.__itemsize__:
        return None
    # A C type without state, such as `datetime.tzinfo`, insists on its own way to make instances.
    makers = (kind for kind in mro if isinstance(vars(kind).get("__new__"), types.BuiltinFunctionType))
    new: Any = next(makers).__new__
    return Layout(base, slots, has_dict, new)

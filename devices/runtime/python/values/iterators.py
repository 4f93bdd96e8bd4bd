"""Iterators over the built-in containers, in mid-iteration.

* Those of sequences tell their sequence and index (``__reduce__``, which runs no code of the program) and take an index
  (``__setstate__``) once the sequence is there. A list's stays with the live list.
* Those of dicts hide both: the dict is found among what the garbage collector sees, the position by the length that is
  left. Where the dict's size has changed, ``next`` must raise RuntimeError there too.
* Those of sets travel as the rest, in order: the set at the other end may have another order.
* ``enumerate``, ``zip``, ``map``, ``filter`` hold iterators, which are values like others.
* `itertools`: by ``__reduce__``, which Python 3.14 has removed; there they are refused, unless the program has the
  runtime's twins of them.

A deque's iterator counts its steps; one whose deque has changed since would raise RuntimeError, and does so no more.

Tried and left: ``copy`` of a dict's iterator and reading it to the end (linear in the dict at every capture).
"""

from __future__ import annotations

import gc
import itertools
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any, Final, cast

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.values.contract import Node, Slot
from devices.runtime.python.values.reading import Kind, Need, Reader, Step
from devices.runtime.python.values.writing import Write, Writer

# Sequences -----------------------------------------------------------------------------------------------------------

_SEQUENCES: Final[dict[str, tuple[type, Callable[[Any], Any]]]] = {
    "list": (list, list.__iter__),
    "tuple": (tuple, tuple.__iter__),
    "str": (str, str.__iter__),
    "bytes": (bytes, bytes.__iter__),
    "bytearray": (bytearray, bytearray.__iter__),
    "range": (range, range.__iter__),
    "reversed-list": (list, list.__reversed__),
}


def _name_of(iterator: Any) -> str:
    return next(name for name, kinds in _SEQUENCE_TYPES.items() if type(iterator) in kinds)


_SEQUENCE_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "list": (type(iter([])),),
    "tuple": (type(iter(())),),
    "str": (type(iter("a")), type(iter("\N{GREEK SMALL LETTER ALPHA}"))),
    "bytes": (type(iter(b"")),),
    "bytearray": (type(iter(bytearray())),),
    "range": (type(iter(range(0))), type(iter(range(2**70)))),
    "reversed-list": (type(reversed([])),),
}


def _write_sequence_iterator(writer: Writer, value: Any) -> Node:
    name = _name_of(value)
    _, (sequence, *_), *state = value.__reduce__()
    if name != "range":
        if not isinstance(sequence, _SEQUENCES[name][0]):  # used up: it has let go of its sequence
            return ["iterator", name, None, None]
        return ["iterator", name, writer.reference(sequence), state[0] if state else None]
    return ["iterator", name, writer.reference(sequence), writer.slot(state[0] if state else None)]


def _make_sequence_iterator(reader: Reader, node: Node) -> Any:
    _, name, slot, _ = node
    kind, start = _SEQUENCES[name]
    if slot is None:
        return _used_up(start(kind()))
    return start(reader.instance(slot, kind))


def _used_up(iterator: Iterator[Any]) -> Iterator[Any]:
    deque(iterator, maxlen=0)
    return iterator


def _fill_sequence_iterator(reader: Reader, made: Any, node: Node) -> None:
    index = reader.value(node[3])
    if index is not None:
        if type(index) is not int:
            raise ProtocolError("an iterator's index must be an int")
        made.__setstate__(index)


# Dicts ---------------------------------------------------------------------------------------------------------------

_VIEWS: Final[dict[str, Callable[[Any], Any]]] = {
    "keys": dict.keys,
    "values": dict.values,
    "items": dict.items,
    "ordered-keys": OrderedDict.keys,
    "ordered-values": OrderedDict.values,
    "ordered-items": OrderedDict.items,
}
_DICT_ITERATORS: Final[dict[str, Callable[[Any], Iterator[Any]]]] = {
    "keys": dict.__iter__,
    "values": lambda mapping: iter(dict.values(mapping)),
    "items": lambda mapping: iter(dict.items(mapping)),
    "reversed-keys": dict.__reversed__,
    "reversed-values": lambda mapping: reversed(dict.values(mapping)),
    "reversed-items": lambda mapping: reversed(dict.items(mapping)),
}
_DICT_ITERATOR_NAMES: Final = {type(make({})): name for name, make in _DICT_ITERATORS.items()}
_ORDERED_ITERATORS: Final[dict[str, Callable[[Any], Iterator[Any]]]] = {
    "ordered-keys": OrderedDict.__iter__,
    "ordered-values": lambda mapping: iter(OrderedDict.values(mapping)),
    "ordered-items": lambda mapping: iter(OrderedDict.items(mapping)),
    "ordered-reversed-keys": OrderedDict.__reversed__,
    "ordered-reversed-values": lambda mapping: reversed(OrderedDict.values(mapping)),
    "ordered-reversed-items": lambda mapping: reversed(OrderedDict.items(mapping)),
}
_ALL_DICT_ITERATORS: Final = _DICT_ITERATORS | _ORDERED_ITERATORS
_VIEW_NAMES: Final = {
    **{type(make({})): name for name, make in _VIEWS.items() if not name.startswith("ordered")},
    **{type(make(OrderedDict())): name for name, make in _VIEWS.items() if name.startswith("ordered")},
}


def _held(value: Any, kind: type) -> Any:
    """Returns the one object of this kind that a C object holds, ``None`` if it has let go of it."""
    return next((held for held in gc.get_referents(value) if isinstance(held, kind)), None)


def _write_view(writer: Writer, value: Any) -> Node:
    return ["view", _VIEW_NAMES[type(value)], writer.reference(_held(value, dict))]


def _make_view(reader: Reader, node: Node) -> Any:
    _, name, slot = node
    return _VIEWS[name](reader.instance(slot, dict))


def _write_dict_iterator(writer: Writer, value: Any) -> Node:
    name = _DICT_ITERATOR_NAMES[type(value)]
    mapping = _held(value, dict)
    left = value.__length_hint__()
    if mapping is None:
        return ["dict-iterator", name, None, 0]
    if left == 0 and _is_broken(value):
        return ["dict-iterator", name, None, -1]
    return ["dict-iterator", name, writer.reference(mapping), left]


def _is_broken(value: Any) -> bool:
    """Tells whether the container has changed its size since the iterator was made."""
    try:
        value.__reduce__()  # reads a copy of the iterator to its end
    except RuntimeError:
        return True
    return False


def _make_dict_iterator(reader: Reader, node: Node) -> Any:
    _, name, slot, left = node
    make = _ALL_DICT_ITERATORS[name]
    if slot is None:
        if left == 0:
            return _used_up(make(OrderedDict()))
        changed: dict[Any, Any] = OrderedDict({None: None})
        broken = make(changed)
        changed.popitem()
        return broken
    mapping = reader.instance(slot, dict)
    if type(left) is not int or not 0 <= left <= len(mapping):
        raise ProtocolError("an iterator with more left than its dict has")
    iterator = make(mapping)
    deque(itertools.islice(iterator, len(mapping) - left), maxlen=0)
    return iterator


def _write_ordered_iterator(writer: Writer, value: Any) -> Node:
    """All six kinds are of one type: which one it is shows in what it has left."""
    try:
        _, (rest,) = value.__reduce__()
    except RuntimeError:
        return ["dict-iterator", "ordered-keys", None, -1]
    mapping = _held(value, OrderedDict)
    if mapping is None or not rest:
        return ["dict-iterator", "ordered-keys", None, 0]
    for name, make in _ORDERED_ITERATORS.items():
        if all(map(_same, rest, list(make(mapping))[-len(rest) :])):
            return ["dict-iterator", name, writer.reference(mapping), len(rest)]
    raise CannotTravelError(
        "an iterator over an OrderedDict whose order has changed cannot travel", remedy="iterate over list(...) of it"
    )


def _same(one: Any, other: Any) -> bool:
    if type(one) is type(other) is tuple and len(one) == len(other) == 2:
        return one[0] is other[0] and one[1] is other[1]
    return one is other


# Sets ----------------------------------------------------------------------------------------------------------------


def _write_set_iterator(writer: Writer, value: Any) -> Node:
    try:
        _, (rest,) = value.__reduce__()
    except RuntimeError:
        return ["dict-iterator", "keys", None, -1]  # to the program: the same error at the same place
    return ["iterator", "list", writer.reference(rest), 0]


# Iterators over iterators ---------------------------------------------------------------------------------------------

_ITERTOOLS: Final = [
    "accumulate",
    "chain",
    "combinations",
    "combinations_with_replacement",
    "compress",
    "count",
    "cycle",
    "dropwhile",
    "filterfalse",
    "groupby",
    "islice",
    "permutations",
    "product",
    "repeat",
    "starmap",
    "takewhile",
    "zip_longest",
    "_grouper",
    "_tee",
    "_tee_dataobject",
]
_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "enumerate": enumerate,
    "zip": zip,
    "map": map,
    "filter": filter,
    "reversed": reversed,
    "iter": iter,
    "_deque_iterator": type(iter(deque())),
    "_deque_reverse_iterator": type(reversed(deque())),
    **{name: getattr(itertools, name) for name in _ITERTOOLS},
}
_READ_AT_ONCE: Final = ("_tee_dataobject", "_deque_iterator", "_deque_reverse_iterator")
"""Those that look at their arguments' contents when they are made; all others just keep them."""
_READ_THROUGH: Final = ("product", "permutations", "combinations", "combinations_with_replacement")
"""Those that iterate over their arguments when they are made: over tuples, or an iterator's functions would run."""
_MAKER_NAMES: Final = {make: name for name, make in _MAKERS.items()}
_SEQUENCE_ITERATOR: Final = type(iter(cast("Any", type("Sequence", (), {"__getitem__": None})())))
_CALLABLE_ITERATOR: Final = type(iter(int, 1))


def _write_made(writer: Writer, value: Any) -> Node:
    if not _can_reduce(value):
        raise CannotTravelError(
            f"an itertools.{type(value).__name__} cannot travel on this Python: 3.14 took its state away",
            remedy="write the loop out, or iterate over list(...) of it",
        )
    with _without_announcements():
        make, arguments, *state = value.__reduce__()
    for argument in arguments if make is not itertools.repeat else ():
        if _asks_the_program(argument) and not _can_stand_in(type(argument)):
            raise CannotTravelError(
                f"a {type(value).__name__} over a {type(argument).__qualname__}, which has __slots__, cannot travel",
                remedy="make its class without __slots__, or write the loop out",
            )
    return ["made", _MAKER_NAMES[make], writer.slot(state[0] if state else None), *writer.slots(arguments)]


@contextmanager
def _without_announcements() -> Iterator[None]:
    """Keeps 3.12 and 3.13 from announcing what 3.14 has done to the state of `itertools`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _can_reduce(value: Any) -> bool:
    return "__reduce__" in vars(type(value))


def _make_made(reader: Reader, node: Node) -> Any:
    name, arguments = node[1], reader.values(node[3:])
    if name in _READ_THROUGH and any(type(argument) not in (tuple, int) for argument in arguments):
        raise ProtocolError(f"{name} over something that would have to be run")
    own = [argument for argument in arguments if name != "repeat" and _asks_the_program(argument)]
    if own and name in ("iter", "reversed"):
        raise ProtocolError(f"{name} over something that makes its iterators itself")
    classes = [type(iterator) for iterator in own]
    try:
        for iterator in own:
            _CLASS.__set__(iterator, _AlreadyIterator)
        return _MAKERS[name](*arguments)
    finally:
        for iterator, cls in zip(own, classes, strict=True):
            _CLASS.__set__(iterator, cls)


_CLASS: Final[Any] = vars(object)["__class__"]


class _AlreadyIterator:
    """The class of an iterator of the program's own while ``enumerate`` or ``zip`` is made with it.

    They ask for ``__iter__``, which may start anew, or count; it has been asked before.
    """

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        raise StopIteration


def _asks_the_program(value: Any) -> bool:
    names = ("__iter__", "__reversed__")
    return any(isinstance(vars(kind).get(name), FunctionType) for kind in type.mro(type(value)) for name in names)


def _can_stand_in(cls: type) -> bool:
    """Tells whether `_AlreadyIterator` lies in memory as instances of the class do."""
    layouts = [(kind.__basicsize__, kind.__dictoffset__, kind.__weakrefoffset__) for kind in (cls, _AlreadyIterator)]
    return layouts[0] == layouts[1] and not any("__slots__" in vars(kind) for kind in type.mro(cls))


def _fill_made(reader: Reader, made: Any, node: Node) -> None:
    state = reader.value(node[2])
    if state is not None:
        with _without_announcements():
            made.__setstate__(state)


def _after_name(node: Node) -> list[Slot]:
    return node[2:]


def _filled_arguments(node: Node) -> list[Need]:
    return [(Step.FILLED, node[3:])] if node[1] in _READ_AT_ONCE else []


def _filled_second(node: Node) -> list[Need]:
    return [(Step.FILLED, node[2:3])]


WRITERS: Final[dict[type, Write]] = {
    **{kind: _write_sequence_iterator for kinds in _SEQUENCE_TYPES.values() for kind in kinds},
    **dict.fromkeys(_VIEW_NAMES, _write_view),
    **dict.fromkeys(_DICT_ITERATOR_NAMES, _write_dict_iterator),
    type(iter(OrderedDict())): _write_ordered_iterator,
    type(iter(set())): _write_set_iterator,
    _SEQUENCE_ITERATOR: _write_made,
    _CALLABLE_ITERATOR: _write_made,
    **{make: _write_made for make in _MAKERS.values() if isinstance(make, type)},
}

KINDS: Final[dict[int | str, Kind]] = {
    "iterator": Kind(
        _make_sequence_iterator,
        _fill_sequence_iterator,
        made=lambda node: node[2:3],
        to_fill=_filled_second,
        slots=_after_name,
        chained=True,
    ),
    "view": Kind(_make_view, made=_after_name, slots=_after_name, chained=True),
    "dict-iterator": Kind(_make_dict_iterator, to_make=_filled_second, slots=lambda node: node[2:3], chained=True),
    "made": Kind(
        _make_made,
        _fill_made,
        made=_after_name,
        to_make=_filled_arguments,
        to_fill=_filled_second,
        slots=_after_name,
        chained=True,
    ),
}

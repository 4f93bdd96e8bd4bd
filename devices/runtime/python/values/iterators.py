"""Iterators over the built-in containers, in mid-iteration.

* Those of sequences tell their sequence and index (``__reduce__``, which runs no code of the program) and take an index
  (``__setstate__``) once the sequence is there. A list's stays with the live list.
* Those of dicts hide both: the dict is found among what the garbage collector sees, the position by the length that is
  left. Where the dict's size has changed, ``next`` must raise RuntimeError there too.
* Those of sets travel as the rest, in order: the set at the other end may have another order.

Iterators that are made with others are in `adapters`.

Tried and left: ``copy`` of a dict's iterator and reading it to the end (linear in the dict at every capture).
"""

from __future__ import annotations

import gc
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any, Final

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


def _after_name(node: Node) -> list[Slot]:
    return node[2:]


def _filled_second(node: Node) -> list[Need]:
    return [(Step.FILLED, node[2:3])]


WRITERS: Final[dict[type, Write]] = {
    **{kind: _write_sequence_iterator for kinds in _SEQUENCE_TYPES.values() for kind in kinds},
    **dict.fromkeys(_VIEW_NAMES, _write_view),
    **dict.fromkeys(_DICT_ITERATOR_NAMES, _write_dict_iterator),
    type(iter(OrderedDict())): _write_ordered_iterator,
    type(iter(set())): _write_set_iterator,
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
}

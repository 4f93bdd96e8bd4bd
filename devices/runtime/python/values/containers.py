"""The built-in containers, and those of `collections`."""

from __future__ import annotations

import gc
from collections import OrderedDict, defaultdict, deque
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final

from devices.errors import ProtocolError
from devices.runtime.python.values.bounds import COLLISIONS
from devices.runtime.python.values.contract import Node
from devices.runtime.python.values.layouts import Entries
from devices.runtime.python.values.nodes import Tag
from devices.runtime.python.values.reading import Kind, Need, Reader, Step, after_tag
from devices.runtime.python.values.records import named_slots, named_values
from devices.runtime.python.values.writing import Write, Writer

_RECORD: Final = 64  # keys up to which a dict is looked at as a record
_UNSALTED: Final = frozenset({str, bytes, type(None), bool})


def _write_list(writer: Writer, value: list[Any]) -> Node:
    return [Tag.LIST, *writer.slots(value)]


def _write_tuple(writer: Writer, value: tuple[Any, ...]) -> Node:
    return [Tag.TUPLE, *writer.slots(value)]


def _write_dict(writer: Writer, value: dict[Any, Any]) -> Node:
    keys = tuple(value)
    if 0 < len(keys) <= _RECORD and set(map(type, keys)) == {str}:
        shape = writer.shape(keys)
        if shape is not None:
            return [Tag.RECORD, shape, *writer.slots(list(value.values()))]
    return [Tag.DICT, *writer.slots(keys), *writer.slots(list(value.values()))]


def _write_entries(writer: Writer, value: Entries) -> Node:
    return [Tag.DICT, *writer.slots(value.keys), *writer.slots(value.values)]


def _write_set(writer: Writer, value: set[Any]) -> Node:
    return [Tag.SET, *writer.slots(list(value))]


def _write_frozenset(writer: Writer, value: frozenset[Any]) -> Node:
    return [Tag.FROZENSET, *writer.slots(list(value))]


def _write_deque(writer: Writer, value: deque[Any]) -> Node:
    return ["deque", value.maxlen, *writer.slots(list(value))]


def _write_ordered(writer: Writer, value: OrderedDict[Any, Any]) -> Node:
    # `dict.values` has the order of insertion, which `move_to_end` does not change
    return ["ordered", *writer.slots(list(value)), *writer.slots(list(OrderedDict.values(value)))]


def _write_defaultdict(writer: Writer, value: defaultdict[Any, Any]) -> Node:
    factory = writer.slot(value.default_factory)
    return ["default", factory, *writer.slots(list(value)), *writer.slots(list(dict.values(value)))]


def _write_namespace(writer: Writer, value: SimpleNamespace) -> Node:
    return ["namespace", *named_slots(writer, vars(value))]


def _write_proxy(writer: Writer, value: MappingProxyType[Any, Any]) -> Node:
    (mapping,) = gc.get_referents(value)  # the proxy has no other way to its dict
    return ["proxy", writer.reference(mapping)]


WRITERS: Final[dict[type, Write]] = {
    list: _write_list,
    tuple: _write_tuple,
    dict: _write_dict,
    Entries: _write_entries,
    set: _write_set,
    frozenset: _write_frozenset,
    deque: _write_deque,
    OrderedDict: _write_ordered,
    defaultdict: _write_defaultdict,
    SimpleNamespace: _write_namespace,
    MappingProxyType: _write_proxy,
}


def _whole_list(reader: Reader, node: Node) -> list[Any]:
    return reader.values(node[1:])


def _whole_record(reader: Reader, node: Node) -> dict[str, Any]:
    return named_values(reader, node[1:])


def _fill_list(reader: Reader, made: list[Any], node: Node) -> None:
    list.extend(made, reader.values(node[1:]))


def _fill_record(reader: Reader, made: dict[Any, Any], node: Node) -> None:
    made.update(named_values(reader, node[1:]))


def _pairs(reader: Reader, slots: list[Any]) -> list[tuple[Any, Any]]:
    """Returns the items of a dict from its slots: first all keys, then all values."""
    half, odd = divmod(len(slots), 2)
    if odd:
        raise ProtocolError("a dict's keys and values are not equally many")
    keys = _hashable(reader, slots[:half])
    return list(zip(keys, reader.values(slots[half:]), strict=True))


def _hashable(reader: Reader, slots: list[Any]) -> list[Any]:
    """Returns keys or elements whose hashes cost no more than they may."""
    reader.bounds.hash_all(slots)
    keys = reader.values(slots)
    if len(keys) > COLLISIONS and not _UNSALTED.issuperset(map(type, keys)):
        hashes = list(map(hash, keys))
        if len(hashes) - len(set(hashes)) > COLLISIONS:
            raise ProtocolError(f"more than {COLLISIONS} keys with the same hashes")
    return keys


def _fill_dict(reader: Reader, made: dict[Any, Any], node: Node) -> None:
    pairs = _pairs(reader, node[1:])
    update = OrderedDict.update if type(made) is OrderedDict else dict.update
    update(made, pairs)
    if len(made) != len(pairs):
        raise ProtocolError("a dict holds the same key twice")


def _fill_default(reader: Reader, made: defaultdict[Any, Any], node: Node) -> None:
    factory = reader.value(node[1])
    if factory is not None and not callable(factory):
        raise ProtocolError("a defaultdict that makes its values with something that cannot be called")
    made.default_factory = factory
    _fill_dict(reader, made, node[1:])


def _fill_set(reader: Reader, made: set[Any], node: Node) -> None:
    set.update(made, _hashable(reader, node[1:]))
    if len(made) != len(node) - 1:
        raise ProtocolError("a set holds the same element twice")


def _make_deque(reader: Reader, node: Node) -> deque[Any]:
    return deque(maxlen=reader.value(node[1]))


def _fill_deque(reader: Reader, made: deque[Any], node: Node) -> None:
    deque.extend(made, reader.values(node[2:]))


def _fill_namespace(reader: Reader, made: SimpleNamespace, node: Node) -> None:
    vars(made).update(named_values(reader, node[1:]))


def _keys(node: Node) -> list[Need]:
    return [(Step.SETTLED, node[1 : 1 + (len(node) - 1) // 2])]


def _default_keys(node: Node) -> list[Need]:
    return [(Step.SETTLED, node[2 : 2 + (len(node) - 2) // 2])]


def _all_settled(node: Node) -> list[Need]:
    return [(Step.SETTLED, node[1:])]


def _after_shape(node: Node) -> Node:
    return node[2:]


def _first(node: Node) -> Node:
    return node[1:2]


KINDS: Final[dict[int | str, Kind]] = {
    Tag.LIST: Kind(lambda _, __: [], _fill_list, whole=_whole_list),
    Tag.TUPLE: Kind(lambda reader, node: tuple(reader.values(node[1:])), made=after_tag, hashed=after_tag),
    Tag.DICT: Kind(lambda _, __: {}, _fill_dict, to_fill=_keys),
    Tag.RECORD: Kind(lambda _, __: {}, _fill_record, slots=_after_shape, whole=_whole_record),
    Tag.SET: Kind(lambda _, __: set(), _fill_set, to_fill=_all_settled),
    Tag.FROZENSET: Kind(
        lambda reader, node: frozenset(_hashable(reader, node[1:])), to_make=_all_settled, hashed=after_tag
    ),
    "deque": Kind(_make_deque, _fill_deque, slots=lambda node: node[2:]),
    "ordered": Kind(lambda _, __: OrderedDict(), _fill_dict, to_fill=_keys),
    "default": Kind(lambda _, __: defaultdict(), _fill_default, to_fill=_default_keys),
    "namespace": Kind(lambda _, __: SimpleNamespace(), _fill_namespace, slots=_after_shape),
    "proxy": Kind(
        lambda reader, node: MappingProxyType(reader.instance(node[1], dict)), made=_first, hashed=_first, chained=True
    ),
}

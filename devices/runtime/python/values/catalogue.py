"""All kinds of values in one table each way, and the rules for classes that no table names."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping
from typing import Any, Final

from devices.errors import ProtocolError
from devices.runtime.python.values import (
    adapters,
    arrays,
    containers,
    exceptions,
    functions,
    iterators,
    library,
    locks,
    objects,
    plain,
    records,
    references,
    refusals,
)
from devices.runtime.python.values.contract import Made, Node, Registered
from devices.runtime.python.values.layouts import layout_of
from devices.runtime.python.values.reading import Kind, Need, Reader, Step
from devices.runtime.python.values.writing import Write, Writer

_OWN_PACKAGE: Final = "devices"


def _make_named(reader: Reader, node: Node) -> Any:
    _, name = node
    return reader.named[name]


def _restore(reader: Reader, node: Node) -> Any:
    _, tag, state = node
    return reader.travels[tag].restore(reader.value(state))


def _make_anew(reader: Reader, node: Node) -> Any:
    if reader.registered.anew is None:
        raise ProtocolError("the image holds an object that a call makes, and here is none that may be made")
    maker, arguments, keywords = (reader.value(slot) for slot in node[1:])
    if type(arguments) is not tuple or type(keywords) is not dict or any(type(name) is not str for name in keywords):
        raise ProtocolError("not a call that makes an object")
    return reader.registered.anew.make(maker, arguments, keywords)


def _whole_call(node: Node) -> list[Need]:
    return [(Step.WHOLE, node[1:])]


def _whole_state(node: Node) -> list[Need]:
    return [(Step.WHOLE, node[2:])]


_WRITERS: Final[dict[type, Write]] = {
    **records.WRITERS,
    **containers.WRITERS,
    **plain.WRITERS,
    **iterators.WRITERS,
    **adapters.WRITERS,
    **arrays.WRITERS,
    **library.WRITERS,
    **locks.WRITERS,
    **references.WRITERS,
    **functions.WRITERS,
    **exceptions.WRITERS,
}

KINDS: Final[dict[int | str, Kind]] = {
    **records.KINDS,
    **containers.KINDS,
    **plain.KINDS,
    **iterators.KINDS,
    **adapters.KINDS,
    **arrays.KINDS,
    **library.KINDS,
    **locks.KINDS,
    **references.KINDS,
    **functions.KINDS,
    **objects.KINDS,
    **exceptions.KINDS,
    "named": Kind(_make_named, slots=lambda _: ()),
    "anew": Kind(_make_anew, to_make=_whole_call),
    "registered": Kind(_restore, to_make=_whole_state, slots=lambda node: node[2:], hashed=lambda node: node[2:]),
}
"""How the nodes of each tag are read."""


def writers_for(registered: Registered) -> dict[type, Write]:
    """Returns how values are written, by exact type; the runtime's own come before the rest."""
    writers = _WRITERS | arrays.numpy_writers()
    for kind, travels in registered.types.items():
        writers[kind] = lambda writer, value, travels=travels: [  # type: ignore[misc]
            "registered",
            travels.tag,
            writer.slot(travels.state(value)),
        ]
    made = {id(each.value): each for each in registered.anew.living()} if registered.anew is not None else {}
    for kind in {type(each.value) for each in made.values()}:
        writers[kind] = _anew_first(made, writers.get(kind))
    named = {**library.once_in_a_process(), **registered.named}
    names = {id(single): name for name, single in named.items() if single is not None}
    for kind in {type(single) for single in named.values() if single is not None}:
        writers[kind] = _named_first(names, writers.get(kind))
    return writers


def _named_first(names: dict[int, str], otherwise: Write | None) -> Write:
    def write(writer: Writer, value: Any) -> Node:
        name = names.get(id(value))
        if name is not None:
            return ["named", name]
        return (otherwise or _rule_for(writer, type(value)))(writer, value)

    return write


def _anew_first(made: Mapping[int, Made], otherwise: Write | None) -> Write:
    def write(writer: Writer, value: Any) -> Node:
        call = made.get(id(value))
        if call is not None:
            return ["anew", *writer.slots([call.maker, call.arguments, call.keywords])]
        return (otherwise or _rule_for(writer, type(value)))(writer, value)

    return write


def unlisted(writer: Writer, cls: type) -> Write:
    """Returns, and enters in the writer's table, how instances of a class are written that the table does not name.

    Raises:
        CannotTravelError: they cannot travel.
    """
    write = writer.writers[cls] = _rule_for(writer, cls)
    return write


def _rule_for(writer: Writer, cls: type) -> Write:
    if issubclass(cls, type):
        return functions.write_class
    if issubclass(cls, enum.Enum):
        return objects.write_member
    if issubclass(cls, BaseException):
        return exceptions.write_exception
    if str(cls.__module__).partition(".")[0] == _OWN_PACKAGE:
        return _write_by_engine
    numpy_rule = arrays.numpy_rule(cls)
    if numpy_rule is not None:
        return numpy_rule
    refusals.refuse_known(cls)
    if objects.cleans_up(cls) and writer.knows.describe(cls) is None:
        raise refusals.cleans_up(cls)
    layout = layout_of(cls)
    otherwise = _write_by_engine if layout is None else objects.writer_of(layout)
    if writer.knows.describe(cls) is not None:
        return otherwise
    foreign = locks.none_inside(otherwise)
    return _single_first(foreign) if cls.__module__ in sys.modules else foreign


def _single_first(otherwise: Write) -> Write:
    def write(writer: Writer, value: Any) -> Node:
        found = references.name_of_single(value, writer.modules)
        return otherwise(writer, value) if found is None else ["single", *found]

    return write


def _write_by_engine(writer: Writer, value: Any) -> Node:
    node = functions.describe(writer, value)
    if node is None:
        raise refusals.unknown(type(value))
    return node

"""Instances of the program's classes, of subclasses of builtin types, and members of enums.

An instance is its class and its attributes as they lie there: the instance's dictionary and its slots, read and set
by the descriptors of `object`, past ``__getattr__``, ``__setattr__``, properties, ``__getstate__`` and
``__reduce__``. So nothing of the program runs when an object is saved in the middle of its own method, and none of its
methods is called by a blob. The price: a class that counts on ``__setstate__`` is not asked.

A subclass of a builtin type is written as its contents, a value of the builtin type, and the attributes beside it.
"""

from __future__ import annotations

import enum
from collections import Counter
from operator import itemgetter
from typing import Any, Final

from devices.errors import ProtocolError
from devices.runtime.python.values.contract import Node
from devices.runtime.python.values.layouts import BASES, HEAP_TYPE, Layout, layout_of
from devices.runtime.python.values.nodes import Tag
from devices.runtime.python.values.reading import Kind, Need, Reader, Step
from devices.runtime.python.values.records import named_slots, named_values
from devices.runtime.python.values.writing import Write, Writer

_MISSING: Final = object()


def attributes_of(value: Any, layout: Layout) -> dict[str, Any]:
    """Returns the attributes of an instance, the dictionary's before the slots'; those that are unset are left out."""
    attributes: dict[str, Any] = object.__getattribute__(value, "__dict__") if layout.has_dict else {}
    if not layout.slots:
        return attributes
    attributes = dict(attributes)
    for name, member in layout.slots.items():
        content = _slot_content(member, value)
        if content is not _MISSING:
            attributes[name] = content
    return attributes


def _slot_content(member: Any, value: Any) -> Any:
    try:
        return member.__get__(value)
    except AttributeError:
        return _MISSING


def writer_of(layout: Layout) -> Write:
    """Returns how instances with this layout are written."""
    return _plain_writer(layout) if layout.base is object else _extended_writer(layout)


def _plain_writer(layout: Layout) -> Write:
    def write(writer: Writer, value: Any) -> Node:
        reference = writer.reference(type(value))
        if layout.has_dict:
            writer.dictionaries.append((id(object.__getattribute__(value, "__dict__")), len(writer.nodes)))
        return [Tag.OBJECT, reference, *named_slots(writer, attributes_of(value, layout))]

    return write


def share_dictionaries(writer: Writer) -> None:
    """Writes those instances anew whose dictionary is also a value of its own, or another instance's.

    ``self.__dict__`` in a variable, or shared by all instances of a class: rare, but a copy would be silently wrong.
    The dictionary becomes a node, which may bring further objects.
    """
    owners = Counter(map(itemgetter(0), writer.dictionaries))
    shared = writer.met_among(owners.keys())
    if len(owners) < len(writer.dictionaries):
        shared |= {identity for identity, times in owners.items() if times > 1}
    if not shared:
        return
    remaining = []
    for identity, index in writer.dictionaries:
        if identity in shared:
            value = writer.objects[index]
            layout = layout_of(type(value))
            assert layout is not None, "it had one when the node was written"
            dictionary = writer.reference(object.__getattribute__(value, "__dict__"))
            slots = attributes_of(value, layout._replace(has_dict=False))
            writer.nodes[index] = ["sharing", writer.nodes[index][1], dictionary, *named_slots(writer, slots)]
        else:
            remaining.append((identity, index))
    writer.dictionaries = remaining


def _extended_writer(layout: Layout) -> Write:
    contents = BASES[layout.base].contents

    def write(writer: Writer, value: Any) -> Node:
        slots = [writer.reference(type(value)), writer.reference(contents(value))]
        return [Tag.EXTENDED, *slots, *named_slots(writer, attributes_of(value, layout))]

    return write


def write_member(writer: Writer, value: enum.Enum) -> Node:
    """Returns the node of an enum's member, or of a combination of flags."""
    cls = type(value)
    name: str | None = value._name_  # a combination of flags that has no name
    if name is not None and cls._member_map_.get(name) is value:
        return ["member", writer.reference(cls), name]
    return ["flags", writer.reference(cls), writer.slot(value._value_)]


def cleans_up(cls: type) -> bool:
    """Tells whether instances run a ``__del__``, which a blob could give attributes of the sender's choice.

    The program's own classes may; of others, an instance cannot travel.
    """
    return any("__del__" in vars(kind) for kind in type.mro(cls))


def class_of(reader: Reader, slot: Any) -> type:
    """Returns the class of an instance that a slot refers to.

    Raises:
        ProtocolError: no class, or one of another module than the program's whose instances clean up.
    """
    cls: type = reader.instance(slot, type)
    if reader.node(slot)[0] == Tag.REFERENCE and cleans_up(cls):
        raise ProtocolError(f"an instance of {cls.__name__} cleans up after itself and cannot be made here")
    return cls


def _plan(reader: Reader, slot: Any) -> tuple[type, Layout]:
    """Returns an instance's class and layout, looked at once for each class."""
    plan: tuple[type, Layout] | None = reader.plans.get(reader.index(slot))
    if plan is None:
        cls = class_of(reader, slot)
        layout = None if issubclass(cls, enum.Enum | type) else layout_of(cls)
        if layout is None or not cls.__flags__ & HEAP_TYPE:
            raise ProtocolError(f"an instance of {cls.__name__} is not written so")
        plan = reader.plans[slot[0]] = cls, layout
    return plan


def set_attributes(layout: Layout, made: Any, attributes: dict[str, Any]) -> None:
    """Sets the attributes of an instance where they lie, past its ``__setattr__``.

    Raises:
        ProtocolError: the class has no place for one.
    """
    slots = layout.slots
    if layout.has_dict and not slots:
        if _manages(type(made), attributes):
            object.__getattribute__(made, "__dict__").update(attributes)
            return
        for (
            name,
            content,
        ) in attributes.items():  # not into its dictionary: where it has none yet, attributes are faster
            object.__setattr__(made, name, content)
        return
    for name, content in attributes.items():
        if name in slots:
            slots[name].__set__(made, content)
        elif layout.has_dict:
            object.__getattribute__(made, "__dict__")[name] = content
        else:
            raise ProtocolError(f"instances of {type(made).__name__} have no attribute of this name")


def _manages(cls: type, attributes: dict[str, Any]) -> bool:
    """Tells whether setting one of the attributes would call something of the class: a property, a descriptor."""
    kinds = [vars(kind) for kind in type.mro(cls)]
    return any(hasattr(type(kind[name]), "__set__") for kind in kinds for name in attributes if name in kind)


def _make_object(reader: Reader, node: Node) -> Any:
    return _new_object(_plan(reader, node[1]))


def _new_object(plan: tuple[type, Layout]) -> Any:
    cls, layout = plan
    if layout.base is not object:
        raise ProtocolError(f"an instance of {cls.__name__} without its contents")
    return layout.new(cls)


def _whole_object(reader: Reader, node: Node) -> Any:
    plan = _plan(reader, node[1])
    named = named_values(reader, node[2:])
    made = _new_object(plan)
    set_attributes(plan[1], made, named)
    return made


def _fill_object(reader: Reader, made: Any, node: Node) -> None:
    _, layout = _plan(reader, node[1])
    set_attributes(layout, made, named_values(reader, node[2:]))


def _make_extended(reader: Reader, node: Node) -> Any:
    cls, layout = _plan(reader, node[1])
    if layout.base is object:
        raise ProtocolError(f"an instance of {cls.__name__} with contents that it cannot have")
    return BASES[layout.base].new(cls, reader.typed(node[2], layout.base))


def _fill_extended(reader: Reader, made: Any, node: Node) -> None:
    _, layout = _plan(reader, node[1])
    fill = BASES[layout.base].fill
    if fill is not None:
        fill(made, reader.typed(node[2], layout.base))
    set_attributes(layout, made, named_values(reader, node[3:]))


def _extended_needs(node: Node) -> list[Need]:
    return [(Step.FILLED, node[2:3])]


def _make_member(reader: Reader, node: Node) -> enum.Enum:
    _, slot, name = node
    cls = reader.instance(slot, enum.EnumType)
    member: enum.Enum = cls._member_map_[name]
    return member


def _make_flags(reader: Reader, node: Node) -> enum.Flag:
    _, cls, value = reader.values(node[1:2])[0], *reader.values(node[1:])
    if not (isinstance(cls, enum.EnumType) and issubclass(cls, enum.Flag)) or type(value) is not int:
        raise ProtocolError("no combination of flags")
    known = cls._value2member_map_.get(value)
    made: Any = known if known is not None else vars(enum.Flag)["_missing_"].__func__(cls, value)
    return made  # type: ignore[no-any-return]


def _fill_sharing(reader: Reader, made: Any, node: Node) -> None:
    _, layout = _plan(reader, node[1])
    object.__setattr__(made, "__dict__", reader.typed(node[2], dict))
    set_attributes(layout, made, named_values(reader, node[3:]))


KINDS: Final[dict[int | str, Kind]] = {
    "sharing": Kind(
        _make_object,
        _fill_sharing,
        made=lambda node: node[1:2],
        hashed=lambda node: node[2:3],
        slots=lambda node: [*node[1:3], *node[4:]],
    ),
    Tag.OBJECT: Kind(
        _make_object,
        _fill_object,
        made=lambda node: node[1:2],
        hashed=lambda node: node[3:],
        slots=lambda node: [*node[1:2], *node[3:]],
        whole=_whole_object,
    ),
    Tag.EXTENDED: Kind(
        _make_extended,
        _fill_extended,
        made=lambda node: node[1:3],
        to_fill=_extended_needs,
        hashed=lambda node: [*node[2:3], *node[4:]],
        slots=lambda node: [*node[1:3], *node[4:]],
    ),
    "member": Kind(_make_member, made=lambda node: node[1:2], slots=lambda node: node[1:2]),
    "flags": Kind(_make_flags, made=lambda node: node[1:]),
}

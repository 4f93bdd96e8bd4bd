"""Names that many values share: of records and of attributes.

Dicts with the same str keys in the same order, as a program has by the thousand, share a shape, and so do objects of
one class; each is then its values alone. That makes blobs a third of the size, and reading them faster.
"""

from __future__ import annotations

from typing import Any, Final

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.values.contract import Node
from devices.runtime.python.values.nodes import Shape, Tag
from devices.runtime.python.values.reading import Kind, Reader
from devices.runtime.python.values.writing import Write, Writer


def _write_shape(_: Writer, value: Shape) -> Node:
    return [Tag.SHAPE, *value.names]


def named_slots(writer: Writer, attributes: dict[str, Any]) -> Node:
    """Returns the index of a shape, and the slots of the values under its names.

    Raises:
        CannotTravelError: a name is no ordinary one.
    """
    names = tuple(attributes)
    shape = writer.shape(names) if set(map(type, names)) <= {str} else None
    if shape is None:
        raise CannotTravelError("an object with attributes whose names are no short strs cannot travel")
    return [shape, *writer.slots(list(attributes.values()))]


def named_values(reader: Reader, named: Node) -> dict[str, Any]:
    """Returns the attributes that `named_slots` has written."""
    return dict(zip(reader.names(named[0]), reader.values(named[1:]), strict=True))


def _make_shape(_: Reader, node: Node) -> Shape:
    names = tuple(node[1:])
    if set(map(type, names)) - {str} or len(set(names)) != len(names):
        raise ProtocolError("a shape's names must be different strs")
    return Shape(names)


WRITERS: Final[dict[type, Write]] = {Shape: _write_shape}

KINDS: Final[dict[int | str, Kind]] = {Tag.SHAPE: Kind(_make_shape, slots=lambda _: (), first=True)}

"""Instances of classes, members of enums, exceptions, and what is only named."""

from __future__ import annotations

from typing import Any, Final

from coordinator.cli.drawing.pen import Draw, Drawn, Pen
from devices.runtime.python.values.nodes import Tag

_IN_C: Final = "."
"""Begins the names of what an exception's builtin class keeps; nearly all of it is among the arguments as well."""


def _object(pen: Pen, fields: list[Any]) -> Drawn:
    of, *named = fields
    name = pen.class_name(of)
    return Drawn(name, f"{name}({pen.attributes(named)})")


def _sharing(pen: Pen, fields: list[Any]) -> Drawn:
    of, dictionary, *named = fields
    name, slots = pen.class_name(of), pen.attributes(named)
    return Drawn(name, f"{name}({slots}{', ' if slots else ''}__dict__={pen.value(dictionary)})")


def _extended(pen: Pen, fields: list[Any]) -> Drawn:
    of, contents, *named = fields
    name, attributes = pen.class_name(of), pen.attributes(named)
    return Drawn(name, f"{name}({pen.value(contents)}{', ' if attributes else ''}{attributes})")


def _exception(pen: Pen, fields: list[Any]) -> Drawn:
    of, arguments, _, _, _, _, _, *named = fields
    name = pen.class_name(of)
    kept = dict(zip(pen.names(named[0]), named[1:], strict=False))
    file = f"filename={pen.value(kept['.filename'])}" if ".filename" in kept else ""
    parts = [pen.items(pen.node(arguments)[1:]), file, pen.attributes(named, without=_IN_C)]
    return Drawn(name, f"{name}({', '.join(filter(None, parts))})")


def _member(pen: Pen, fields: list[Any]) -> Drawn:
    of, name = fields
    return Drawn(pen.class_name(of), f"{pen.class_name(of)}.{name}")


def _flags(pen: Pen, fields: list[Any]) -> Drawn:
    of, value = fields
    return Drawn(pen.class_name(of), f"{pen.class_name(of)}({pen.value(value)})")


def _named(_: Pen, fields: list[Any]) -> Drawn:
    (name,) = fields
    return Drawn("name", name.replace(":", "."))


def _single(_: Pen, fields: list[Any]) -> Drawn:
    module, name = fields
    return Drawn("name", f"{module}.{name}")


def _reference(_: Pen, fields: list[Any]) -> Drawn:
    module, name = fields
    return Drawn("reference", name if module == "builtins" else f"{module}.{name}")


def _module(_: Pen, fields: list[Any]) -> Drawn:
    (name,) = fields
    return Drawn("module", f"<module {name}>")


DRAWINGS: Final[dict[Any, Draw]] = {
    Tag.OBJECT: _object,
    Tag.EXTENDED: _extended,
    "sharing": _sharing,
    "exception": _exception,
    "member": _member,
    "flags": _flags,
    "named": _named,
    "single": _single,
    Tag.REFERENCE: _reference,
    "module": _module,
}

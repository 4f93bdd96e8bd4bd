"""Lists, dicts, sets and their like."""

from __future__ import annotations

from typing import Any, Final

from coordinator.cli.drawing.pen import Draw, Drawn, Pen
from devices.runtime.python.values.nodes import Tag


def _list(pen: Pen, items: list[Any]) -> Drawn:
    return Drawn("list", f"[{pen.items(items)}]")


def _tuple(pen: Pen, items: list[Any]) -> Drawn:
    return Drawn("tuple", f"({pen.items(items)}{',' if len(items) == 1 else ''})")


def _dict(pen: Pen, halves: list[Any]) -> Drawn:
    return Drawn("dict", f"{{{pen.pairs(halves)}}}")


def _record(pen: Pen, named: list[Any]) -> Drawn:
    return Drawn("dict", f"{{{pen.pairs([*pen.names(named[0]), *named[1:]])}}}")


def _shape(pen: Pen, names: list[Any]) -> Drawn:
    return Drawn("names", f"<names {pen.items(names)}>")


def _set(pen: Pen, items: list[Any]) -> Drawn:
    return Drawn("set", f"{{{pen.items(items)}}}" if items else "set()")


def _frozenset(pen: Pen, items: list[Any]) -> Drawn:
    return Drawn("frozenset", f"frozenset({{{pen.items(items)}}})" if items else "frozenset()")


def _deque(pen: Pen, fields: list[Any]) -> Drawn:
    longest = "" if fields[0] is None else f", maxlen={pen.value(fields[0])}"
    return Drawn("deque", f"deque([{pen.items(fields[1:])}]{longest})")


def _ordered(pen: Pen, halves: list[Any]) -> Drawn:
    return Drawn("OrderedDict", f"OrderedDict({{{pen.pairs(halves)}}})")


def _default(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("defaultdict", f"defaultdict({pen.value(fields[0])}, {{{pen.pairs(fields[1:])}}})")


def _namespace(pen: Pen, named: list[Any]) -> Drawn:
    return Drawn("SimpleNamespace", f"namespace({pen.attributes(named)})")


def _proxy(pen: Pen, fields: list[Any]) -> Drawn:
    return Drawn("mappingproxy", f"mappingproxy({pen.value(fields[0])})")


DRAWINGS: Final[dict[Any, Draw]] = {
    Tag.LIST: _list,
    Tag.TUPLE: _tuple,
    Tag.DICT: _dict,
    Tag.RECORD: _record,
    Tag.SHAPE: _shape,
    Tag.SET: _set,
    Tag.FROZENSET: _frozenset,
    "deque": _deque,
    "ordered": _ordered,
    "default": _default,
    "namespace": _namespace,
    "proxy": _proxy,
}

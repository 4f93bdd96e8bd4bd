"""Functions, methods, generators: what the engine describes, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from coordinator.cli.drawing.pen import Draw, Drawn, Pen
from devices.runtime.python.values.nodes import Tag

_HIDDEN: Final = "."
_SHOWN: Final = 3  # variables of a generator, contents of a closure


def _known(pen: Pen, fields: list[Any]) -> Drawn:
    tag, plain, count, *slots = fields
    return ENGINE[tag](pen, plain, slots[:count], slots[count:])


def _named_function(_: Pen, plain: Any, __: list[Any], ___: list[Any]) -> Drawn:
    _module, name = plain
    return Drawn("function", f"<function {name}>")


def _named_class(_: Pen, plain: Any, __: list[Any], ___: list[Any]) -> Drawn:
    _module, name = plain
    return Drawn("type", f"<class {name}>")


def _function(pen: Pen, plain: Any, needs: list[Any], _: list[Any]) -> Drawn:
    _module, _number, names, _name, qualname = plain
    closure = ", ".join(_variable(pen, *each) for each in list(zip(names, needs, strict=True))[:_SHOWN])
    return Drawn("function", f"<function {qualname}{' with ' if closure else ''}{closure}>")


def _variable(pen: Pen, name: str, slot: Any) -> str:
    return f"{name}={pen.value(content_of_cell(pen, slot))}"


def content_of_cell(pen: Pen, slot: Any) -> Any:
    """Returns the slot of what a cell holds; the cell's own if it holds nothing, or is none."""
    match slot if not isinstance(slot, list) else pen.node(slot):
        case [Tag.KNOWN, "cell", True, 0, content]:
            return content
    return slot


def _cell(pen: Pen, plain: Any, _: list[Any], children: list[Any]) -> Drawn:
    return Drawn("cell", f"<cell of {pen.value(children[0])}>" if plain else "<cell of nothing yet>")


def _own_module(_: Pen, plain: Any, __: list[Any], ___: list[Any]) -> Drawn:
    return Drawn("module", f"<module {plain:s}>")


def _traceback(_: Pen, plain: Any, __: list[Any], ___: list[Any]) -> Drawn:
    places = [f"{file}:{line}" for file, _name, _qualname, line in plain]
    more = f", ... {len(places) - 5} more" if len(places) > 5 else ""
    return Drawn("traceback", f"<traceback of {', '.join(places[:5])}{more}>")


def _bare(pen: Pen, _: Any, __: list[Any], children: list[Any]) -> Drawn:
    return Drawn("iterator", pen.value(children[0]))


def _generator(pen: Pen, plain: Any, needs: list[Any], children: list[Any]) -> Drawn:
    record, _, qualname = plain
    module, function, number, way, _site, _pending, names, cells = record
    line = pen.where(module, function, number)
    stands = "not begun" if way == "start" else f"at {line}" if line else "suspended"
    variables = [(name, slot) for name, slot in zip(names, children, strict=True) if not name.startswith(_HIDDEN)]
    variables += list(zip(cells, needs, strict=True))
    shown = "".join(f", {_variable(pen, *each)}" for each in variables[:_SHOWN])
    more = f", ... {len(variables) - _SHOWN} more" if len(variables) > _SHOWN else ""
    return Drawn("generator", f"<generator {qualname} {stands}{shown}{more}>")


def _running(_: Pen, plain: Any, __: list[Any], ___: list[Any]) -> Drawn:
    index, _, qualname = plain
    return Drawn("generator", f"<generator {qualname}, frame {index + 1} of the stack>")


def _finished(_: Pen, plain: Any, __: list[Any], ___: list[Any]) -> Drawn:
    *_, qualname = plain
    return Drawn("generator", f"<generator {qualname} at its end>")


ENGINE: Final[dict[str, Callable[[Pen, Any, list[Any], list[Any]], Drawn]]] = {
    "named": _named_function,
    "class": _named_class,
    "function": _function,
    "cell": _cell,
    "module": _own_module,
    "traceback": _traceback,
    "bare": _bare,
    "generator": _generator,
    "running": _running,
    "finished": _finished,
}
"""What the engine describes (`python.knows`), by the word for it: drawn from plain data, needs and children."""


def _method(pen: Pen, fields: list[Any]) -> Drawn:
    function, owner = fields
    match pen.node(function):
        case [Tag.KNOWN, _, [_, str(name)], *_] | [Tag.REFERENCE, _, str(name)]:
            return Drawn("method", f"<method {name} of {pen.value(owner)}>")
    return Drawn("method", f"<method {pen.value(function)} of {pen.value(owner)}>")


def _bound(pen: Pen, fields: list[Any]) -> Drawn:
    owner, name = fields
    return Drawn("builtin_function_or_method", f"<method {name} of {pen.value(owner)}>")


def _library_method(pen: Pen, fields: list[Any]) -> Drawn:
    owner, name = fields
    return Drawn("method", f"{pen.value(owner)}.{name}")


def _partial(pen: Pen, fields: list[Any]) -> Drawn:
    function, arguments, keywords, _ = fields
    parts = [pen.value(function), pen.items(pen.node(arguments)[1:]), _keywords(pen, keywords)]
    return Drawn("partial", f"partial({', '.join(filter(None, parts))})")


def _keywords(pen: Pen, slot: Any) -> str:
    match None if slot is None else pen.node(slot):
        case [Tag.RECORD, *named]:
            return pen.attributes(named)
        case [Tag.DICT] | None:
            return ""
    return f"**{pen.value(slot)}"


def _operator(pen: Pen, fields: list[Any]) -> Drawn:
    kind, keywords, *arguments = fields
    parts = [pen.items(arguments), _keywords(pen, keywords)]
    return Drawn(kind, f"{kind}({', '.join(filter(None, parts))})")


def _anew(pen: Pen, fields: list[Any]) -> Drawn:
    """Draws what each hub makes for itself, by the call that makes it."""
    maker, arguments, keywords = fields
    match pen.node(maker):
        case [Tag.KNOWN, _, [_, str(name)], *_]:
            parts = [pen.items(pen.node(arguments)[1:]), _keywords(pen, keywords)]
            return Drawn("per_hub", f"<made on each hub by {name}({', '.join(filter(None, parts))})>")
    return Drawn("per_hub", f"<made on each hub by {pen.value(maker)}>")


DRAWINGS: Final[dict[Any, Draw]] = {
    "anew": _anew,
    Tag.KNOWN: _known,
    "method": _method,
    "bound": _bound,
    "library-method": _library_method,
    "partial": _partial,
    "operator": _operator,
}

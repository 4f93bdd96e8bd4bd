"""Functions, methods and what is made of them; the program's own are the engine's (`Knows`).

A builtin method bound to a value (``append = out.append``) is its value and its name: it is found again in the
dictionary of the value's exact type, which runs nothing. A method of the library's own objects (``ctx.publish``, which
stands evaluated while ``f`` runs in ``ctx.publish(topic, f(x))``) is found in the same way.
"""

from __future__ import annotations

import functools
import operator
import re
import types
from typing import Any, Final

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python import twins
from devices.runtime.python.values import enumerations
from devices.runtime.python.values.contract import Described, Node, Registered, Slot
from devices.runtime.python.values.nodes import Tag
from devices.runtime.python.values.reading import Kind, Need, Reader, Step
from devices.runtime.python.values.references import write_module, write_reference
from devices.runtime.python.values.refusals import refuse_known
from devices.runtime.python.values.writing import Write, Writer

_METHOD_KINDS: Final = (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType)
_MAKERS: Final[dict[str, Any]] = {
    "itemgetter": operator.itemgetter,
    "attrgetter": operator.attrgetter,
    "methodcaller": operator.methodcaller,
}
_METHOD_OF_C_CLASS: Final = type(re.compile("").match)
"""The type that Python gives bound methods which know the class that defines them; it has no name in `types`."""
_ENGINE_REMEDY: Final = {
    types.GeneratorType: "use it up before, for example by list(...)",
    types.CodeType: "keep the function, not its code",
    types.FrameType: "keep what you need of the frame, not the frame",
}


def describe(writer: Writer, value: Any) -> Node | None:
    """Returns the node of a value that the engine knows, ``None`` if it does not."""
    described = writer.knows.describe(value)
    if described is None:
        return None
    tag, children, plain, needs = Described(*described)
    return [Tag.KNOWN, tag, plain, len(needs), *writer.slots(needs), *writer.slots(children)]


def _write_function(writer: Writer, value: types.FunctionType) -> Node:
    return describe(writer, value) or write_reference(writer, value)


def write_class(writer: Writer, value: type) -> Node:
    """Returns the node of a class: the engine's, or a reference."""
    return describe(writer, value) or write_reference(writer, value)


def _write_module(writer: Writer, value: types.ModuleType) -> Node:
    return describe(writer, value) or write_module(writer, value)


def _write_generator(writer: Writer, value: types.GeneratorType[Any, Any, Any]) -> Node:
    left = enumerations.left_of(value)
    if left is None:
        return _write_engine_only(writer, value)
    return ["iterator", "list", writer.reference(left), 0]


def _write_engine_only(writer: Writer, value: Any) -> Node:
    node = describe(writer, value)
    if node is None:
        refuse_known(type(value))
        name = getattr(value, "__qualname__", "")
        raise CannotTravelError(
            f"the {type(value).__name__} {name} is not of this function's own modules and cannot travel",
            remedy=_ENGINE_REMEDY.get(type(value)),
        )
    return node


def _write_traceback(writer: Writer, value: types.TracebackType) -> Node:
    return describe(writer, value) or ["none"]


def _write_method(writer: Writer, value: types.MethodType) -> Node:
    owner, name = value.__self__, value.__func__.__name__
    if type(owner) in twins.TYPES or (type(owner) is type and owner in twins.TYPES):
        return ["bound", writer.slot(owner), name]
    if _is_library(writer.registered, owner) and _library_function(owner, name) is value.__func__:
        return ["library-method", writer.slot(owner), name]
    return ["method", writer.slot(value.__func__), writer.slot(value.__self__)]


def _is_library(registered: Registered, owner: object) -> bool:
    kinds = {*registered.types, *map(type, registered.named.values())}
    return type(owner) in kinds


def _library_function(owner: object, name: str) -> types.FunctionType | None:
    """Returns a public method of an object's class, from the dictionaries of its classes alone; ``None`` if there is none."""
    found = next((vars(kind)[name] for kind in type.mro(type(owner)) if name in vars(kind)), None)
    return found if isinstance(found, types.FunctionType) and not name.startswith("_") else None


def _write_builtin(writer: Writer, value: types.BuiltinFunctionType) -> Node:
    owner = value.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return write_reference(writer, value)
    return ["bound", writer.slot(owner), value.__name__]


def _write_partial(writer: Writer, value: functools.partial[Any]) -> Node:
    return ["partial", *writer.slots((value.func, value.args, value.keywords, vars(value)))]


def _write_operator(writer: Writer, value: Any) -> Node:
    make, arguments = value.__reduce__()
    if isinstance(make, functools.partial):  # a methodcaller with keywords
        return ["operator", "methodcaller", writer.slot(dict(make.keywords)), *writer.slots((*make.args, *arguments))]
    return ["operator", type(value).__name__, None, *writer.slots(arguments)]


WRITERS: Final[dict[type, Write]] = {
    types.FunctionType: _write_function,
    types.ModuleType: _write_module,
    type: write_class,
    types.GeneratorType: _write_generator,
    types.CoroutineType: _write_engine_only,
    types.AsyncGeneratorType: _write_engine_only,
    types.CellType: _write_engine_only,
    types.CodeType: _write_engine_only,
    types.FrameType: _write_engine_only,
    types.TracebackType: _write_traceback,
    types.MethodType: _write_method,
    types.BuiltinFunctionType: _write_builtin,
    types.MethodWrapperType: _write_builtin,
    _METHOD_OF_C_CLASS: _write_builtin,
    functools.partial: _write_partial,
    operator.itemgetter: _write_operator,
    operator.attrgetter: _write_operator,
    operator.methodcaller: _write_operator,
}


def _known_parts(node: Node) -> tuple[str, Any, list[Slot], list[Slot]]:
    _, tag, plain, needs, *slots = node
    if type(tag) is not str or type(needs) is not int or not 0 <= needs <= len(slots):
        raise ProtocolError("not a value that the engine knows")
    return tag, plain, slots[:needs], slots[needs:]


def _make_known(reader: Reader, node: Node) -> Any:
    tag, plain, needs, _ = _known_parts(node)
    return reader.knows.make(tag, plain, reader.values(needs))


def _fill_known(reader: Reader, made: Any, node: Node) -> None:
    tag, plain, _, children = _known_parts(node)
    reader.knows.fill(made, tag, plain, reader.values(children))


def _known_needs(node: Node) -> list[Slot]:
    return _known_parts(node)[2]


def _make_method(reader: Reader, node: Node) -> types.MethodType:
    function, owner = reader.values(node[1:])
    return types.MethodType(function, owner)


def _make_library_method(reader: Reader, node: Node) -> types.MethodType:
    _, slot, name = node
    owner = reader.value(slot)
    function = _library_function(owner, name) if _is_library(reader.registered, owner) and type(name) is str else None
    if function is None:
        raise ProtocolError("not a method that the library offers")
    return types.MethodType(function, owner)


def _make_bound(reader: Reader, node: Node) -> Any:
    _, slot, name = node
    owner = reader.value(slot)
    if isinstance(owner, type):
        method = next((vars(kind)[name] for kind in type.mro(owner) if name in vars(kind)), None)
        if isinstance(method, types.ClassMethodDescriptorType):
            return method.__get__(None, owner)
        if isinstance(method, classmethod) and owner in twins.TYPES:
            return method.__get__(None, owner)
    method = next((vars(kind)[name] for kind in type.mro(type(owner)) if name in vars(kind)), None)
    if isinstance(method, _METHOD_KINDS) or (isinstance(method, types.FunctionType) and type(owner) in twins.TYPES):
        return method.__get__(owner, type(owner))
    raise ProtocolError(f"a {type(owner).__name__} has no builtin method of this name")


def _make_partial(reader: Reader, node: Node) -> functools.partial[Any]:
    return functools.partial(reader.value(node[1]))


def _fill_partial(reader: Reader, made: functools.partial[Any], node: Node) -> None:
    function, *slots = node[1:]
    arguments, keywords, attributes = map(reader.typed, slots, (tuple, dict, dict))
    made.__setstate__((reader.value(function), arguments, dict(keywords), dict(attributes) or None))  # type: ignore[attr-defined]


def _make_operator(reader: Reader, node: Node) -> Any:
    _, name, keywords, *arguments = node
    named = {} if keywords is None else reader.typed(keywords, dict)
    return _MAKERS[name](*reader.values(arguments), **named)


def _operator_needs(node: Node) -> list[Need]:
    return [(Step.FILLED, node[2:3])]


KINDS: Final[dict[int | str, Kind]] = {
    Tag.KNOWN: Kind(_make_known, _fill_known, made=_known_needs, slots=lambda node: node[4:], first=True),
    "none": Kind(lambda _, __: None, slots=lambda _: ()),
    "method": Kind(_make_method, made=lambda node: node[1:], hashed=lambda node: node[1:], chained=True),
    "library-method": Kind(
        _make_library_method,
        made=lambda node: node[1:2],
        slots=lambda node: node[1:2],
        hashed=lambda node: node[1:2],
        chained=True,
    ),
    "bound": Kind(
        _make_bound,
        made=lambda node: node[1:2],
        slots=lambda node: node[1:2],
        hashed=lambda node: node[1:2],
        chained=True,
    ),
    "partial": Kind(
        _make_partial,
        _fill_partial,
        made=lambda node: node[1:2],
        to_fill=lambda node: [(Step.FILLED, node[2:])],
        chained=True,
    ),
    "operator": Kind(
        _make_operator, made=lambda node: node[3:], to_make=_operator_needs, slots=lambda node: node[2:], chained=True
    ),
}

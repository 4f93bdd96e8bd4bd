"""Exceptions: being handled, kept in a variable, or waiting for their ``finally``.

An exception is its class, ``args``, attributes, cause, context and traceback; ``__notes__`` are among its attributes.
It is made without its ``__init__``, which may want other arguments than ``args`` has. What the builtin classes keep in
C (an ``OSError``'s ``errno``, a ``StopIteration``'s ``value``) is read and set by their descriptors.
"""

from __future__ import annotations

import types
from typing import Any, Final

from devices.errors import ProtocolError
from devices.runtime.python.values.contract import Node
from devices.runtime.python.values.objects import class_of
from devices.runtime.python.values.reading import Kind, Reader
from devices.runtime.python.values.records import named_slots, named_values
from devices.runtime.python.values.writing import Write, Writer

_HIDDEN: Final = "."  # in front of the name of what lies in C: no attribute of a dictionary has it
_ROOTS: Final = (BaseException, Exception, object)
_DESCRIPTORS: Final = (types.MemberDescriptorType, types.GetSetDescriptorType)
_GIVEN: Final = {"message", "exceptions", "characters_written"}
"""A group's contents, which are given when it is made, and a field that only exists for some errors of I/O."""


def _builtin_base(cls: type) -> type:
    return next(kind for kind in type.mro(cls) if kind.__module__ == "builtins")


def _descriptors(cls: type) -> dict[str, Any]:
    """Returns what the builtin bases of an exception class keep in C, by name."""
    return {
        name: member
        for kind in reversed(type.mro(cls))
        if kind.__module__ == "builtins" and kind not in _ROOTS
        for name, member in vars(kind).items()
        if isinstance(member, _DESCRIPTORS) and not name.startswith("__") and name not in _GIVEN
    }


def _slots_of(cls: type) -> dict[str, Any]:
    return {
        name: member
        for kind in reversed(type.mro(cls))
        if kind.__module__ != "builtins"
        for name, member in vars(kind).items()
        if isinstance(member, types.MemberDescriptorType)
    }


def write_exception(writer: Writer, value: BaseException) -> Node:
    """Returns the node of an exception; its properties and ``__getattribute__`` are not asked."""
    cls = type(value)
    content = dict(object.__getattribute__(value, "__dict__"))
    for name, member in (_descriptors(cls) | _slots_of(cls)).items():
        try:
            kept = member.__get__(value)
        except AttributeError:  # never set
            continue
        if kept is not None:
            content[_HIDDEN + name] = kept
    get = BaseException.__getattribute__
    return [
        "exception",
        writer.reference(cls),
        writer.slot(get(value, "args")),
        writer.slot(get(value, "__cause__")),
        writer.slot(get(value, "__context__")),
        bool(get(value, "__suppress_context__")),
        writer.slot(get(value, "__traceback__")),
        _write_group(writer, value),
        *named_slots(writer, content),
    ]


def _write_group(writer: Writer, value: BaseException) -> Any:
    if not isinstance(value, BaseExceptionGroup):
        return None
    get = BaseException.__getattribute__
    return writer.reference((get(value, "message"), get(value, "exceptions")))


def _make_exception(reader: Reader, node: Node) -> BaseException:
    cls = class_of(reader, node[1])
    if not issubclass(cls, BaseException):
        raise ProtocolError(f"{cls.__name__} is no exception")
    new: Any = _builtin_base(cls).__new__
    group: tuple[Any, ...] = ()
    if issubclass(cls, BaseExceptionGroup):
        group = reader.typed(node[7], tuple)
        message, errors = group
        if type(message) is not str or type(errors) is not tuple:
            raise ProtocolError("no contents of a group of exceptions")
    made: BaseException = new(cls, *group)
    return made


def _fill_exception(reader: Reader, made: BaseException, node: Node) -> None:
    _, _, arguments, cause, context, suppressed, traceback, _, *content = node
    put = BaseException.__setattr__
    put(made, "args", reader.typed(arguments, tuple))
    put(made, "__cause__", reader.value(cause))
    put(made, "__context__", reader.value(context))
    put(made, "__suppress_context__", bool(suppressed))
    put(made, "__traceback__", reader.value(traceback))
    hidden = _descriptors(type(made)) | _slots_of(type(made))
    for name, kept in named_values(reader, content).items():
        if name.startswith(_HIDDEN):
            hidden[name[1:]].__set__(made, kept)
        else:
            object.__getattribute__(made, "__dict__")[name] = kept


def _all_but_the_shape(node: Node) -> Node:
    return [*node[1:8], *node[9:]]


WRITERS: Final[dict[type, Write]] = {
    kind: write_exception
    for kind in vars(__import__("builtins")).values()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}

KINDS: Final[dict[int | str, Kind]] = {
    "exception": Kind(_make_exception, _fill_exception, made=lambda node: [node[1], node[7]], slots=_all_but_the_shape),
}

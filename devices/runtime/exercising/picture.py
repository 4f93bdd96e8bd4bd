"""A value as text that can be compared: its structure with all types, whatever process or Python it is in.

Not `==`: that is the user's own code, says that 1 is True, and may look at identity. Two values have the same picture if
their structure is the same; where a list, dict or object stands in two places it must be one and the same in both.
Addresses do not count, the order of sets neither. Nothing recurses, and no code of the program's runs, except for the
reduction of objects whose state is in C.
"""

from __future__ import annotations

import copyreg
import enum
import functools
import hashlib
import random
import re
import types
import warnings
from collections import defaultdict, deque
from collections.abc import Collection, Iterator
from typing import Any, Final

from devices.runtime.exercising.packets import Picture
from devices.runtime.python.values import adapters, locks

_SINGLE: Final = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented), range)
_LONGEST: Final = 4000  # characters of one text; of the rest a digest speaks
_MOST: Final = 200_000
_ADDRESS: Final = re.compile(r"\bat 0x[0-9A-Fa-f]+")
_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE of CPython's object.h
_CONTAINERS: Final = (list, tuple, dict, set, frozenset, bytearray, deque)
_HAS_PARTS_OF_ITS_OWN: Final = (*_CONTAINERS, *_SINGLE, BaseException)
_BUILT_IN: Final = frozenset({*_CONTAINERS, *_SINGLE})
# 3.12 and later comprehensions have no frame of their own in plain Python; those that may be stopped in have one
_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})

Part = tuple[str, Any]


def picture(value: Any, step: str = "") -> Picture:
    """Returns the picture of a value.

    Args:
        value: any.
        step: what to call it: ``result``.
    """
    tokens: Picture = []
    numbers: dict[int, int] = {}
    kept: list[Any] = []  # so that no id is given to two
    waiting: list[tuple[int, str, Any]] = [(0, step, value)]
    while waiting:
        depth, how, each = waiting.pop()
        if len(tokens) >= _MOST:
            tokens.append((0, "", "more than is compared"))
            break
        if type(each) in _SINGLE:
            tokens.append((depth, how, _single(each)))
            continue
        if _may_be_shared(each):
            if id(each) in numbers:
                tokens.append((depth, how, f"object {numbers[id(each)]} again"))
                continue
            kept.append(each)
            numbers[id(each)] = len(kept)
        text, parts = _taken_apart(each)
        tokens.append((depth, how, text))
        waiting += [(depth + 1, name, part) for name, part in reversed(list(parts))]
    return tokens


def without_addresses(text: str) -> str:
    """Returns a text in which objects have no address: ``<Thing object at 0x...>``."""
    return _ADDRESS.sub("at 0x...", text)


def picture_of_error(error: BaseException, files: Collection[str]) -> Picture:
    """Returns the picture of what a function raised, with causes, contexts and the lines of the program's files."""
    tokens: Picture = []
    seen: set[int] = set()
    waiting: list[tuple[int, str, BaseException]] = [(0, "raised", error)]
    while waiting:
        depth, how, each = waiting.pop()
        if id(each) in seen:
            tokens.append((depth, how, "one of the errors above"))
            continue
        seen.add(id(each))
        tokens += [(depth + inner, name or how, text) for inner, name, text in picture(each)]
        lines = " ".join(_lines(each, files))
        tokens.append((depth + 1, ".__traceback__", lines))
        if isinstance(each, BaseExceptionGroup):
            inner = each.exceptions
            waiting += [(depth + 1, f".exceptions[{index}]", one) for index, one in reversed(list(enumerate(inner)))]
        if each.__context__ is not None:
            hidden = "hidden " if each.__suppress_context__ else ""
            waiting.append((depth + 1, f"{hidden}context", each.__context__))
        if each.__cause__ is not None:
            waiting.append((depth + 1, "cause", each.__cause__))
    return tokens


def _lines(error: BaseException, files: Collection[str]) -> Iterator[str]:
    """The lines of a traceback that are the program's.

    Of a `RecursionError` each but once: how deep a recursion can go depends on what the program has been called by.
    """
    lines = _all_lines(error.__traceback__, files)
    return iter(dict.fromkeys(lines)) if isinstance(error, RecursionError) else lines


def _all_lines(traceback: types.TracebackType | None, files: Collection[str]) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename in files and code.co_name not in _COMPREHENSIONS:
            yield f"{code.co_filename}:{traceback.tb_lineno} in {code.co_name}"
        traceback = traceback.tb_next


def _single(value: Any) -> str:
    if type(value) is int and value.bit_length() > 10_000:  # beyond what int -> str allows
        return _cut(hex(value))
    if type(value) is str:
        return _cut(repr(without_addresses(value)))
    return _cut(repr(value))


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{text[:_LONGEST]}... of {len(text)} characters, SHA-256 {digest}"


def _may_be_shared(value: Any) -> bool:
    """Whether it can be seen that two are one: by changing it."""
    return not isinstance(
        value,
        (*_SINGLE, tuple, frozenset, type, enum.Enum, types.FunctionType, types.BuiltinFunctionType, types.ModuleType),
    )


def _taken_apart(value: Any) -> tuple[str, Iterator[Part]]:
    kind = _name(type(value))
    if value is random._inst:  # noqa: SLF001  (what `random.choice` is a method of; each process has its own)
        return "the process's random generator", iter(())
    match value:
        case type():
            return f"class {_name(value)}", iter(())
        case enum.Enum():
            return f"{kind}.{value.name}", iter(())
        case types.ModuleType():
            return f"module {value.__name__}", iter(())
        case types.FunctionType():
            return f"function {value.__module__}.{value.__qualname__}", _of_function(value)
        case types.BuiltinFunctionType() if value.__self__ is None or isinstance(value.__self__, types.ModuleType):
            return f"function {value.__module__}.{value.__qualname__}", iter(())
        case types.MethodType() | types.BuiltinMethodType() | types.MethodWrapperType():
            return f"method {value.__name__}", iter([(".__self__", value.__self__)])
        case types.GeneratorType():
            closed = "ended" if value.gi_frame is None else "not ended"
            return f"generator {value.__qualname__}, {closed}", iter(())
        case types.CellType():
            return "cell", _of_cell(value)
        case functools.partial():
            return kind, iter([(".func", value.func), (".args", value.args), (".keywords", value.keywords)])
        case functools.cached_property():  # beside these 3.11's has a lock, and 3.13's a module's name
            return kind, iter([(".func", value.func), (".attrname", value.attrname)])
        case types.MappingProxyType():
            return kind, _of_dict(dict(value))
    if type(value) in locks.KINDS_OF_LOCKS:
        return f"{kind} {locks.state_of(value)}", iter(())
    if type(value) in adapters.WRITERS:
        return _reduced(value, kind)
    if isinstance(value, _HAS_PARTS_OF_ITS_OWN) or _is_python(type(value)):  # type: ignore[arg-type]  # a type can be hashed
        return f"{kind}{_extent(value)}", _of_container_and_attributes(value)
    return _reduced(value, kind)


def _name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _extent(value: Any) -> str:
    if isinstance(value, deque):
        return f" of {_bare(value, '__len__')}, at most {value.maxlen}"
    if isinstance(value, set | frozenset):
        return f" of {_unordered(value)}"
    if isinstance(value, list | tuple | dict):
        return f" of {_bare(value, '__len__')}"
    if isinstance(value, bytearray):
        return f" {_cut(repr(bytes(value)))}"
    if isinstance(value, str | bytes):
        return f" {_single(_bare(value, '__getitem__', slice(None)))}"
    if isinstance(value, int | float | complex):
        return f" {_single(_bare(value, '__pos__'))}"
    return ""


def _bare(value: Any, method: str, *arguments: Any) -> Any:
    """Calls a method of the built-in type that a value is of, whatever its own class has made of it."""
    base = next(base for base in type(value).__mro__ if base in _BUILT_IN)
    return getattr(base, method)(value, *arguments)


def _unordered(value: set[Any] | frozenset[Any]) -> str:
    elements = (_single(each) if type(each) in _SINGLE else str(picture(each)) for each in value)
    return _cut(f"{len(value)}: {', '.join(sorted(elements))}")


def _of_container_and_attributes(value: Any) -> Iterator[Part]:
    if isinstance(value, list | tuple | deque):
        yield from ((f"[{index}]", each) for index, each in enumerate(_bare(value, "__iter__")))
    elif isinstance(value, dict):
        if isinstance(value, defaultdict):
            yield ".default_factory", value.default_factory
        yield from _of_dict(value)
    elif isinstance(value, BaseException):
        yield ".args", value.args
        if isinstance(value, OSError):
            yield ".filename", value.filename
    yield from _attributes(value)


def _of_dict(value: dict[Any, Any]) -> Iterator[Part]:
    for index, (key, each) in enumerate(dict.items(value)):
        if type(key) in _SINGLE:
            yield f"[{_single(key)}]", each
        else:
            yield f"<key {index}>", key
            yield f"<value {index}>", each


def _attributes(value: Any) -> Iterator[Part]:
    own = getattr(value, "__dict__", None)
    if isinstance(own, dict):
        yield from ((f".{name}", each) for name, each in own.items())
    for cls in type(value).__mro__:
        for name in copyreg._slotnames(cls) if "__slots__" in vars(cls) else ():  # type: ignore[attr-defined]  # noqa: SLF001
            member = vars(cls).get(name)
            if isinstance(member, types.MemberDescriptorType):
                try:
                    yield f".{name}", member.__get__(value)
                except AttributeError:
                    yield f".{name}", "<not set>"


def _of_function(value: types.FunctionType) -> Iterator[Part]:
    yield ".__defaults__", value.__defaults__
    yield ".__kwdefaults__", value.__kwdefaults__
    for name, each in vars(value).items():
        yield f".{name}", each


def _of_cell(value: types.CellType) -> Iterator[Part]:
    try:
        yield ".cell_contents", value.cell_contents
    except ValueError:
        return


@functools.cache
def _is_python(cls: type) -> bool:
    """Whether all of an object's state is in its attributes: no class of its kind is written in C."""
    return all(
        base is object or (base.__flags__ & _HEAP_TYPE and {"__dict__", "__slots__", "__weakref__"} & _words(base))
        for base in cls.__mro__
    )


def _words(cls: type) -> set[str]:
    return {name for base in cls.__mro__ if base.__flags__ & _HEAP_TYPE for name in vars(base)}


def _reduced(value: Any, kind: str) -> tuple[str, Iterator[Part]]:
    if isinstance(value, Collection) and not hasattr(value, "__setstate__") and kind.startswith(("dict_", "odict_")):
        return kind, iter([("", list(value))])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if type(value) in adapters.WRITERS:
                reduced: Any = adapters.reduced(value)
            else:
                known = copyreg.dispatch_table.get(type(value))
                reduced = known(value) if known else value.__reduce_ex__(2)
    except Exception:  # noqa: BLE001  (files, locks, iterators: what has no state that can be read is its kind)
        return kind, iter(())
    if isinstance(reduced, str):
        return f"{kind} {reduced}", iter(())
    maker, arguments, *rest = reduced
    parts: list[Part] = [("<made by>", maker), ("<of>", arguments)]
    if rest and rest[0] is not None:
        parts.append(("<state>", rest[0]))
    parts += [("<items>", list(items)) for items in rest[1:3] if items is not None]
    return kind, iter(parts)

"""Where a module keeps what may change, beside its globals: in its classes and functions.

Attributes of classes and functions, default values, the cells of closures: ``def f(x, seen=[])``, ``f.calls += 1``, a
counter in a decorator. Each class and function that import makes has a *path* from the module's namespace, which means
the same at the destination: ``Registry``, ``Registry.add``, ``counted[f]`` (what ``counted`` holds as ``f`` in its closure).
What is in it has a *key*: ``.attribute``, ``(0)`` or ``(key)`` for a default, ``[name]`` for the content of a cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import is_
from types import CellType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final, TypeAlias

Holder: TypeAlias = "type | FunctionType"
_OPENING: Final = {")": "(", "]": "["}


def holders(namespace: Mapping[str, Any], module: str, filename: str) -> Iterator[tuple[str, Holder]]:
    """Yields the classes and functions that a module has made, each once, with their paths.

    Args:
        namespace: the module's.
        module: its name, which its classes bear.
        filename: its file, which its functions' code bears.
    """
    waiting = [(name, value) for name, value in namespace.items() if not name.startswith("__")]
    seen: set[int] = set()
    while waiting:
        path, value = waiting.pop(0)
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if id(value) in seen:
            continue
        seen.add(id(value))
        if (isinstance(value, type) and value.__module__ == module) or (
            isinstance(value, FunctionType) and value.__code__.co_filename == filename
        ):
            yield path, value
        else:
            continue
        waiting += [(path + key, content) for key, content in inside(value).items()]


def inside(holder: Holder) -> dict[str, Any]:
    """Returns what a class or function holds, by key."""
    if isinstance(holder, type):
        return {
            f".{name}": value
            for name, value in vars(holder).items()
            if not (name.startswith("__") and name.endswith("__"))
            and not isinstance(value, MemberDescriptorType | GetSetDescriptorType)
        }
    held = {f".{name}": value for name, value in vars(holder).items() if not name.startswith("__")}
    held.update((f"({index})", value) for index, value in enumerate(holder.__defaults__ or ()))
    held.update((f"({name})", value) for name, value in (holder.__kwdefaults__ or {}).items())
    for name, cell in _cells(holder):
        try:
            held[f"[{name}]"] = cell.cell_contents
        except ValueError:
            continue  # not bound yet
    return held


def hidden_in(holder: Holder, prefix: str) -> Iterator[tuple[str, object]]:
    """Yields what is found by a path alone: a function that is not under its own name, and the cells of closures."""
    if isinstance(holder, FunctionType):
        if "<" in holder.__qualname__:
            yield prefix, holder
        for name, cell in _cells(holder):
            yield f"{prefix}[{name}]*", cell


class Bindings:
    """What a class or function binds to its names, to be compared later: while all is the very same, nothing was bound anew.

    A function's defaults by keyword and its cells can change unseen; of one that has any, nothing is said.
    """

    __slots__ = ("_defaults", "_names", "_values")

    def __init__(self, holder: Holder) -> None:
        attributes = vars(holder)
        self._names = list(attributes)
        self._values = list(attributes.values())
        self._defaults = None if isinstance(holder, type) else holder.__defaults__

    def are_the_same(self, holder: Holder) -> bool:
        """Tells whether a holder binds what it did."""
        if isinstance(holder, FunctionType) and (
            holder.__defaults__ is not self._defaults or holder.__kwdefaults__ or holder.__closure__
        ):
            return False
        attributes = vars(holder)
        return (
            len(attributes) == len(self._names)
            and all(map(is_, self._names, attributes))
            and all(map(is_, self._values, attributes.values()))
        )


def split(name: str) -> tuple[str, str]:
    """Returns path and key of a name that is their sum; the path is empty for a global."""
    at = name.rfind(_OPENING.get(name[-1:], "."))
    return (name[:at], name[at:]) if at > 0 else ("", name)


def put(holder: Holder, key: str, value: Any) -> Any:
    """Gives a place its value and returns what was there; ``None`` for nothing.

    Raises:
        KeyError: there is no such place.
    """
    name = key[1:-1]
    if key.startswith("."):
        old = vars(holder).get(key[1:])
        if isinstance(holder, type):
            type.__setattr__(holder, key[1:], value)
        else:
            vars(holder)[key[1:]] = value
        return old
    if isinstance(holder, type):
        raise KeyError(key)
    if key.startswith("["):
        cell = dict(_cells(holder))[name]
        old = inside(holder).get(key)
        cell.cell_contents = value
        return old
    if name.isdigit():
        defaults = list(holder.__defaults__ or ())
        if int(name) >= len(defaults):
            raise KeyError(key)
        old, defaults[int(name)] = defaults[int(name)], value
        holder.__defaults__ = tuple(defaults)
        return old
    keywords = holder.__kwdefaults__ or {}
    old, keywords[name] = keywords[name], value
    return old


def take_out(holder: Holder, key: str) -> None:
    """Deletes an attribute, the content of a cell, or a default.

    Raises:
        KeyError: there is no such place.
        AttributeError: likewise.
    """
    if key.startswith("."):
        if isinstance(holder, type):
            type.__delattr__(holder, key[1:])
        else:
            del vars(holder)[key[1:]]
    elif isinstance(holder, type):
        raise KeyError(key)
    elif key.startswith("["):
        del dict(_cells(holder))[key[1:-1]].cell_contents
    elif key[1:-1].isdigit():
        holder.__defaults__ = (holder.__defaults__ or ())[: int(key[1:-1])] or None
    else:
        del (holder.__kwdefaults__ or {})[key[1:-1]]


def _cells(function: FunctionType) -> Iterator[tuple[str, CellType]]:
    return zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)

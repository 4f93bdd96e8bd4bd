"""What of the modules' state travels: globals that have changed since import and that the rest can reach.

What a module does when it is imported is done anew at the destination: constants, functions, classes, imports. So a
global travels if it is another object than import made, or if it is a container that may have changed inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import EnumType
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.anchors import CONTAINERS
from devices.runtime.python.frames import Blocked, Standing
from devices.runtime.python.knows import Knowledge
from devices.runtime.python.program import LoadedModule, Program, find
from devices.runtime.python.values import encode


def changed(program: Program, standings: Sequence[Standing]) -> list[tuple[str, str, Any]]:
    """Returns module, name and value of each global that travels."""
    reached: dict[LoadedModule, set[str]] = {}
    waiting: list[tuple[LoadedModule, frozenset[str]]] = []
    for standing in standings:
        code = standing.known.module
        mentioned = code.rest_names(standing.known.function, standing.entry)
        waiting.append((program.modules[code.shape.name], mentioned))
    waiting += [(module, module.code.loose_names) for module in program.modules.values() if module.executed]
    while waiting:
        module, names = waiting.pop()
        seen = reached.setdefault(module, set())
        for name in names - seen:
            seen.add(name)
            value = module.namespace.get(name)
            other = program.modules.get(value.__name__) if isinstance(value, ModuleType) else None
            if other is not None and other.object is value:
                waiting.append((other, frozenset(each for each in other.namespace if not each.startswith("__"))))
            elif isinstance(value, FunctionType):
                known = program.known(value.__code__)
                if known is not None:
                    waiting.append((program.modules[known.module.shape.name], known.function.outside))
    found: list[tuple[str, str, Any]] = []
    for module, all_names in reached.items():
        present = sorted(name for name in all_names if name in module.namespace and _travels(program, module, name))
        found += [(module.name, name, module.namespace[name]) for name in present]
    classes = [each for each in _holders(program) if isinstance(each, type)]
    return found + [entry for cls in classes for entry in _changed_attributes(program, cls)]


def _changed_attributes(program: Program, cls: type) -> list[tuple[str, str, Any]]:
    """Returns the attributes of a class that have changed since import, as globals with a dot in their name."""
    module = program.modules[cls.__module__]
    fresh = module.fresh_classes.get(cls)
    if fresh is None or isinstance(cls, EnumType):
        return []
    return [
        (module.name, f"{cls.__qualname__}.{name}", value)
        for name, value in vars(cls).items()
        if not (name.startswith("__") and name.endswith("__"))
        and not isinstance(value, MemberDescriptorType | GetSetDescriptorType)
        and _has_changed(program, fresh.is_unchanged(name, value), value)
    ]


def _travels(program: Program, module: LoadedModule, name: str) -> bool:
    value = module.namespace[name]
    if module.fresh is None or isinstance(value, ModuleType):
        return False
    return _has_changed(program, module.fresh.is_unchanged(name, value), value)


def _has_changed(program: Program, unchanged: bool | None, value: Any) -> bool:
    """Tells whether a value must travel; one that cannot be judged does if it can, else import makes it anew.

    An iterator is never made anew: it would begin again. If it cannot travel, that is said.
    """
    if unchanged is not None:
        return not unchanged
    if hasattr(type(value), "__next__"):
        return True
    try:
        encode([value], Knowledge(program), program.registered())
    except (CannotTravelError, Blocked):
        return False
    return True


def set_state(program: Program, module: LoadedModule, name: str, value: Any) -> None:
    """Gives a global its value, also where import has put the old one: in defaults of functions and in classes."""
    namespace = program.executed(module).namespace
    path, _, attribute = name.rpartition(".")
    if path:
        cls = find(module, path)
        if not isinstance(cls, type):
            raise ProtocolError(f"{module.name} has no class {path[:100]}")
        old = cls.__dict__.get(attribute)
        type.__setattr__(cls, attribute, value)
    else:
        old = namespace.get(name)
        namespace[name] = value
    if old is None or not isinstance(old, CONTAINERS):
        return
    for holder in _holders(program):
        if isinstance(holder, FunctionType):
            if holder.__defaults__ and any(each is old for each in holder.__defaults__):
                holder.__defaults__ = tuple(value if each is old else each for each in holder.__defaults__)
            keywords = holder.__kwdefaults__ or {}
            keywords.update({key: value for key, each in keywords.items() if each is old})
        else:
            for key, each in list(vars(holder).items()):
                if each is old:
                    setattr(holder, key, value)


def _holders(program: Program) -> Iterator[FunctionType | type]:
    """Yields the functions and classes that the modules define."""
    waiting = [value for module in program.modules.values() for value in list(module.namespace.values())]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, FunctionType) and program.known(value.__code__) is not None:
            yield value
        elif isinstance(value, type) and value.__module__ in program.modules:
            yield value
            waiting += vars(value).values()

"""What of the modules' state travels: globals that have changed since import and that the rest can reach.

What a module does when it is imported is done anew at the destination: constants, functions, classes, imports. So a
global travels if it is another object than import made, or if it is a container that may have changed inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import EnumType
from types import FunctionType, ModuleType
from typing import Any

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.anchors import may_change_inside
from devices.runtime.python.frames import Blocked, Standing
from devices.runtime.python.knows import Knowledge
from devices.runtime.python.places import Holder, inside, put, split, take_out
from devices.runtime.python.program import LoadedModule, Program
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
    if program.main.code.shape.facts.imports_inside:
        waiting += [(module, _public(module)) for module in program.modules.values() if module is not program.main]
    while waiting:
        module, names = waiting.pop()
        seen = reached.setdefault(module, set())
        for name in names - seen:
            seen.add(name)
            value = module.namespace.get(name)
            other = program.modules.get(value.__name__) if isinstance(value, ModuleType) else None
            if other is not None and other.object is value:
                waiting.append((other, _public(other)))
            elif isinstance(value, FunctionType):
                known = program.known(value.__code__)
                if known is not None:
                    waiting.append((program.modules[known.module.shape.name], known.function.outside))
    found: list[tuple[str, str, Any]] = []
    for module, all_names in reached.items():
        present = sorted(name for name in all_names if name in module.namespace and _travels(program, module, name))
        found += [(module.name, name, module.namespace[name]) for name in present]
    for module in program.modules.values():
        for path, holder in module.places.items():
            found += _changed_inside(program, module, path, holder)
    return found


def _public(module: LoadedModule) -> frozenset[str]:
    return frozenset(name for name in module.namespace if not name.startswith("__"))


def _changed_inside(
    program: Program, module: LoadedModule, path: str, holder: Holder
) -> Iterator[tuple[str, str, Any]]:
    """Yields what has changed since import in a class or function."""
    fresh = module.fresh_inside[path]
    if isinstance(holder, EnumType):
        return
    for key, value in inside(holder).items():
        if _has_changed(program, fresh.is_unchanged(key, value), value):
            yield module.name, path + key, value


def _travels(program: Program, module: LoadedModule, name: str) -> bool:
    value = module.namespace[name]
    if module.fresh is None:
        return False
    if isinstance(value, ModuleType):
        return module.fresh.values.get(name) is not value and value.__name__ not in program.modules
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


def gone(program: Program) -> Iterator[tuple[str, str]]:
    """Yields module and name of what import made and has been deleted since."""
    for module in program.modules.values():
        if module.fresh is None:
            continue
        yield from ((module.name, name) for name in module.fresh.values if name not in module.namespace)
        for path, holder in module.places.items():
            held = inside(holder)
            yield from ((module.name, path + key) for key in module.fresh_inside[path].values if key not in held)


def drop(program: Program, module: LoadedModule, name: str) -> None:
    """Deletes what was deleted where the image comes from.

    Raises:
        ProtocolError: there is no such place.
    """
    namespace = program.executed(module).namespace
    path, key = split(name)
    try:
        if path:
            take_out(module.places[path], key)
        else:
            del namespace[name]
    except (KeyError, AttributeError, ValueError):
        raise ProtocolError(f"{module.name} has no {name[:100]}") from None


def shared_inside(program: Program, travelling: Sequence[tuple[str, str, Any]]) -> dict[int, tuple[str, str]]:
    """Returns by ``id`` the containers that lie in what does not travel, with module and name of that."""
    known = {(module, name) for module, name, _ in travelling}
    found: dict[int, tuple[str, str]] = {}
    for module in program.modules.values():
        if module.fresh is None:
            continue
        for path, fresh in (("", module.fresh), *module.fresh_inside.items()):
            for name, containers in fresh.inner.items():
                if (module.name, path + name) not in known:
                    found.update((id(each), (module.name, path + name)) for each in containers)
    return found


def value_of(program: Program, module: str, name: str) -> Any:
    """Returns what is at a place of a module's state."""
    path, key = split(name)
    loaded = program.modules[module]
    return inside(loaded.places[path])[key] if path else loaded.namespace[name]


def set_state(program: Program, module: LoadedModule, name: str, value: Any) -> None:
    """Gives a place of a module its value, also where import has put the old one: in defaults and in classes."""
    namespace = program.executed(module).namespace
    path, key = split(name)
    if path:
        try:
            old = put(module.places[path], key, value)
        except KeyError:
            raise ProtocolError(f"{module.name} has no {name[:100]}") from None
    else:
        old = namespace.get(name)
        namespace[name] = value
    if not may_change_inside(old):
        return
    for holder in (each for loaded in program.modules.values() for each in loaded.places.values()):
        if isinstance(holder, FunctionType):
            if holder.__defaults__ and any(each is old for each in holder.__defaults__):
                holder.__defaults__ = tuple(value if each is old else each for each in holder.__defaults__)
            keywords = holder.__kwdefaults__ or {}
            keywords.update({key: value for key, each in keywords.items() if each is old})
        else:
            for key, each in list(vars(holder).items()):
                if each is old:
                    setattr(holder, key, value)

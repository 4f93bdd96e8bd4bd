"""What of the modules' state travels: globals that have changed since import and that the rest can reach.

What a module does when it is imported is done anew at the destination: constants, functions, classes, imports. So a
global travels if it is another object than import made, or if it is a container that may have changed inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any

from devices.errors import CannotTravelError, ProtocolError
from devices.runtime.python.anchors import may_change_inside
from devices.runtime.python.frames import Blocked, Standing
from devices.runtime.python.knows import Knowledge
from devices.runtime.python.loaded import LoadedModule, Look
from devices.runtime.python.places import inside, put, split, take_out
from devices.runtime.python.program import Program
from devices.runtime.python.values import Registered, encode


def changed(
    program: Program, standings: Sequence[Standing], looks: Sequence[Look], registered: Registered
) -> list[tuple[str, str, Any]]:
    """Returns module, name and value of each global that travels.

    Args:
        program: the program.
        standings: its frames.
        looks: at what its modules hold.
        registered: what the codec names.
    """
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
    judge = _Judge(program, registered)
    for look in looks:
        if look.space is None:
            present = sorted(name for name in reached.get(look.module, ()) if name in look.held)
            found += [(look.module.name, name, look.held[name]) for name in present if judge.travels(look, name)]
    for look in looks:
        found += [
            (look.module.name, look.path + key, look.held[key])
            for key in look.doubtful()
            if judge.has_changed(look, key)
        ]
    return found


def _public(module: LoadedModule) -> frozenset[str]:
    return frozenset(name for name in module.namespace if not name.startswith("__"))


class _Judge:
    def __init__(self, program: Program, registered: Registered) -> None:
        self._program = program
        self._registered = registered

    def travels(self, look: Look, name: str) -> bool:
        """Tells whether a global must travel."""
        value = look.held[name]
        if isinstance(value, ModuleType):
            return look.fresh.values.get(name) is not value and value.__name__ not in self._program.modules
        return self.has_changed(look, name)

    def has_changed(self, look: Look, key: str) -> bool:
        """Tells whether a value must travel; one that cannot be judged does if it can, else import makes it anew.

        An iterator is never made anew: it would begin again. If it cannot travel, that is said.
        """
        unchanged, value = look.is_unchanged(key), look.held[key]
        if unchanged is not None:
            return not unchanged
        if hasattr(type(value), "__next__"):
            return True
        try:
            encode([value], Knowledge(self._program), self._registered)
        except (CannotTravelError, Blocked):
            return False
        return True


def gone(looks: Sequence[Look]) -> Iterator[tuple[str, str]]:
    """Yields module and name of what import made and has been deleted since."""
    yield from ((look.module.name, look.path + key) for look in looks for key in look.gone())


def drop(program: Program, module: LoadedModule, name: str) -> None:
    """Deletes what was deleted where the image comes from.

    Raises:
        ProtocolError: there is no such place.
    """
    namespace = program.executed(module).namespace
    path, key = split(name)
    try:
        if path:
            take_out(module.spaces[path].holder, key)
        else:
            del namespace[name]
    except (KeyError, AttributeError, ValueError):
        raise ProtocolError(f"{module.name} has no {name[:100]}") from None


def shared_inside(program: Program, travelling: Sequence[tuple[str, str, Any]]) -> dict[int, tuple[str, str]]:
    """Returns by ``id`` the containers that lie in what does not travel, with module and name of that."""
    known = {(module, name) for module, name, _ in travelling}
    found: dict[int, tuple[str, str]] = {}
    for module in program.modules.values():
        if module.fresh is not None:
            found |= module.shared if known.isdisjoint(module.sharing) else module.shared_without(known)
    return found


def value_of(program: Program, module: str, name: str) -> Any:
    """Returns what is at a place of a module's state."""
    path, key = split(name)
    loaded = program.modules[module]
    return inside(loaded.spaces[path].holder)[key] if path else loaded.namespace[name]


def set_state(program: Program, module: LoadedModule, name: str, value: Any) -> None:
    """Gives a place of a module its value, also where import has put the old one: in defaults and in classes."""
    namespace = program.executed(module).namespace
    path, key = split(name)
    if path:
        try:
            old = put(module.spaces[path].holder, key, value)
        except KeyError:
            raise ProtocolError(f"{module.name} has no {name[:100]}") from None
    else:
        old = namespace.get(name)
        namespace[name] = value
    if not may_change_inside(old):
        return
    for holder in (space.holder for loaded in program.modules.values() for space in loaded.spaces.values()):
        if isinstance(holder, FunctionType):
            if holder.__defaults__ and any(each is old for each in holder.__defaults__):
                holder.__defaults__ = tuple(value if each is old else each for each in holder.__defaults__)
            keywords = holder.__kwdefaults__ or {}
            keywords.update({key: value for key, each in keywords.items() if each is old})
        else:
            for key, each in list(vars(holder).items()):
                if each is old:
                    setattr(holder, key, value)

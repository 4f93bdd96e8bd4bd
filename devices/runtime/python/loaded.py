"""A module as it was loaded, and what is to be seen of its state at a later moment.

Each capture asks of every class and function what is in it, three times over: what may be named, what has changed, what is
gone. So it looks once (`Look`), and where nothing has been bound anew it looks at what import left there and no further.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import EnumType
from types import ModuleType
from typing import Any

from devices.runtime.python.anchors import Anchors
from devices.runtime.python.module import ModuleCode
from devices.runtime.python.places import Bindings, Holder, hidden_in, holders, inside


@dataclass(eq=False)
class Space:
    """Where names have values: a module's globals, or by its ``path`` a class or function that the module has made.

    ``fresh`` is what import left in it; ``hidden`` is what is found by a path alone.
    """

    path: str
    holder: Holder
    fresh: Anchors
    bindings: Bindings
    hidden: dict[str, object]

    def __post_init__(self) -> None:
        self._is_plain = not (self.hidden or self.fresh.nameable or self.fresh.open)

    def look(self, module: LoadedModule) -> Look | None:
        """Returns a look at it; ``None`` where nothing can be seen but what import left there for good."""
        if not self.bindings.are_the_same(self.holder):
            return Look(module, self.fresh, inside(self.holder), self)
        return None if self._is_plain else Look(module, self.fresh, self.fresh.values, self)


@dataclass(eq=False)
class LoadedModule:
    """One file as a module; ``fresh`` is its namespace as import left it, ``spaces`` are its classes and functions.

    ``shared`` are the containers that import left inside of others, by ``id``, with the place of the outer one;
    ``sharing`` are those places.
    """

    code: ModuleCode
    object: ModuleType
    executed: bool = False
    fresh: Anchors | None = None
    spaces: dict[str, Space] = field(default_factory=dict)
    shared: dict[int, tuple[str, str]] = field(default_factory=dict)
    sharing: frozenset[tuple[str, str]] = frozenset()

    @property
    def name(self) -> str:
        """The module's name."""
        return self.code.shape.name

    @property
    def namespace(self) -> dict[str, Any]:
        """The module's globals."""
        return self.object.__dict__

    def imported(self, own: frozenset[str]) -> None:
        """Takes note of what import has made; ``own`` are the names of the program's modules."""
        constants = self.code.shape.facts.identity
        self.fresh = Anchors(f"{self.name}:", self.namespace, own, constants=constants)
        for path, holder in holders(self.namespace, self.name, self.code.shape.filename):
            prefix = f"{self.name}:{path}"
            fresh = Anchors(prefix, inside(holder), own, constants=constants)
            self.spaces[path] = Space(path, holder, fresh, Bindings(holder), dict(hidden_in(holder, prefix)))
        self.shared = self.shared_without(frozenset())
        self.sharing = frozenset(self.shared.values())

    def shared_without(self, places: Collection[tuple[str, str]]) -> dict[int, tuple[str, str]]:
        """Returns ``shared`` as it is without what lies in these places."""
        assert self.fresh is not None
        found: dict[int, tuple[str, str]] = {}
        for path, fresh in (("", self.fresh), *((path, space.fresh) for path, space in self.spaces.items())):
            for name, containers in fresh.inner.items():
                place = (self.name, path + name)
                if place not in places:
                    found.update((id(each), place) for each in containers)
        return found


class Look:
    """What a module's globals, or one of its classes or functions, hold at this moment.

    Args:
        module: the module.
        fresh: what import left there.
        held: what is there now.
        space: the class or function; ``None``: the globals.
    """

    __slots__ = ("_judged", "fresh", "held", "module", "space")

    def __init__(self, module: LoadedModule, fresh: Anchors, held: Mapping[str, Any], space: Space | None) -> None:
        self.module = module
        self.fresh = fresh
        self.held = held
        self.space = space
        self._judged: dict[str, bool | None] = {}

    @property
    def path(self) -> str:
        """The way to it from the globals; empty for these."""
        return self.space.path if self.space is not None else ""

    def is_unchanged(self, key: str) -> bool | None:
        """Tells whether there is what import left there, unchanged inside; ``None`` where that cannot be seen."""
        if key not in self._judged:
            self._judged[key] = self.fresh.is_unchanged(key, self.held[key])
        return self._judged[key]

    def doubtful(self) -> Iterator[str]:
        """Yields the keys of a class or function whose values may not be as import left them."""
        if self.space is not None and not isinstance(self.space.holder, EnumType):
            yield from self.fresh.open if self.held is self.fresh.values else self.held

    def gone(self) -> Iterator[str]:
        """Yields the keys that import made and that are there no more."""
        if self.held is not self.fresh.values:
            yield from (key for key in self.fresh.values if key not in self.held)

    def named(self) -> Iterator[tuple[str, object]]:
        """Yields what an image may name, with its name."""
        for key, value in self.fresh.nameable.items():
            if self.held.get(key) is value and self.is_unchanged(key) is True:
                yield self.fresh.prefix + key, value
        if self.space is not None:
            yield from self.space.hidden.items()


def look_at(module: LoadedModule) -> Iterator[Look]:
    """Yields a look at a module's globals, then at those of its classes and functions in which there is anything to see.

    Nothing before its import is over.
    """
    if module.fresh is not None:
        yield Look(module, module.fresh, module.namespace, None)
        yield from filter(None, (space.look(module) for space in module.spaces.values()))

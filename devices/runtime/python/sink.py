"""What expressions need while they are lowered: their module's facts, and a place for statements before them."""

from __future__ import annotations

import ast
from typing import Protocol

from devices.runtime.python.facts import Facts
from devices.runtime.python.scope import Scope


class Module(Protocol):
    """What an expression needs to know of its module."""

    @property
    def facts(self) -> Facts:
        """What the files of the program say."""
        ...

    @property
    def constants(self) -> frozenset[str]:
        """The global names that stay what they are."""
        ...

    @property
    def sources(self) -> dict[str, str]:
        """Where imported names come from."""
        ...

    @property
    def bound(self) -> frozenset[str]:
        """All global names."""
        ...


class Sink(Protocol):
    """Where statements before an expression go."""

    @property
    def module(self) -> Module:
        """The function's module."""
        ...

    @property
    def scope(self) -> Scope:
        """The function's scope."""
        ...

    def pin(self, value: ast.expr) -> ast.Name:
        """Evaluates into a new hidden name."""
        ...

    def touch(self, at: int, name: str) -> None:
        """Loads a variable before the statement at this place: it may be unbound."""
        ...

    def position(self) -> int:
        """Returns how many statements there are."""
        ...

    def hidden(self, prefix: str) -> str:
        """Returns a new hidden name."""
        ...

    def store(self, name: str, value: ast.expr, at: ast.expr) -> None:
        """Assigns to a hidden name in a numbered statement."""
        ...

    def branch(self, test: ast.expr, at: ast.expr) -> tuple[object, object]:
        """Opens an ``if``; returns what `enter` takes for its two sides."""
        ...

    def enter(self, side: object) -> object:
        """Goes on in a side; returns what takes it back."""
        ...

    def leave(self, previous: object) -> None:
        """Goes back."""
        ...

    def make_function(self, node: ast.Lambda | ast.GeneratorExp | ast.expr) -> ast.expr:
        """Returns the expression that a lambda or comprehension becomes, its function defined before."""
        ...

    def surely_bound(self, name: str) -> bool:
        """Tells whether a variable of the function always has a value."""
        ...

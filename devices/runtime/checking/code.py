"""One file as `check` sees it: its tree, who stands in whom, and what its names are bound to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from devices.runtime.python.scope import Scope, analyse

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_BODIES: Final = {
    ast.FunctionDef: ("body",),
    ast.AsyncFunctionDef: ("body",),
    ast.Lambda: ("body",),
    ast.ClassDef: ("body",),
    ast.ListComp: ("elt", "generators"),
    ast.SetComp: ("elt", "generators"),
    ast.GeneratorExp: ("elt", "generators"),
    ast.DictComp: ("key", "value", "generators"),
}
"""The parts of a node that are in its own scope; the others (defaults, decorators, bases) are in the one around it."""
LOOPS: Final = (ast.For, ast.AsyncFor, ast.While)


class Binding(NamedTuple):
    """How a name gets its value: ``"import"`` with what, ``"value"`` or ``"def"`` with the node, or ``"other"``."""

    how: str
    dotted: str = ""
    node: ast.AST | None = None


class Code:
    """A file.

    Args:
        name: the module's name.
        path: of the file, as in the source.
        text: the file.

    Attributes:
        tree: without what never runs in a travelling function: ``if __name__ == "__main__"``, ``if TYPE_CHECKING``.
    """

    def __init__(self, name: str, path: str, text: str) -> None:
        self.name = name
        self.path = path
        self.lines = text.splitlines()
        self.package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        self.tree = ast.parse(text, path)
        self.tree.body = [each for each in self.tree.body if not _never_runs(each)]
        self._scopes = analyse(self.tree)
        self._above: dict[ast.AST, tuple[ast.AST, str]] = {}
        self.nodes: list[ast.AST] = []
        self._take_in()
        self._bindings: dict[Scope, dict[str, list[Binding]]] = {}
        for node in self.nodes:
            for bound, binding in _bindings_of(node, self.package):
                self._home(bound, node).setdefault(bound, []).append(binding)

    def _take_in(self) -> None:
        stack: list[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            self.nodes.append(node)
            for field, value in ast.iter_fields(node):
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        self._above[child] = (node, field)
                        stack.append(child)
        self.nodes.sort(key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))

    @property
    def scope(self) -> Scope:
        """The module's own scope."""
        return self._scopes[self.tree]

    def above(self, node: ast.AST) -> tuple[ast.AST | None, str]:
        """Returns the node in which this one stands, and as what; the module stands in none."""
        return self._above.get(node, (None, ""))

    def around(self, node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
        """Yields the nodes in which this one stands, innermost first, each with the part in which it is."""
        found, field = self.above(node)
        while found is not None:
            yield found, field
            found, field = self.above(found)

    def scope_of(self, node: ast.AST) -> Scope:
        """Returns the scope in which a node is evaluated."""
        below: list[ast.AST] = [node]
        for outer, field in self.around(node):
            if field in _BODIES.get(type(outer), ()) and outer in self._scopes and not _first_iterable(outer, below):
                return self._scopes[outer]
            below.append(outer)
        return self.scope

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """Returns the function in whose body a node stands; ``None``: it runs when the file is imported."""
        for outer, field in self.around(node):
            if isinstance(outer, FunctionNode) and field == "body":
                return outer
        return None

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """Returns the class in whose body, and in no function's, a node stands."""
        for outer, field in self.around(node):
            if isinstance(outer, FunctionNode) and field == "body":
                return None
            if isinstance(outer, ast.ClassDef) and field == "body":
                return outer
        return None

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """Returns the statement that a node is part of."""
        while not isinstance(node, ast.stmt):
            outer, _ = self.above(node)
            assert outer is not None
            node = outer
        return node

    def loops_around(self, node: ast.AST) -> list[ast.stmt]:
        """Returns the loops, innermost first, that run a node again and again; of its own function."""
        found: list[ast.stmt] = []
        for outer, field in self.around(node):
            if isinstance(outer, FunctionNode | ast.ClassDef) and field == "body":
                break
            if isinstance(outer, LOOPS) and field in ("body", "test"):
                found.append(outer)
        return found

    def bindings(self, name: str, node: ast.AST) -> list[Binding] | None:
        """Returns how a name that a node mentions gets its value; ``None``: it is no name of this file."""
        return self._home(name, node).get(name)

    def module_bindings(self, name: str) -> list[Binding]:
        """Returns how a global name gets its value."""
        return self._bindings.get(self.scope, {}).get(name, [])

    def is_global(self, name: str, node: ast.AST) -> bool:
        """Tells whether a name is the module's, seen from a node."""
        return self.scope_of(node).home(name) is None

    def _home(self, name: str, node: ast.AST) -> dict[str, list[Binding]]:
        outer, _ = self.above(node)
        scope = self._scopes[outer] if isinstance(node, ast.arguments) and outer is not None else self.scope_of(node)
        if isinstance(node, ast.NamedExpr):
            while scope.kind in ("comprehension", "generator") and scope.parent is not None:
                scope = scope.parent
        return self._bindings.setdefault(scope.home(name) or self.scope, {})


def _first_iterable(outer: ast.AST, below: list[ast.AST]) -> bool:
    """Tells whether a node is what a comprehension goes over first: that is evaluated outside of it."""
    if not isinstance(outer, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return False
    return outer.generators[0] in below and outer.generators[0].iter in below


def _never_runs(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    test = ast.unparse(statement.test)
    return test in ("TYPE_CHECKING", "typing.TYPE_CHECKING") or (test.startswith("__name__ == ") and "__main__" in test)


def _bindings_of(node: ast.AST, package: str) -> Iterator[tuple[str, Binding]]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                first = alias.name.partition(".")[0]
                yield alias.asname or first, Binding("import", alias.name if alias.asname else first)
        case ast.ImportFrom(names=names):
            base = _absolute(node, package)
            for alias in names:
                yield alias.asname or alias.name, Binding("import", f"{base}.{alias.name}" if base else alias.name)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, Binding("def", node=node)
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, Binding("value", node=value)
                else:
                    yield from _bound_in(target)
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name, Binding("value", node=value)
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, Binding("value", node=value)
        case ast.withitem(optional_vars=ast.Name(id=name)):
            yield name, Binding("with", node=node.context_expr)
        case ast.withitem(optional_vars=target) if target is not None:
            yield from _bound_in(target)
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
            yield from _bound_in(target)
        case ast.AugAssign(target=target):
            yield from _bound_in(target)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, Binding("other")
        case ast.MatchMapping(rest=str(name)):
            yield name, Binding("other")
        case ast.arguments():
            arguments = (*node.posonlyargs, *node.args, *node.kwonlyargs, node.vararg, node.kwarg)
            for argument in arguments:
                if argument is not None:
                    yield argument.arg, Binding("other")


def _bound_in(target: ast.AST) -> Iterator[tuple[str, Binding]]:
    for each in ast.walk(target):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id, Binding("other")


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])

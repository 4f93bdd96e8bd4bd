"""Which name means what: the rules of Python's scopes, on the syntax tree.

Not `symtable`: the answer must be the same on every Python, comprehensions must count as what they become in the normal
form, and the tree has been changed (`spelling`) before it is looked at.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal

Kind = Literal["module", "class", "function", "lambda", "generator", "comprehension", "parameters"]
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp
LASTING = frozenset({"function", "lambda", "generator"})
"""Scopes whose functions can outlive the statement that makes them."""


class Scope:
    """The names of one module, class, function, lambda, comprehension or list of type parameters.

    ``bound_inside`` are its variables that a walrus in a comprehension binds.
    """

    def __init__(self, kind: Kind, parent: Scope | None) -> None:
        self.kind: Kind = kind
        self.parent = parent
        self.bound: set[str] = set()
        self.global_names: set[str] = set()
        self.nonlocal_names: set[str] = set()
        self.used: set[str] = set()
        self.free: set[str] = set()
        self.shared: set[str] = set()
        self.captured: set[str] = set()
        self.children: list[Scope] = []
        self.stored: list[str] = []
        self.bound_inside: set[str] = set()
        if parent is not None:
            parent.children.append(self)

    def binds(self, name: str) -> bool:
        """Tells whether the name is a variable of this very scope."""
        return name in self.bound and name not in self.global_names and name not in self.nonlocal_names

    def home(self, name: str) -> Scope | None:
        """Returns the scope whose variable the name is here; ``None``: global or built-in."""
        scope: Scope | None = self
        while scope is not None and scope.kind != "module":
            if name in scope.global_names:
                return None
            visible = scope.kind != "class" or scope is self or name == "__class__"
            if visible and (scope.binds(name) or (scope.kind == "class" and name == "__class__" and scope is not self)):
                return scope
            scope = scope.parent
        return None


def analyse(tree: ast.Module) -> dict[ast.AST, Scope]:
    """Returns the scope of every node that makes one."""
    analyser = _Analyser()
    module = Scope("module", None)
    analyser.scopes[tree] = module
    analyser.current = module
    for statement in tree.body:
        analyser.visit(statement)
    _resolve(module)
    return analyser.scopes


def _resolve(scope: Scope) -> None:
    for child in scope.children:
        _resolve(child)
    for name in scope.used | scope.bound:
        home = scope.home(name)
        if home is None or home is scope:
            continue
        lasting = False
        inner: Scope = scope
        while inner is not home:
            inner.free.add(name)
            lasting = lasting or inner.kind in LASTING
            assert inner.parent is not None
            inner = inner.parent
        home.captured.add(name)
        if lasting or name in scope.nonlocal_names:
            home.shared.add(name)


class _Analyser(ast.NodeVisitor):
    def __init__(self) -> None:
        self.scopes: dict[ast.AST, Scope] = {}
        self.current: Scope

    def _inside(self, node: ast.AST, kind: Kind) -> Scope:
        scope = self.scopes[node] = Scope(kind, self.current)
        return scope

    def _bind(self, name: str) -> None:
        self.current.bound.add(name)
        self.current.stored.append(name)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.current.used.add(node.id)
        else:
            self._bind(node.id)

    def visit_Global(self, node: ast.Global) -> None:
        self.current.global_names.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.current.nonlocal_names.update(node.names)
        self.current.used.update(node.names)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self._bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self._bind(node.rest)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        scope = self.current
        while scope.kind in ("comprehension", "generator"):
            scope.used.add(node.target.id)
            scope.nonlocal_names.add(node.target.id)
            assert scope.parent is not None
            scope = scope.parent
        if scope is not self.current and scope.kind == "module":
            inner = self.current
            while inner is not scope:
                inner.nonlocal_names.discard(node.target.id)
                inner.global_names.add(node.target.id)
                assert inner.parent is not None
                inner = inner.parent
        if scope is not self.current:
            scope.bound_inside.add(node.target.id)
        scope.bound.add(node.target.id)
        scope.stored.append(node.target.id)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._bind(node.name)
        for decorator in node.decorator_list:
            self.visit(decorator)
        outer = self.current
        self._type_parameters(node)
        self._signature(node.args)
        if node.returns:
            self.visit(node.returns)
        self._body(node, "function", node.args, node.body)
        self.current = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._signature(node.args)
        self._body(node, "lambda", node.args, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        for decorator in node.decorator_list:
            self.visit(decorator)
        outer = self.current
        self._type_parameters(node)
        for base in (*node.bases, *node.keywords):
            self.visit(base)
        self.current = self._inside(node, "class")
        for statement in node.body:
            self.visit(statement)
        self.current = outer

    def _type_parameters(self, node: ast.AST) -> None:
        parameters = getattr(node, "type_params", [])
        if parameters:
            self.current = Scope("parameters", self.current)
            for parameter in parameters:
                self._bind(parameter.name)
                self.generic_visit(parameter)

    def _signature(self, arguments: ast.arguments) -> None:
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.visit(default)
        for argument in parameters_of(arguments):
            if argument.annotation:
                self.visit(argument.annotation)

    def _body(self, node: ast.AST, kind: Kind, arguments: ast.arguments, body: Sequence[ast.AST]) -> None:
        outer = self.current
        self.current = self._inside(node, kind)
        for argument in parameters_of(arguments):
            self.current.bound.add(argument.arg)
        for statement in body:
            self.visit(statement)
        self.current = outer

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        outer = self.current
        self.visit(node.generators[0].iter)
        self.current = self._inside(node, "generator" if isinstance(node, ast.GeneratorExp) else "comprehension")
        for number, generator in enumerate(node.generators):
            if number:
                self.visit(generator.iter)
            self.visit(generator.target)
            for condition in generator.ifs:
                self.visit(condition)
        if isinstance(node, ast.DictComp):
            self.visit(node.key)
            self.visit(node.value)
        else:
            self.visit(node.elt)
        self.current = outer

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815


def parameters_of(arguments: ast.arguments) -> list[ast.arg]:
    """Returns the parameters in the order of the frame's variables."""
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return found + [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]

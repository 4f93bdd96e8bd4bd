"""Spells out what Python adds silently, so that a piece of a function means the same outside its class.

Private names are mangled, and ``super()`` says its class and object.
"""

from __future__ import annotations

import ast

from devices.errors import CannotTravelError
from devices.runtime.python.scope import parameters_of


def spell_out(tree: ast.Module, filename: str) -> ast.Module:
    """Returns the tree, changed in place. What is ``async`` stays as it is: it runs, and cannot be stopped inside.

    Raises:
        CannotTravelError: an ordinary function makes an asynchronous generator.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.comprehension) and node.is_async:
            raise CannotTravelError(
                "an asynchronous generator cannot be stopped and moved",
                place=f"{filename}:{node.target.lineno}",
                remedy="Write it inside of an 'async def', or as an ordinary one.",
            )
        waiting += ast.iter_child_nodes(node)
    spelled = _Speller().visit(tree)
    assert isinstance(spelled, ast.Module)
    return spelled


class _Speller(ast.NodeTransformer):
    def __init__(self) -> None:
        self._class: str | None = None
        self._function: ast.FunctionDef | ast.Lambda | None = None

    def _mangled(self, name: str) -> str:
        if self._class is None or not name.startswith("__") or name.endswith("__") or "." in name:
            return name
        bare = self._class.lstrip("_")
        return f"_{bare}{name}" if bare else name

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.bases = [self.visit(each) for each in node.bases]
        node.keywords = [self.visit(each) for each in node.keywords]
        if self._function is not None:
            node.name = self._mangled(node.name)
        outer, self._class = self._class, node.name
        function, self._function = self._function, None
        node.body = [self.visit(each) for each in node.body]
        self._class, self._function = outer, function
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        if self._function is not None:
            node.name = self._mangled(node.name)
        return self._callable(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._callable(node)

    def _callable(self, node: ast.FunctionDef | ast.Lambda) -> ast.AST:
        self.visit(node.args)
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            node.returns = self.visit(node.returns)
        outer, self._function = self._function, node
        if isinstance(node, ast.FunctionDef):
            node.body = [self.visit(each) for each in node.body]
        else:
            node.body = self.visit(node.body)
        self._function = outer
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and not node.keywords:
            parameters = parameters_of(self._function.args) if self._function is not None else []
            if parameters and self._class is not None:
                names = ("__class__", parameters[0].arg)
                node.args = [ast.copy_location(ast.Name(name, ast.Load()), node) for name in names]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._mangled(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        node.attr = self._mangled(node.attr)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.generic_visit(node)
        node.arg = self._mangled(node.arg)
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        self.generic_visit(node)
        if node.arg is not None:
            node.arg = self._mangled(node.arg)
        return node

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.AST:
        node.names = [self._mangled(name) for name in node.names]
        return node

    visit_Nonlocal = visit_Global  # noqa: N815  (the names that `ast.NodeVisitor` looks for)

    def visit_alias(self, node: ast.alias) -> ast.AST:
        if node.asname is not None:
            node.asname = self._mangled(node.asname)
        elif self._mangled(node.name) != node.name:
            node.asname = self._mangled(node.name)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        node.name = node.name and self._mangled(node.name)
        return node

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> ast.AST:
        self.generic_visit(node)
        node.name = node.name and self._mangled(node.name)
        return node

    visit_MatchStar = visit_MatchAs  # noqa: N815

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        self.generic_visit(node)
        node.rest = node.rest and self._mangled(node.rest)
        return node

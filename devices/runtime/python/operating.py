"""Operations as sites: the half of `lower.Expressions` that knows which of them may call the program's own methods."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeVar

from devices.runtime.python import operations
from devices.runtime.python.form import note
from devices.runtime.python.sink import Sink

_Node = TypeVar("_Node", bound=ast.expr)
_TRUE_BY_THEMSELVES = (ast.Compare, ast.Constant, ast.JoinedStr, ast.Lambda, ast.BoolOp)
"""Expressions whose truth no method of a class is asked for (comparisons give booleans), or whose parts are asked."""


class Operating:
    """Marks operations, and holds their operands in names that can be evaluated again."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.module = sink.module
        self.scope = sink.scope
        self._special = self.module.facts.special
        self._computed = self.module.facts.computed
        self._asked_for_truth = bool(self._special & {"__bool__", "__len__"})

    def is_steady(self, node: ast.expr) -> bool:
        """Tells whether evaluating the lowered expression again gives the same and does nothing."""
        raise AssertionError(node)  # `Expressions` knows

    def may_call(self, node: ast.AST) -> bool:
        """Tells whether this very operation may call a method of the program's own classes."""
        if not self._special and not self._computed:
            return False
        match node:
            case ast.Attribute(attr=attr, ctx=ast.Load()):
                return attr in self._computed
            case ast.IfExp(test=test) | ast.UnaryOp(op=ast.Not(), operand=test):
                return self.asks_truth(test)
            case ast.Compare(left=left, ops=ops, comparators=comparators) if len(ops) > 1:
                return any(self.may_call(ast.Compare(left, [op], [comparators[0]])) for op in ops)
            case ast.Call(func=ast.Name(id=name)) if not name.startswith("."):
                if self.scope.home(name) is not None or name in self.module.bound:
                    return False
        return not self._special.isdisjoint(operations.methods_of(node))

    def may_store(self, target: ast.AST) -> bool:
        """Tells whether assigning to (or deleting) this target, or a part of it, may call such a method."""
        deletes = isinstance(getattr(target, "ctx", None), ast.Del)
        match target:
            case ast.Subscript():
                return ("__delitem__" if deletes else "__setitem__") in self._special
            case ast.Attribute(attr=attr):
                return attr in self._computed or ("__delattr__" if deletes else "__setattr__") in self._special
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return any(self.may_store(item) for item in items)
            case ast.Starred(value=value):
                return self.may_store(value)
        return False

    def may_augment(self, node: ast.AugAssign) -> bool:
        """Tells whether an augmented assignment may call such a method, on any of its three steps."""
        load = {
            ast.Subscript: "__getitem__" in self._special,
            ast.Attribute: getattr(node.target, "attr", "") in self._computed,
        }.get(type(node.target), False)
        own = not self._special.isdisjoint(operations.in_place_methods(node.op))
        return own or load or self.may_store(node.target)

    def asks_truth(self, node: ast.expr) -> bool:
        """Tells whether the truth of an expression, or of a part that decides it, may be asked of such a method."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.asks_truth(operand)
            case ast.BoolOp(values=values):
                return any(self.asks_truth(value) for value in values)
        return self._asked_for_truth and not isinstance(node, _TRUE_BY_THEMSELVES)

    def truth(self, lowered: ast.expr, of: ast.expr) -> ast.expr:
        """Returns the truth of a lowered expression, as a site if a method may be asked."""
        if not self.asks_truth(of):
            return lowered
        return self.called(operations.TRUTH, [lowered])

    def called(self, name: str, arguments: Sequence[ast.expr]) -> ast.Call:
        """Returns the call of a hidden built-in that is an operation."""
        return self.marked(ast.Call(ast.Name(name, ast.Load()), self.all_held(arguments), []))

    def held(self, lowered: ast.expr) -> ast.expr:
        """Returns an operand that can be evaluated again, to the very same object."""
        lasting = isinstance(lowered, ast.Name | ast.Constant | ast.Call) and self.is_steady(lowered)  # a call of super
        return lowered if lasting else self.sink.pin(lowered)

    def all_held(self, lowered: Sequence[ast.expr]) -> list[ast.expr]:
        """Returns such operands; a variable that may be unbound is looked at before those behind it are evaluated."""
        held: list[ast.expr] = []
        for node in lowered:
            before = self.sink.position()
            held.append(self.held(node))
            if self.sink.position() != before:
                for variable in held[:-1]:
                    if isinstance(variable, ast.Name) and self.may_be_unbound(variable.id):
                        self.sink.touch(before, variable.id)
        return held

    def may_be_unbound(self, name: str) -> bool:
        """Tells whether it is a variable of the function that may have no value."""
        return self.scope.home(name) is self.scope and not self.sink.surely_bound(name)

    def marked(self, node: _Node) -> _Node:
        """Marks an operation whose operands are held."""
        note(node, site=True, operation=True)
        return node

"""Which variables a piece of code may read before it has given them a value: Java calls it definite assignment.

A frame that lands on changed source brings the values that its old rest needed. What the new rest reads besides must
get its value there, on every way that leads to it. An exception is taken to come before the first statement of a
``try``; a variable that a function inside reads must get its value somewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, TypeAlias

from devices.runtime.python import form

State: TypeAlias = "frozenset[str] | None"
"""The variables that surely have a value; ``None``: this place is never reached."""
_NONE: Final[frozenset[str]] = frozenset()


def unassigned(body: Sequence[ast.stmt], names: Iterable[str]) -> set[str]:
    """Returns those of the names that the code may read before it has bound them; none of them has a value before."""
    flow = _Flow(frozenset(names))
    flow.block(body, _NONE)
    return flow.found | (flow.inside - flow.bound)


@dataclass
class _Loop:
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


def _meet(*states: State) -> State:
    reached = [state for state in states if state is not None]
    return reduce(frozenset.intersection, reached) if reached else None


class _Flow:
    """``found`` are the names that may be unbound where they are read, ``inside`` those that functions inside read."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._loops: list[_Loop] = []
        self.found: set[str] = set()
        self.inside: set[str] = set()
        self.bound: set[str] = set()

    def block(self, statements: Sequence[ast.stmt], state: State) -> State:
        for statement in statements:
            if state is None:
                return None
            state = self._statement(statement, state)
        return state

    # -- statements -----------------------------------------------------------------------------------------------

    def _statement(self, node: ast.stmt, state: frozenset[str]) -> State:
        match node:
            case ast.Assign(targets=targets, value=value):
                state = self._read(value, state)
                for target in targets:
                    state = self._read(target, state)
            case ast.AugAssign(target=target, value=value):
                if isinstance(target, ast.Name):
                    self._use(target.id, state)
                state = self._read(target, self._read(value, state))
            case ast.AnnAssign(target=target, value=value):
                state = self._read(target, self._read(value, state)) if value is not None else state
            case ast.Return() | ast.Raise():
                self._read(node, state)
                return None
            case ast.Break():
                self._loops[-1].breaks.append(state)
                return None
            case ast.Continue():
                self._loops[-1].continues.append(state)
                return None
            case ast.If(test=test, body=body, orelse=orelse):
                state = self._read(test, state)
                return _meet(self.block(body, state), self.block(orelse, state))
            case ast.While() | ast.For():
                return self._loop(node, state)
            case ast.Try() | ast.TryStar():
                return self._try(node, state)
            case ast.With(items=items, body=body):
                for item in items:
                    state = self._read(item.context_expr, state)
                    state = self._read(item.optional_vars, state)
                return self.block(body, state)
            case ast.Match():
                return self._match(node, state)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._define(node, state)
            case ast.ClassDef(name=name):
                self._read(node, state)
                return self._bind(name, state)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    state = self._bind(alias.asname or alias.name.partition(".")[0], state)
            case _:
                return self._read(node, state)
        return state

    def _loop(self, node: ast.While | ast.For, state: frozenset[str]) -> State:
        state -= _deleted(node.body)
        loop = _Loop()
        if isinstance(node, ast.While):
            state = self._read(node.test, state)
            into, ends = state, not (isinstance(node.test, ast.Constant) and node.test.value)
        else:
            state = self._read(node.iter, state)
            into, ends = self._read(node.target, state), True
        self._loops.append(loop)
        out = self.block(node.body, into)
        self._loops.pop()
        over: State = state if ends else None
        if isinstance(node, ast.For) and _has_one_turn(node.iter):
            over = _meet(out, *loop.continues)
        return _meet(self.block(node.orelse, over), *loop.breaks)

    def _try(self, node: ast.Try | ast.TryStar, state: frozenset[str]) -> State:
        raised = state - _deleted(node.body)
        ways = [self.block(node.orelse, self.block(node.body, state))]
        for handler in node.handlers:
            caught = self._read(handler.type, raised)
            if handler.name:
                caught = self._bind(handler.name, caught)
            out = self.block(handler.body, caught)
            ways.append(out - {handler.name} if out is not None and handler.name else out)
        out = _meet(*ways)
        if not node.finalbody:
            return out
        final = self.block(node.finalbody, raised if out is None else out)
        return None if out is None else final

    def _match(self, node: ast.Match, state: frozenset[str]) -> State:
        state = self._read(node.subject, state)
        ways: list[State] = [state]
        for case in node.cases:
            inner = self._read(case.guard, self._read(case.pattern, state))
            ways.append(self.block(case.body, inner))
        return _meet(*ways)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, state: frozenset[str]) -> State:
        for each in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            state = self._read(each, state)
        self._look_inside(node)
        return self._bind(node.name, state)

    def _look_inside(self, node: ast.AST) -> None:
        function = form.noted(node, "function")
        if isinstance(function, form.Function):
            self.inside |= function.free & self._names
            return
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                self.inside |= {each.id} & self._names

    # -- expressions ----------------------------------------------------------------------------------------------

    def _read(self, node: ast.AST | None, state: frozenset[str]) -> frozenset[str]:
        """Goes through an expression in the order in which it is evaluated; returns what has a value behind it."""
        match node:
            case None:
                return state
            case ast.Name(id=name, ctx=ast.Load()):
                self._use(name, state)
                return state
            case ast.Name(id=name, ctx=ast.Del()):
                self._use(name, state)
                return state - {name}
            case ast.Name(id=name):
                return self._bind(name, state)
            case ast.NamedExpr(target=target, value=value):
                return self._bind(target.id, self._read(value, state))
            case ast.BoolOp(values=[first, *others]):
                return self._sometimes(others, self._read(first, state))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                state = self._read(test, state)
                return self._read(body, state) & self._read(orelse, state)
            case ast.Compare(left=left, comparators=[first, *others]):
                return self._sometimes(others, self._read(first, self._read(left, state)))
            case ast.Lambda(args=arguments):
                for each in (*arguments.defaults, *arguments.kw_defaults):
                    state = self._read(each, state)
                self._look_inside(node)
                return state
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self._comprehension(node, state)
            case ast.MatchAs(name=name, pattern=pattern):
                state = self._read(pattern, state)
                return self._bind(name, state) if name else state
            case ast.MatchStar(name=str(name)):
                return self._bind(name, state)
            case ast.MatchMapping(rest=str(name)):
                state = self._all(ast.iter_child_nodes(node), state)
                return self._bind(name, state)
            case ast.MatchOr(patterns=patterns):
                return frozenset.intersection(*(self._read(each, state) for each in patterns))
        return self._all(ast.iter_child_nodes(node), state)

    def _all(self, nodes: Iterable[ast.AST], state: frozenset[str]) -> frozenset[str]:
        for node in nodes:
            state = self._read(node, state)
        return state

    def _sometimes(self, nodes: Sequence[ast.AST], state: frozenset[str]) -> frozenset[str]:
        inner = state
        for node in nodes:
            inner = self._read(node, inner)
        return state

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, state: frozenset[str]
    ) -> frozenset[str]:
        inner = state
        for generator in node.generators:
            inner = self._read(generator.target, self._read(generator.iter, inner))
            inner = self._all(generator.ifs, inner)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._all(parts, inner)
        return state

    def _use(self, name: str, state: frozenset[str]) -> None:
        if name in self._names and name not in state:
            self.found.add(name)

    def _bind(self, name: str, state: frozenset[str]) -> frozenset[str]:
        if name not in self._names:
            return state
        self.bound.add(name)
        return state | {name}


def _has_one_turn(iterable: ast.expr) -> bool:
    """Tells whether a loop is one of one turn: so the rest of a turn is written (`rest`)."""
    return isinstance(iterable, ast.Tuple) and len(iterable.elts) == 1 and not isinstance(iterable.elts[0], ast.Starred)


def _deleted(body: Sequence[ast.stmt]) -> frozenset[str]:
    return frozenset(
        node.id
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del)
    )

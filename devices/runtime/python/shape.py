"""A module in normal form, and walking its steps."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from devices.runtime.python import form
from devices.runtime.python.facts import Facts
from devices.runtime.python.lower import store
from devices.runtime.python.scope import Scope

_Node = TypeVar("_Node", bound=ast.AST)
TO_NUMBER = -1
"""The number of a step that will get one."""
Define = Callable[["ModuleForm", "ast.FunctionDef | ast.Lambda | ast.expr", str], form.Function]
"""Brings a function, lambda or comprehension to normal form under a qualified name."""


@dataclass
class ModuleForm:
    """A module in normal form; ``functions`` by number, from 1."""

    name: str
    filename: str
    tree: ast.Module
    facts: Facts
    scopes: dict[ast.AST, Scope]
    constants: frozenset[str]
    sources: dict[str, str]
    bound: frozenset[str]
    define: Define
    define_class: Callable[[ModuleForm, ast.ClassDef, str, Scope], None]
    functions: list[form.Function] = field(default_factory=list)

    def add(self, function: form.Function, node: ast.AST) -> form.Function:
        """Gives a function its number."""
        function.number = len(self.functions) + 1
        self.functions.append(function)
        form.note(node, function=function)
        return function


def blocks_of(step: form.Step) -> Iterator[form.Block]:
    """Yields the blocks of a compound step, in order."""
    match step:
        case form.If() | form.While() | form.For():
            yield step.body
            yield step.orelse
        case form.Try():
            yield step.body
            for handler in step.handlers:
                yield handler.body
            yield step.orelse
        case form.Finally():
            yield step.body
            yield step.final
        case form.With() | form.Unbind() | form.Handling():
            yield step.body
        case form.Match():
            for _, _, block in step.cases:
                yield block


def steps_of(block: form.Block) -> Iterator[form.Step]:
    """Yields all steps of a block and of the blocks inside, in order; no recursion, code may be deep."""
    stack = [iter(block.steps)]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        yield step
        stack.extend(iter(inner.steps) for inner in reversed(list(blocks_of(step))))


def assign(name: str, value: ast.expr) -> ast.Assign:
    """Returns the assignment to a name."""
    return ast.Assign([store(name)], value)


def placed(node: _Node, where: ast.AST) -> _Node:
    """Gives a new node the place of the one it stands for."""
    line = getattr(where, "lineno", None)
    if line is not None:
        node.lineno, node.end_lineno = line, getattr(where, "end_lineno", line)  # type: ignore[attr-defined]
    return node

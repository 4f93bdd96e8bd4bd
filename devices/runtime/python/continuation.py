"""The rest of a function as a code object.

A continuation takes one argument, a list, and takes from its end what it needs: its variables as a tuple; then, when
it was entered in a call, the function that goes on with the callee, and that function's own list. Taken is gone: no
reference stays behind to keep an object alive. What remains at the front is for the next capture: its closure, and the
code object that it called.

The variables that closures share are its free variables, so that it lives in the very same cells: it is compiled inside
a factory that has them as parameters, and the factory never runs.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Final

from devices.runtime.python import form
from devices.runtime.python.emit import Emitter
from devices.runtime.python.lines import START, Mark
from devices.runtime.python.lower import load, store
from devices.runtime.python.rest import Entry, Rest

STATE: Final = ".s"
"""The hidden name of the list."""
CLOSURE, CALLED = 0, 1
"""What remains in the list."""


@dataclass(eq=False)
class Continuation:
    """The rest of ``function`` from ``entry``, with the variables ``names`` bound."""

    function: form.Function
    entry: Entry
    names: tuple[str, ...]
    code: CodeType | None = None


def build(function: form.Function, rest: Rest, names: Sequence[str], emitter: Emitter, filename: str) -> CodeType:
    """Returns the compiled module that holds the factory that holds the continuation, all with virtual lines."""
    number, line = function.number, function.line
    shared = sorted(function.shared | function.free)
    taken = ast.Call(ast.Attribute(load(STATE), "pop", ast.Load()), [], [])
    targets: list[ast.expr] = [store(name) for name in names]
    start = ast.Assign([ast.Tuple(targets, ast.Store())], taken) if names else ast.Expr(taken)
    body: list[ast.stmt] = []
    if function.global_names:
        body.append(ast.Global(sorted(function.global_names)))
    rebound = sorted((function.shared | function.nonlocal_names) & (rest.bound | rest.read))
    if rebound:
        body.append(ast.Nonlocal(rebound))
    local = sorted(function.names - function.shared)
    dead: list[ast.stmt] = []
    if local:
        dead.append(ast.Assign([store(name) for name in local], ast.Constant(None)))
    if function.generator:
        dead.append(ast.Expr(ast.Yield(None)))
    glue = [*body, start, *rest.body, ast.Return(ast.Constant(None)), *dead]
    for node in glue:
        emitter.place(node, number, 0, line)
    inner = _def(".rest", [STATE], glue)
    emitter.place(inner.args, 0, 0, line)
    emitter.stamp(inner, Mark(line, number, START))
    factory = _def(".factory", shared, [inner])
    emitter.place(factory, 0, 0, line)
    return compile_quietly(ast.Module([factory], []), filename)


def compile_quietly(tree: ast.Module, filename: str) -> CodeType:
    """Compiles without warnings: they would name virtual lines, and what the user wrote is not what is compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(tree, filename, "exec", dont_inherit=True)


def _def(name: str, parameters: Sequence[str], body: list[ast.stmt]) -> ast.FunctionDef:
    arguments = ast.arguments([], [ast.arg(parameter) for parameter in parameters], None, [], [], None, [])
    node = ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=[], returns=None, type_comment=None)
    if "type_params" in node._fields:
        node.type_params = []  # type: ignore[attr-defined]
    return node

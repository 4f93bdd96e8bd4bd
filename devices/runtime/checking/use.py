"""What becomes of a value: whether a variable keeps it, and how long."""

from __future__ import annotations

import ast
from typing import Final, NamedTuple

from devices.runtime.checking.code import Code, FunctionNode
from devices.runtime.checking.program import CheckedProgram

_COLLECTS: Final = frozenset({"append", "appendleft", "add", "insert", "setdefault", "extend", "put", "update"})
_PASSES_ON: Final = frozenset(
    f"builtins.{name}" for name in ("int", "float", "round", "str", "abs", "min", "max", "tuple", "list")
)
_TRANSPARENT: Final = frozenset(
    {
        *(f"builtins.{name}" for name in ("enumerate", "zip", "map", "filter", "iter", "reversed")),
        *(f"itertools.{name}" for name in ("chain", "islice", "takewhile", "dropwhile", "zip_longest", "starmap")),
        "contextlib.closing",
    }
)
"""What holds its arguments as long as it lives."""


def kept_in(program: CheckedProgram, code: Code, node: ast.AST, *, differences: bool = True) -> str:
    """Returns what keeps an expression's value, as it is written; empty: it is used up at once, or that is not clear.

    Args:
        program: the program.
        code: the file.
        node: the expression.
        differences: whether a value from which another is taken away counts as kept: a span of time does not.
    """
    below = node
    for outer, field in code.around(node):
        match outer:
            case ast.BinOp(op=ast.Sub()) if not differences and below is outer.left and not _is_number(outer.right):
                return ""
            case ast.BinOp() | ast.UnaryOp() | ast.Tuple() | ast.List() | ast.Set() | ast.Dict() | ast.Starred():
                pass
            case ast.IfExp() if field != "test":
                pass
            case ast.Assign(targets=[target, *_]) if field == "value":
                return ast.unparse(target)
            case ast.AnnAssign(target=target) | ast.NamedExpr(target=target) if field == "value":
                return ast.unparse(target)
            case ast.AugAssign(target=target) if field == "value" and differences:
                return ast.unparse(target)
            case ast.Subscript(value=value) if field == "slice":
                return ast.unparse(value)
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if field == "args" and attr in _COLLECTS:
                return ast.unparse(value)
            case ast.Call() if field == "args" and program.name(code, outer.func) in _PASSES_ON:
                pass
            case _:
                return ""
        below = outer
    return ""


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


class Held(NamedTuple):
    """How long a value is held.

    Attributes:
        how: ``"lines"``: in these lines; ``"kept"``: longer than its function's variables; ``"import"``: as a global
            from import on; ``"dropped"``: by nobody; ``"unknown"``: handed on, or used up at once.
        by: the variable, as it is written; empty if it has no name.
        lines: from the line after the one where it is made.
        loop: the loop that goes over it, if it is held by that.
    """

    how: str
    by: str = ""
    lines: range = range(0)
    loop: ast.For | None = None


_UNKNOWN: Final = Held("unknown")


def held(program: CheckedProgram, code: Code, call: ast.Call) -> Held:
    """Returns how long what a call returns is held."""
    node: ast.AST = call
    outer, field = code.above(node)
    while isinstance(outer, ast.Call) and field == "args":
        if program.name(code, outer.func) not in _TRANSPARENT and not _enters(outer):
            return _UNKNOWN
        node = outer
        outer, field = code.above(node)
    match outer:
        case ast.withitem():
            block, _ = code.above(outer)
            assert isinstance(block, ast.With | ast.AsyncWith)
            name = ast.unparse(outer.optional_vars) if outer.optional_vars is not None else ""
            return Held("lines", name, _lines_of(block.body))
        case ast.For() if field == "iter":
            return Held("lines", "", _lines_of(outer.body), outer)
        case ast.Assign(targets=[ast.Name() as target]) | ast.AnnAssign(target=ast.Name() as target):
            return _by_variable(code, target)
        case ast.NamedExpr(target=target):
            return _by_variable(code, target)
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target, *_]):
            return Held("kept", ast.unparse(target))
        case ast.AnnAssign(target=ast.Attribute() | ast.Subscript() as target):
            return Held("kept", ast.unparse(target))
        case ast.Expr():
            return Held("dropped")
    return _UNKNOWN


def _enters(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("enter_context", "append", "add")


def _lines_of(body: list[ast.stmt]) -> range:
    return range(body[0].lineno, (body[-1].end_lineno or body[-1].lineno) + 1)


def _by_variable(code: Code, target: ast.Name) -> Held:
    function = code.function_of(target)
    if code.is_global(target.id, target):
        return Held("import" if function is None else "kept", target.id)
    if function is None:
        return Held("import", target.id)
    uses = [
        each
        for each in code.nodes
        if isinstance(each, ast.Name) and each.id == target.id and _within(code, each, function)
    ]
    later = [each for each in uses if each.lineno > target.lineno]
    loops = code.loops_around(target)
    carried = [
        loop for loop in loops if any(each.lineno < target.lineno for each in uses if loop in code.loops_around(each))
    ]
    end = max((_end_of_use(code, each, target) for each in later), default=target.lineno)
    if carried:
        outermost = carried[-1]
        return Held("lines", target.id, range(outermost.lineno, (outermost.end_lineno or outermost.lineno) + 1))
    statement = code.statement_of(target)
    return Held("lines", target.id, range((statement.end_lineno or statement.lineno) + 1, end + 1))


def _end_of_use(code: Code, use: ast.Name, target: ast.Name) -> int:
    """The line to which a use keeps the value: the end of the loops that do not make it anew, or of an inner function."""
    end = code.statement_of(use).end_lineno or use.lineno
    if isinstance(code.statement_of(use), ast.For | ast.While | ast.If | ast.With | ast.Try):
        end = use.end_lineno or use.lineno
    made_in = code.loops_around(target)
    for loop in code.loops_around(use):
        if loop not in made_in:
            end = max(end, loop.end_lineno or loop.lineno)
    home = code.function_of(target)
    if code.function_of(use) is not home and home is not None:
        end = max(end, home.end_lineno or end)
    return end


def _within(code: Code, node: ast.AST, function: FunctionNode) -> bool:
    return any(outer is function for outer, _ in code.around(node))

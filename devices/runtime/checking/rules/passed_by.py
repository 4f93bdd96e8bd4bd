"""Places at which a stop has to wait: C code that calls back, and what runs at import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from devices.runtime.checking.code import Code, FunctionNode
from devices.runtime.checking.findings import Found, Rule
from devices.runtime.checking.program import CTX, CheckedProgram, Definition

_BY_POSITION: Final = {
    "functools.reduce": 0, "builtins.map": 0, "builtins.filter": 0, "re.sub": 1, "re.subn": 1,
    "itertools.takewhile": 0, "itertools.dropwhile": 0, "itertools.filterfalse": 0, "itertools.starmap": 0,
    "itertools.accumulate": 1, "itertools.groupby": 1,
}  # fmt: skip
_BY_KEY: Final = frozenset(
    {
        "builtins.sorted", "builtins.min", "builtins.max", "itertools.groupby", "heapq.nlargest", "heapq.nsmallest",
        "bisect.bisect", "bisect.bisect_left", "bisect.bisect_right", "bisect.insort", "heapq.merge",
    }
)  # fmt: skip
_DRAINS: Final = frozenset(
    f"builtins.{name}"
    for name in ("sum", "list", "tuple", "set", "frozenset", "dict", "sorted", "any", "all", "min", "max")
)
"""What reads an iterator to its end in C."""
_CACHES: Final = frozenset({"functools.lru_cache", "functools.cache"})
_QUIET_METHODS: Final = frozenset(
    {
        "__hash__",
        "__getattr__",
        "__getattribute__",
        "__setattr__",
        "__del__",
        "__new__",
        "__init_subclass__",
        "__set_name__",
    }
)
_NO_STOP: Final = "in that time it cannot be stopped"


def _callbacks(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        for callback in _given(call, name):
            yield from _takes_long(program, code, callback, f"called by {_shown(call)}", "write the loop out")
        if name in _DRAINS and call.args:
            yield from _drained(program, code, call)
    for node in code.nodes:
        if isinstance(node, ast.FunctionDef):
            if any(_is_cache(program, code, decorator) for decorator in node.decorator_list):
                remedy = "keep the results in a dict of your own"
                yield from _long(program, node, Definition(code, node), "called through a cache", remedy)
            if node.name in _QUIET_METHODS and code.class_of(node) is not None:
                yield from _long(program, node, Definition(code, node), "called by Python itself", "make it a method")


def _given(call: ast.Call, name: str) -> Iterator[ast.expr]:
    """Yields the functions that a call hands to C code to be called."""
    position = _BY_POSITION.get(name)
    if position is not None and position < len(call.args):
        yield call.args[position]
    sorts = name in _BY_KEY or (isinstance(call.func, ast.Attribute) and call.func.attr == "sort")
    for keyword in call.keywords:
        if (keyword.arg == "key" and sorts) or (keyword.arg == "default" and name in ("json.dumps", "json.dump")):
            yield keyword.value


def _drained(program: CheckedProgram, code: Code, call: ast.Call) -> Iterator[Found]:
    argument = call.args[0]
    how = f"driven by {_shown(call)}"
    if isinstance(argument, ast.Call):
        own = program.definition(code, argument.func)
        if own is not None and _is_generator(own):
            yield from _long(program, call, own, how, "go over it with a 'for'")
    elif isinstance(argument, ast.GeneratorExp):
        for node in ast.walk(argument):
            own = program.definition(code, node.func) if isinstance(node, ast.Call) else None
            if own is not None and program.wait_in(own) is not None:
                yield from _long(program, call, own, f"inside of {_shown(call)}", "write the loop out")
                return


def _takes_long(program: CheckedProgram, code: Code, node: ast.expr, how: str, remedy: str) -> Iterator[Found]:
    own = program.definition(code, node)
    if own is not None:
        yield from _long(program, node, own, how, remedy)


def _long(program: CheckedProgram, node: ast.AST, own: Definition, how: str, remedy: str) -> Iterator[Found]:
    who = getattr(own.node, "name", "a lambda")
    wait = program.wait_in(own)
    if wait is not None:
        line = getattr(wait, "lineno", 0)
        yield Found(node, "error", f"{who} waits in line {line} and is {how}: {_NO_STOP}", remedy)
        return
    loop = program.endless_in(own)
    if loop is not None:
        line = getattr(loop, "lineno", 0)
        yield Found(
            node, "warning", f"{who}, with the loop of line {line}, is {how}: {_NO_STOP}, and a stop waits 5 s", remedy
        )


def _is_generator(own: Definition) -> bool:
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom) and own.code.function_of(node) is own.node
        for node in own.code.nodes
    )


def _is_cache(program: CheckedProgram, code: Code, decorator: ast.expr) -> bool:
    return program.name(code, decorator.func if isinstance(decorator, ast.Call) else decorator) in _CACHES


def _shown(call: ast.Call) -> str:
    return f"{ast.unparse(call.func)}()"


def _at_import(program: CheckedProgram, code: Code) -> Iterator[Found]:
    remedy = "put it into the function: what stands here runs on every hub the function comes to"
    for wait in program.waits_between(code, None):
        if not _is_ctx(program, code, wait):
            yield Found(wait, "error", "it waits while the file is imported: then it cannot be stopped", remedy)
    for node in code.nodes:
        if isinstance(node, ast.Call) and code.function_of(node) is None and _is_ctx(program, code, node):
            yield Found(node, "error", "there is no ctx yet when the file is imported", remedy)
        if isinstance(node, ast.While) and code.function_of(node) is None:
            body = "in a class body" if code.class_of(node) is not None else "at the file's own level"
            yield Found(node, "warning", f"a loop {body}: in that time it cannot be stopped", remedy)
    for node in code.nodes:
        if isinstance(node, ast.ClassDef) and isinstance(code.function_of(node), FunctionNode):
            for wait in program.waits_between(code, code.function_of(node)):
                if code.class_of(wait) is node:
                    yield Found(wait, "error", f"it waits in the body of the class {node.name}: {_NO_STOP}", remedy)


def _is_ctx(program: CheckedProgram, code: Code, node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and program.name(code, node.func).startswith(f"{CTX}.")


RULES: Final = (
    Rule("callback", "An own function that waits or loops, called by C code: a sort key, `reduce`, `map`, a cache ...", _callbacks),
    Rule("at-import", "Waiting or looping while the file is imported, or in a class body.", _at_import),
)  # fmt: skip

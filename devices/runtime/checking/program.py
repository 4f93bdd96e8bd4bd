"""The files of a function as `check` sees them: what a name in one of them means, and which functions take long."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from typing import Final, NamedTuple

from devices.runtime.checking.code import LOOPS, Code, FunctionNode
from devices.runtime.function import read_functions
from devices.runtime.python.facts import BUILTIN_METHODS
from devices.runtime.source import Source

CTX: Final = "midstream.ctx"
_WAITS: Final = frozenset({f"{CTX}.next", f"{CTX}.sleep", f"{CTX}.checkpoint", "time.sleep"})
_DEEPEST: Final = 20
"""Assignments and imports that are followed to find what a name means."""


class Definition(NamedTuple):
    """A function of the program, and the file it is in."""

    code: Code
    node: FunctionNode


class Call(NamedTuple):
    """A call, and the name of what is called, as it would be imported: ``time.monotonic``; empty if it is not known."""

    node: ast.Call
    name: str


class CheckedProgram:
    """All files of a function.

    Args:
        source: the files.
        entry: the function that is to run; empty: those marked with ``@function``, else all of the main file that are
            not ``async``, which may well stand beside them.

    Attributes:
        codes: the files by module; the main one first.
        entries: the functions that may be run, of the main file.
        certain: whether they are said to be, and not just all there are.
    """

    def __init__(self, source: Source, entry: str = "") -> None:
        self.codes: dict[str, Code] = {}
        for path, text in source.files.items():
            name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            self.codes[name] = Code(name, path, text)
        self.main = next(iter(self.codes.values()))
        marked = [entry] if entry else [each.name for each in read_functions(source)]
        defined = [each for each in self.main.tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        ordinary = [each for each in defined if isinstance(each, ast.FunctionDef)]
        self.entries = [each for each in defined if each.name in marked] if marked else ordinary or defined
        self.certain = bool(marked)
        self._methods = self._all_methods()
        self._waits: dict[FunctionNode, ast.AST | None] = {}
        self._calls = {code: list(self._calls_in(code)) for code in self.codes.values()}

    # -- names ----------------------------------------------------------------------------------------------------

    def calls(self, code: Code) -> list[Call]:
        """Returns the calls of a file, in its order."""
        return self._calls[code]

    def _calls_in(self, code: Code) -> Iterator[Call]:
        for node in code.nodes:
            if isinstance(node, ast.Call):
                yield Call(node, self.name(code, node.func))

    def name(self, code: Code, node: ast.AST | None, depth: int = 0) -> str:
        """Returns what an expression names, as it would be imported: ``builtins.open``; empty: that is not known."""
        if depth > _DEEPEST:
            return ""
        match node:
            case ast.Attribute(value=value, attr=attr):
                base = self.name(code, value, depth + 1)
                return self._canonical(f"{base}.{attr}", depth) if base else ""
            case ast.Name(id=name):
                return self._name(code, name, node, depth)
        return ""

    def _name(self, code: Code, name: str, node: ast.AST, depth: int) -> str:
        found = code.bindings(name, node)
        if found is None:
            known = code.is_global(name, node) and hasattr(builtins, name)
            return f"builtins.{name}" if known else ""
        if all(each.how == "import" for each in found):
            return self._canonical(found[0].dotted, depth)
        if len(found) == 1:
            if found[0].how == "value":
                return self.name(code, found[0].node, depth + 1)
            if found[0].how == "def" and code.is_global(name, node):
                return f"{code.name}.{name}"
        return ""

    def _canonical(self, dotted: str, depth: int) -> str:
        """Follows a name through the program's own modules to where it comes from."""
        if depth > _DEEPEST:
            return ""
        module, rest = self._own_module(dotted)
        if module is None or not rest:
            return dotted
        first, _, attributes = rest.partition(".")
        found = module.module_bindings(first)
        if found and all(each.how == "import" for each in found):
            return self._canonical(".".join(filter(None, (found[0].dotted, attributes))), depth + 1)
        if len(found) == 1 and found[0].how == "value":
            value = self.name(module, found[0].node, depth + 1)
            return ".".join(filter(None, (value, attributes))) if value else dotted
        return dotted

    def _own_module(self, dotted: str) -> tuple[Code | None, str]:
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            module = self.codes.get(".".join(parts[:length]))
            if module is not None:
                return module, ".".join(parts[length:])
        return None, ""

    def is_own(self, dotted: str) -> bool:
        """Tells whether a name is of one of the program's own modules."""
        return self._own_module(dotted)[0] is not None

    def definition(self, code: Code, node: ast.AST) -> Definition | None:
        """Returns the function of the program that an expression names, or that it is."""
        if isinstance(node, ast.Lambda):
            return Definition(code, node)
        if isinstance(node, ast.Name):
            found = code.bindings(node.id, node) or []
            if len(found) == 1 and isinstance(found[0].node, FunctionNode):
                return Definition(code, found[0].node)
        module, rest = self._own_module(self.name(code, node))
        if module is not None and rest and "." not in rest:
            found = module.module_bindings(rest)
            if len(found) == 1 and isinstance(found[0].node, FunctionNode):
                return Definition(module, found[0].node)
        if isinstance(node, ast.Attribute) and node.attr not in BUILTIN_METHODS:
            return self._methods.get(node.attr)
        return None

    def _all_methods(self) -> dict[str, Definition]:
        """Returns the methods of the program's classes whose name only one of them has."""
        found: dict[str, list[Definition]] = {}
        for code in self.codes.values():
            for node in code.nodes:
                if isinstance(node, ast.FunctionDef) and code.class_of(node) is not None:
                    found.setdefault(node.name, []).append(Definition(code, node))
        return {name: methods[0] for name, methods in found.items() if len(methods) == 1}

    # -- what takes long ------------------------------------------------------------------------------------------

    def wait_in(self, definition: Definition) -> ast.AST | None:
        """Returns the first place at which a function of the program waits, perhaps in one that it calls."""
        code, function = definition
        if function not in self._waits:
            self._waits[function] = None  # a function that calls itself
            self._waits[function] = next(self.waits_between(code, function), None)
        return self._waits[function]

    def waits_between(self, code: Code, function: ast.AST | None, lines: range | None = None) -> Iterator[ast.AST]:
        """Yields where a function waits for time or messages: its own places, in the order of lines.

        Args:
            code: the file.
            function: ``None``: what runs when the file is imported.
            lines: only there.
        """
        for node in code.nodes:
            line = getattr(node, "lineno", 0)
            if lines is not None and line not in lines:
                continue
            if (
                isinstance(node, ast.Call | ast.For)
                and code.function_of(node) is function
                and self._is_wait(code, node)
            ):
                yield node

    def _is_wait(self, code: Code, node: ast.Call | ast.For) -> bool:
        if isinstance(node, ast.For):
            return self.is_subscription(code, node.iter)
        if self.name(code, node.func) in _WAITS:
            return True
        if isinstance(node.func, ast.Attribute) and node.func.attr == "next":
            return self.is_subscription(code, node.func.value)
        called = self.definition(code, node.func)
        return called is not None and self.wait_in(called) is not None

    def is_subscription(self, code: Code, node: ast.AST) -> bool:
        """Tells whether an expression is a subscription, as far as assignments show it."""
        if isinstance(node, ast.Call):
            return self.name(code, node.func) == f"{CTX}.subscribe"
        if isinstance(node, ast.Name):
            found = code.bindings(node.id, node) or []
            return any(
                each.how in ("value", "with")
                and isinstance(each.node, ast.Call)
                and self.is_subscription(code, each.node)
                for each in found
            )
        return False

    def endless_in(self, definition: Definition) -> ast.AST | None:
        """Returns the first ``while`` of a function: it may run long."""
        code, function = definition
        for node in code.nodes:
            if isinstance(node, ast.While) and code.function_of(node) is function:
                return node
        return None

    def loops_between(self, code: Code, function: ast.AST | None, lines: range) -> Iterator[ast.stmt]:
        """Yields the loops of a function that begin in these lines."""
        for node in code.nodes:
            if isinstance(node, LOOPS) and node.lineno in lines and code.function_of(node) is function:
                yield node

"""Statements: a module to its normal form.

`module_form` walks a module; `_Body` builds one function. Numbers are given at the end, in the order of the steps, so
that they depend on nothing but the source and this code: never add a branch on the Python version here, and raise
`form.VERSION` with every change that moves a number.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeVar

from devices.runtime.python import form
from devices.runtime.python.facts import Facts, constants_of
from devices.runtime.python.lower import Expressions, load, store
from devices.runtime.python.scope import Scope, analyse, parameters_of

_Node = TypeVar("_Node", bound=ast.AST)
_TO_NUMBER = -1
_LOWERED_ITERATORS = frozenset({"range"})


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
    functions: list[form.Function] = field(default_factory=list)

    def add(self, function: form.Function, node: ast.AST) -> form.Function:
        """Gives a function its number."""
        function.number = len(self.functions) + 1
        self.functions.append(function)
        form.note(node, function=function)
        return function


def module_form(name: str, filename: str, tree: ast.Module, facts: Facts) -> ModuleForm:
    """Returns the normal form of a module.

    Args:
        name: the module's.
        filename: of its source, as tracebacks show it.
        tree: the syntax tree, spelled out (`spelling`); it is used up.
        facts: of the whole program.
    """
    constants, sources, bound = constants_of(tree)
    module = ModuleForm(name, filename, tree, facts, analyse(tree), constants, sources, bound)
    _Outside(module, "", module.scopes[tree]).statements(tree.body)
    return module


class _Outside(ast.NodeVisitor):
    """Finds the functions in code that is no function: of a module or a class. That code stays as it is."""

    def __init__(self, module: ModuleForm, prefix: str, scope: Scope) -> None:
        self.module = module
        self.prefix = prefix
        self.scope = scope

    def statements(self, statements: Sequence[ast.AST]) -> None:
        for statement in statements:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for expression in (*node.decorator_list, node.args):
            self.visit(expression)
        prefix = "" if node.name in self.scope.global_names else self.prefix
        define(self.module, node, prefix + node.name)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for expression in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(expression)
        prefix = ("" if node.name in self.scope.global_names else self.prefix) + node.name + "."
        _Outside(self.module, prefix, self.module.scopes[node]).statements(node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        define(self.module, node, self.prefix + "<lambda>")


def class_functions(module: ModuleForm, node: ast.ClassDef, prefix: str, scope: Scope) -> None:
    """Finds the functions of a class that stands in a function."""
    _Outside(module, prefix, scope).visit(node)


def define(module: ModuleForm, node: ast.FunctionDef | ast.Lambda | ast.expr, qualname: str) -> form.Function:
    """Returns the normal form of one function, lambda or comprehension, made once."""
    known = form.noted(node, "function")
    if isinstance(known, form.Function):
        return known
    scope = module.scopes[node]
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        arguments = node.args
        parameters = [argument.arg for argument in parameters_of(arguments)]
    else:
        arguments = ast.arguments([], [ast.arg(".0")], None, [], [], None, [])
        parameters = [".0"]
    name = qualname.rpartition(".")[2]
    function = form.Function(
        number=0,
        module=module.name,
        name=name,
        qualname=qualname,
        line=node.lineno,
        arguments=arguments,
        parameters=parameters,
        generator=isinstance(node, ast.GeneratorExp) or _yields(node),
        body=form.Block(),
    )
    module.add(function, node)
    body = _Body(module, function, scope, node)
    if isinstance(node, ast.FunctionDef):
        function.returns = node.returns
        function.type_params = list(getattr(node, "type_params", []))
        statements = node.body
        if ast.get_docstring(node, clean=False) is not None:
            function.head = [statements[0]]
            statements = statements[1:]
        body.statements(statements)
    elif isinstance(node, ast.Lambda):
        body.lambda_body(node.body)
    else:
        body.comprehension(node)
    body.finish()
    return function


def _yields(node: ast.AST) -> bool:
    stack: list[ast.AST] = list(node.body) if isinstance(node, ast.FunctionDef) else [getattr(node, "body", node)]
    if not isinstance(node, ast.FunctionDef | ast.Lambda):
        return False
    while stack:
        inner = stack.pop()
        if isinstance(inner, ast.Yield | ast.YieldFrom):
            return True
        if isinstance(inner, ast.FunctionDef | ast.Lambda | ast.ClassDef | ast.GeneratorExp):
            continue
        stack.extend(ast.iter_child_nodes(inner))
    return False


class _Body:
    """Builds the blocks of one function. It is the sink of its expressions.

    State: ``_block`` is where steps go; ``_pins`` the hidden names of the statement at hand, cleared behind it;
    ``_finals`` and ``_loops`` what a ``return``, ``break`` or ``continue`` passes on its way.
    """

    def __init__(self, module: ModuleForm, function: form.Function, scope: Scope, node: ast.AST) -> None:
        self.module: ModuleForm = module
        self.function = function
        self.scope: Scope = scope
        self._block = function.body
        self._line = function.line
        self._pins: list[str] = []
        self._finals: list[str] = []
        self._loops: list[int] = []
        self._hidden = 0
        self._quiet = 0
        self._trial: list[form.Block] = []
        self._deleted = {
            inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Del)
        }
        self.expressions = Expressions(self)

    # -- the sink of expressions ----------------------------------------------------------------------------------

    def hidden(self, prefix: str) -> str:
        self._hidden += 1
        return f".{prefix}{self._hidden}"

    def pin(self, value: ast.expr) -> ast.Name:
        name = self.hidden("h")
        self.store(name, value, value)
        return load(name)

    def store(self, name: str, value: ast.expr, at: ast.expr) -> None:
        if name not in self._pins:
            self._pins.append(name)
        self._plain([_at(ast.Assign([store(name)], value), at)])

    def touch(self, at: int, name: str) -> None:
        step = form.Plain(0, self._line, self._block, [ast.Expr(load(name))])
        self._block.steps.insert(at, step)

    def position(self) -> int:
        return len(self._block.steps)

    def branch(self, test: ast.expr, at: ast.expr) -> tuple[form.Block, form.Block]:
        step = form.If(self._next(), getattr(at, "lineno", self._line), self._block, test, form.Block(), form.Block())
        self._add(step)
        return self._part(step, step.body, "body"), self._part(step, step.orelse, "orelse")

    def enter(self, side: object) -> object:
        previous = self._block, list(self._pins), self._line
        if side is None:
            self._trial.append(form.Block())
            self._block = self._trial[-1]
        else:
            assert isinstance(side, form.Block)
            self._block = side
        return previous, side is None

    def leave(self, previous: object) -> None:
        assert isinstance(previous, tuple)
        (self._block, pins, self._line), trial = previous
        if trial:
            self._trial.pop()
            self._pins = pins

    def surely_bound(self, name: str) -> bool:
        return name.startswith(".") or (name in self.function.parameters and name not in self._deleted)

    def make_function(self, node: ast.Lambda | ast.GeneratorExp | ast.expr) -> ast.expr:
        label = {
            ast.Lambda: "<lambda>",
            ast.GeneratorExp: "<genexpr>",
            ast.ListComp: "<listcomp>",
            ast.SetComp: "<setcomp>",
            ast.DictComp: "<dictcomp>",
        }[type(node)]
        if not isinstance(node, ast.Lambda | ast.GeneratorExp):
            native = self._native_comprehension(node)
            if native is not None:
                return native
        function = define(self.module, node, f"{self.function.qualname}.<locals>.{label}")
        if isinstance(node, ast.Lambda):
            native = self._native_lambda(node, function)
            if native is not None:
                return native
        name = self.hidden("f")
        self._define(function, name)
        if isinstance(node, ast.Lambda):
            return load(name)
        assert isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp)
        first = self.expressions.lower(node.generators[0].iter)
        call = _at(ast.Call(load(name), [_at(ast.Call(load(".iter"), [first], []), node)], []), node)
        if not isinstance(node, ast.GeneratorExp):
            form.note(call, site=True)
        return call

    def _native_lambda(self, node: ast.Lambda, function: form.Function) -> ast.expr | None:
        """Returns the lambda itself, if its body needs no statements before it."""
        match function.body.steps:
            case [form.Plain(nodes=[ast.Return(value=ast.expr() as value)])]:
                arguments = self._rebuilt_arguments(node.args)
                new = _at(ast.Lambda(arguments, value), node)
                form.note(new, function=function)
                if not function.free & self.scope.shared:
                    return new
                keeper = self.hidden("f")
                self.function.keepers[keeper] = function.free & self.scope.shared
                return _at(ast.NamedExpr(store(keeper), new), node)
        return None

    def _rebuilt_arguments(self, arguments: ast.arguments) -> ast.arguments:
        inside = self.expressions._inside  # noqa: SLF001  (the two halves of one rewriter)
        return ast.arguments(
            arguments.posonlyargs,
            arguments.args,
            arguments.vararg,
            arguments.kwonlyargs,
            [None if default is None else inside(default) for default in arguments.kw_defaults],
            arguments.kwarg,
            [inside(default) for default in arguments.defaults],
        )

    def _native_comprehension(self, node: ast.expr) -> ast.expr | None:
        """Returns the comprehension itself, if nothing in it may stop and no function in it needs a statement."""
        if self.expressions.has_site(node):
            return None
        if not any(isinstance(inner, ast.Lambda | ast.GeneratorExp) for inner in ast.walk(node)):
            return node
        return None

    # -- blocks ---------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        return 0 if self._quiet else _TO_NUMBER

    def _add(self, step: form.Step) -> None:
        self._block.steps.append(step)

    def _plain(self, nodes: list[ast.stmt], *, line: int | None = None) -> None:
        line = line or getattr(nodes[0], "lineno", None) or self._line
        self._add(form.Plain(self._next(), line, self._block, nodes))

    def _glue(self, node: ast.stmt) -> None:
        self._add(form.Plain(0, self._line, self._block, [node]))

    def _part(self, step: form.Step, block: form.Block, role: str) -> form.Block:
        block.parent, block.role = step, role
        return block

    def _fill(self, block: form.Block, statements: Sequence[ast.stmt], clear: Sequence[str] = ()) -> None:
        outer, pins, line = self._block, self._pins, self._line
        self._block, self._pins = block, []
        for name in clear:
            self._glue(_assign(name, ast.Constant(None)))
        self.statements(statements)
        if not block.steps and statements:
            self._glue(ast.Pass())
        self._block, self._pins, self._line = outer, pins, line

    def _take_pins(self) -> list[str]:
        pins, self._pins = self._pins, []
        return pins

    def _clear(self) -> None:
        for name in self._take_pins():
            self._glue(_assign(name, ast.Constant(None)))

    # -- statements -----------------------------------------------------------------------------------------------

    def statements(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self._line = statement.lineno
            getattr(self, f"_{type(statement).__name__}", self._native)(statement)
            self._clear()

    def _native(self, node: ast.stmt) -> None:
        self._plain([node])

    def _Global(self, node: ast.Global) -> None:  # noqa: N802
        self.function.declarations.append(node)

    _Nonlocal = _Global

    def _Expr(self, node: ast.Expr) -> None:  # noqa: N802
        if isinstance(node.value, ast.Constant):
            return
        self._plain([_at(ast.Expr(self.expressions.top(node.value)), node)])

    def _Return(self, node: ast.Return) -> None:  # noqa: N802
        value = None if node.value is None else self.expressions.top(node.value)
        if self._finals:
            result = self.hidden("r")
            nodes = [_at(_assign(result, value or ast.Constant(None)), node)]
            nodes += [_assign(marker, ast.Constant(result)) for marker in reversed(self._finals)]
            self._plain([*nodes, _at(ast.Return(load(result)), node)])
        else:
            self._plain([_at(ast.Return(value), node)])
        self._take_pins()

    def _Break(self, node: ast.Break | ast.Continue) -> None:  # noqa: N802
        word = "break" if isinstance(node, ast.Break) else "continue"
        passed = self._finals[self._loops[-1] :]
        self._plain([*(_assign(marker, ast.Constant(word)) for marker in reversed(passed)), node], line=node.lineno)

    _Continue = _Break

    def _Raise(self, node: ast.Raise) -> None:  # noqa: N802
        parts = iter(self.expressions.top_many([part for part in (node.exc, node.cause) if part is not None]))
        self._plain([_at(ast.Raise(node.exc and next(parts), node.cause and next(parts)), node)])

    def _Assert(self, node: ast.Assert) -> None:  # noqa: N802
        if not self.expressions.has_site(node):
            self._plain([node])
            return
        before = self.enter(None)
        trial = ast.Assert(self.expressions.test(node.test), node.msg)
        fits = self.position() == 0 and not self.expressions.has_site(node.msg)
        self.leave(before)
        if fits:
            self._plain([_at(trial, node)])
            return
        debug = form.If(
            self._next(), node.lineno, self._block, ast.Name("__debug__", ast.Load()), form.Block(), form.Block()
        )
        self._add(debug)
        previous = self.enter(self._part(debug, debug.body, "body"))
        self._part(debug, debug.orelse, "orelse")
        then, _ = self.branch(ast.UnaryOp(ast.Not(), self.expressions.test(node.test)), node.test)
        inner = self.enter(then)
        message = [] if node.msg is None else [self.expressions.lower(node.msg)]
        self._plain([_at(ast.Raise(ast.Call(load(".AssertionError"), message, []), None), node)])
        self.leave(inner)
        self.leave(previous)

    def _Delete(self, node: ast.Delete) -> None:  # noqa: N802
        if not self.expressions.has_site(node):
            self._plain([node])
            return
        for target in node.targets:
            self._plain([_at(ast.Delete([self._target(target)]), node)])
            self._clear()

    def _target(self, node: ast.expr) -> ast.expr:
        """Lowers a target that is no tuple."""
        match node:
            case ast.Attribute(value=value, attr=attr, ctx=ctx):
                return _at(ast.Attribute(self.expressions.top(value), attr, ctx), node)
            case ast.Subscript(value=value, slice=index, ctx=ctx):
                value, index = self.expressions.top_many([value, index])
                return _at(ast.Subscript(value, index, ctx), node)
        return node

    def _Assign(self, node: ast.Assign) -> None:  # noqa: N802
        if not any(self.expressions.has_site(target) for target in node.targets):
            value = self.expressions.top(node.value)
            self._plain([_at(ast.Assign([self._quiet_target(target) for target in node.targets], value), node)])
            return
        whole = self.hidden("h")
        self.store(whole, self.expressions.top(node.value), node.value)
        for target in node.targets:
            self._assign_to(target, load(whole), node)

    def _quiet_target(self, target: ast.expr) -> ast.expr:
        return self.expressions._inside(target)  # noqa: SLF001  (the two halves of one rewriter)

    def _assign_to(self, target: ast.expr, value: ast.expr, at: ast.stmt) -> None:
        """Assigns a hidden name's value to a target that may hold sites."""
        if isinstance(target, ast.Tuple | ast.List) and self.expressions.has_site(target):
            names = [self.hidden("h") for _ in target.elts]
            self._pins.extend(names)
            parts: list[ast.expr] = [
                ast.Starred(store(name), ast.Store()) if isinstance(item, ast.Starred) else store(name)
                for name, item in zip(names, target.elts, strict=True)
            ]
            self._plain([_at(ast.Assign([ast.Tuple(parts, ast.Store())], value), at)])
            for name, item in zip(names, target.elts, strict=True):
                self._assign_to(item.value if isinstance(item, ast.Starred) else item, load(name), at)
            return
        lowered = self._target(target) if self.expressions.has_site(target) else self._quiet_target(target)
        self._plain([_at(ast.Assign([lowered], value), at)])

    def _AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        if node.value is None:
            if not isinstance(node.target, ast.Name):
                self._plain([node])
            elif node.simple:
                self.function.declarations.append(node)  # it only makes the name local
            return
        if self.expressions.has_site(node.target):
            self._Assign(_at(ast.Assign([node.target], node.value), node))
            return
        value = self.expressions.top(node.value)
        self._plain([_at(ast.Assign([self._quiet_target(node.target)], value), node)])

    def _AugAssign(self, node: ast.AugAssign) -> None:  # noqa: N802
        rebinds = any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(node.value))
        if not self.expressions.has_site(node.value) and not self.expressions.has_site(node.target):
            self._plain([_at(ast.AugAssign(node.target, node.op, self.expressions.top(node.value)), node)])
            return
        self.expressions.rebound = frozenset()
        match node.target:
            case ast.Name(id=name):
                if not rebinds and self.expressions.is_steady(load(name)):
                    before = self.position()
                    value = self.expressions.top(node.value)
                    if self.position() != before and not self.surely_bound(name):
                        self.touch(before, name)
                    self._plain([_at(ast.AugAssign(node.target, node.op, value), node)])
                    return
                self._augment(node, _at(load(name), node.target), store(name))
            case ast.Attribute(value=value, attr=attr):
                base = self._held(self.expressions.top(value))
                self._augment(
                    node, ast.Attribute(base, attr, ast.Load()), ast.Attribute(deepcopy(base), attr, ast.Store())
                )
            case ast.Subscript(value=value, slice=index):
                base, key = self.expressions.top_many([value, index])
                key = self._held_index(key, base)
                base = self._held(base)
                final = ast.Subscript(deepcopy(base), deepcopy(key), ast.Store())
                self._augment(node, ast.Subscript(base, key, ast.Load()), final)

    def _held(self, node: ast.expr) -> ast.expr:
        return node if isinstance(node, ast.Constant) or self.expressions.is_steady(node) else self.pin(node)

    def _held_index(self, node: ast.expr, base: ast.expr) -> ast.expr:
        if isinstance(node, ast.Slice):
            parts = [part and self._held(part) for part in (node.lower, node.upper, node.step)]
            return self.pin(ast.Call(load(".slice"), [part or ast.Constant(None) for part in parts], []))
        if not self.expressions.is_steady(base):
            # what is evaluated first must be held first; the base is pinned by the caller right behind
            return self._held(node) if self.expressions.is_steady(node) else self.pin(node)
        return self._held(node)

    def _augment(self, node: ast.AugAssign, current: ast.expr, final: ast.expr) -> None:
        """``v = current; v += value; final = v``, which is what an augmented assignment means."""
        working = self.hidden("h")
        self.store(working, current, node.target)
        value = self.expressions.top(node.value)
        self._plain([_at(ast.AugAssign(store(working), node.op, value), node)])
        self._plain([_at(ast.Assign([final], load(working)), node)])

    # -- compound statements --------------------------------------------------------------------------------------

    def _test(self, node: ast.expr) -> ast.expr:
        self.expressions.rebound = frozenset(
            inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)
        )
        return self.expressions.test(node)

    def _If(self, node: ast.If) -> None:  # noqa: N802
        test = self._test(node.test)
        pins = self._take_pins()
        step = form.If(self._next(), node.lineno, self._block, test, form.Block(), form.Block())
        self._add(step)
        self._fill(self._part(step, step.body, "body"), node.body, pins)
        self._fill(self._part(step, step.orelse, "orelse"), node.orelse, pins)

    def _While(self, node: ast.While) -> None:  # noqa: N802
        before = self.enter(None)
        test = self._test(node.test)
        fits = self.position() == 0
        self.leave(before)
        if fits:
            step = form.While(self._next(), node.lineno, self._block, test, form.Block(), form.Block())
            self._add(step)
            self._loop_body(self._part(step, step.body, "body"), node.body)
            self._fill(self._part(step, step.orelse, "orelse"), node.orelse)
            return
        ended = self.hidden("e") if node.orelse else None
        if ended:
            self._glue(_assign(ended, ast.Constant(value=False)))
        step = form.While(self._next(), node.lineno, self._block, ast.Constant(value=True), form.Block(), form.Block())
        self._add(step)
        self._part(step, step.orelse, "orelse")
        outer = self.enter(self._part(step, step.body, "body"))
        self._pins = []
        test = self._test(node.test)
        pins = self._take_pins()
        done, _ = self.branch(ast.UnaryOp(ast.Not(), test), node.test)
        inner = self.enter(done)
        for name in pins:
            self._glue(_assign(name, ast.Constant(None)))
        if ended:
            self._glue(_assign(ended, ast.Constant(value=True)))
        self._glue(ast.Break())
        self.leave(inner)
        for name in pins:
            self._glue(_assign(name, ast.Constant(None)))
        self._loops.append(len(self._finals))
        self.statements(node.body)
        self._loops.pop()
        self.leave(outer)
        self._take_pins()
        if ended:
            check = form.If(self._next(), node.lineno, self._block, load(ended), form.Block(), form.Block())
            self._add(check)
            self._fill(self._part(check, check.body, "body"), node.orelse)
            self._part(check, check.orelse, "orelse")

    def _loop_body(self, block: form.Block, statements: Sequence[ast.stmt]) -> None:
        self._loops.append(len(self._finals))
        self._fill(block, statements)
        self._loops.pop()

    def _For(self, node: ast.For) -> None:  # noqa: N802
        iterator = self.hidden("i")
        source = self.expressions.top(node.iter)
        match node.iter:
            case ast.Call(func=ast.Name(id=name)) if name in _LOWERED_ITERATORS and name not in self.module.bound:
                clear = self.scope.home(name) is not None
            case _:
                clear = True
        self._plain([_at(_assign(iterator, _at(ast.Call(load(".iter"), [source], []), node.iter)), node.iter)])
        self._clear()
        self._for(node.target, iterator, clear, node.body, node.orelse, node.lineno)

    def _for(  # noqa: PLR0917
        self,
        target: ast.expr,
        iterator: str,
        clear: bool,
        body: Sequence[ast.stmt],
        orelse: Sequence[ast.stmt],
        line: int,
    ) -> None:
        has_site = self.expressions.has_site(target)
        item = store(self.hidden("v")) if has_site else self._quiet_target(target)
        step = form.For(self._next(), line, self._block, item, iterator, clear, form.Block(), form.Block())
        self._add(step)
        block = self._part(step, step.body, "body")
        if isinstance(item, ast.Name) and has_site:
            outer = self.enter(block)
            self._assign_to(target, load(item.id), ast.Pass(lineno=line, end_lineno=line))
            self._clear()
            self._glue(_assign(item.id, ast.Constant(None)))
            self.leave(outer)
        self._loops.append(len(self._finals))
        outer_block, pins, outer_line = self._block, self._pins, self._line
        self._block, self._pins = block, []
        self.statements(body)
        self._block, self._pins, self._line = outer_block, pins, outer_line
        self._loops.pop()
        if not block.steps:
            self._part(step, block, "body").steps.append(form.Plain(0, line, block, [ast.Pass()]))
        self._fill(self._part(step, step.orelse, "orelse"), orelse)

    def _Try(self, node: ast.Try | ast.TryStar) -> None:  # noqa: N802
        if node.finalbody:
            marker = self.hidden("k")
            step = form.Finally(0, node.lineno, self._block, marker, form.Block(), form.Block())
            self._add(step)
            self._finals.append(marker)
            block = self._part(step, step.body, "body")
            if node.handlers:
                inner = self.enter(block)
                self._try(node)
                self.leave(inner)
            else:
                self._fill(block, node.body)
            self._finals.pop()
            self._fill(self._part(step, step.final, "final"), node.finalbody)
        else:
            self._try(node)

    _TryStar = _Try

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        star = isinstance(node, ast.TryStar)
        step = form.Try(0, node.lineno, self._block, form.Block(), [], form.Block(), star)
        self._add(step)
        self._fill(self._part(step, step.body, "body"), node.body)
        for handler in node.handlers:
            saved = self.hidden("x")
            block = form.Block()
            self._part(step, block, f"handler {len(step.handlers)}")
            step.handlers.append(form.Handler(handler.type, saved, block))
            self._quiet += star
            if handler.name is None:
                self._fill(block, handler.body)
            else:
                unbind = form.Unbind(0, handler.lineno, block, handler.name, form.Block())
                outer = self.enter(block)
                self._line = handler.lineno
                self._glue(_assign(handler.name, load(saved)))
                self._add(unbind)
                self.leave(outer)
                self._fill(self._part(unbind, unbind.body, "body"), handler.body)
            self._quiet -= star
        self._fill(self._part(step, step.orelse, "orelse"), node.orelse)

    def _With(self, node: ast.With) -> None:  # noqa: N802
        self._with(node.items, node.body, node)

    def _with(self, items: list[ast.withitem], body: list[ast.stmt], node: ast.With) -> None:
        item, *more = items
        manager = self.hidden("m")
        self._line = item.context_expr.lineno
        self._plain([_at(_assign(manager, self.expressions.top(item.context_expr)), item.context_expr)])
        self._clear()
        target = item.optional_vars
        has_site = self.expressions.has_site(target)
        entered = self.hidden("v") if has_site else ""
        native = store(entered) if has_site else target and self._quiet_target(target)
        step = form.With(0, item.context_expr.lineno, self._block, manager, native, form.Block())
        self._add(step)
        outer = self.enter(self._part(step, step.body, "body"))
        pins, self._pins = self._pins, []
        if has_site:
            assert target is not None
            self._assign_to(target, load(entered), node)
            self._clear()
            self._glue(_assign(entered, ast.Constant(None)))
        if more:
            self._with(more, body, node)
        else:
            self.statements(body)
        self._pins = pins
        self.leave(outer)

    def _Match(self, node: ast.Match) -> None:  # noqa: N802
        subject = self.expressions.top(node.subject)
        if any(self.expressions.has_site(case.guard) for case in node.cases):
            self._match_in_turn(node, subject)
            return
        step = form.Match(self._next(), node.lineno, self._block, subject, [])
        self._add(step)
        pins = self._take_pins()
        for number, case in enumerate(node.cases):
            block = self._part(step, form.Block(), f"case {number}")
            guard = None if case.guard is None else self.expressions._inside(case.guard)  # noqa: SLF001
            step.cases.append((case.pattern, guard, block))
            self._fill(block, case.body)
        for name in pins:
            self._glue(_assign(name, ast.Constant(None)))

    def _match_in_turn(self, node: ast.Match, subject: ast.expr) -> None:
        """One ``match`` for each case, so that a guard stands in a statement of its own."""
        held = self.hidden("h")
        unmatched = self.hidden("e")
        self.store(held, subject, node.subject)
        self._glue(_assign(unmatched, ast.Constant(value=True)))
        pins = self._take_pins()
        for number, case in enumerate(node.cases):
            outer = None
            if number:
                still = form.If(0, node.lineno, self._block, load(unmatched), form.Block(), form.Block())
                self._add(still)
                self._part(still, still.orelse, "orelse")
                outer = self.enter(self._part(still, still.body, "body"))
            step = form.Match(0, case.pattern.lineno, self._block, load(held), [])
            self._add(step)
            block = self._part(step, form.Block(), "case 0")
            step.cases.append((case.pattern, None, block))
            inner = self.enter(block)
            self._pins = []
            found = _assign(unmatched, ast.Constant(value=False))
            if case.guard is None:
                self._glue(found)
                self._fill_here(case.body)
            else:
                self._line = case.guard.lineno
                test = self._test(case.guard)
                guard_pins = self._take_pins()
                then, otherwise = self.branch(test, case.guard)
                for side in (then, otherwise):
                    place = self.enter(side)
                    for name in guard_pins:
                        self._glue(_assign(name, ast.Constant(None)))
                    if side is then:
                        self._glue(found)
                        self._fill_here(case.body)
                    self.leave(place)
            self.leave(inner)
            if outer is not None:
                self.leave(outer)
        self._pins = pins

    def _fill_here(self, statements: Sequence[ast.stmt]) -> None:
        pins, self._pins = self._pins, []
        self.statements(statements)
        self._pins = pins

    # -- functions and classes inside -----------------------------------------------------------------------------

    def _define(self, function: form.Function, name: str) -> None:
        self._add(form.Define(0, self._line, self._block, function, name))
        shown = function.free & self.scope.shared
        if shown:
            self.function.keepers[name] = shown

    def _FunctionDef(self, node: ast.FunctionDef) -> None:  # noqa: N802
        outer = "" if node.name in self.scope.global_names else f"{self.function.qualname}.<locals>."
        decorators: list[ast.expr] = [self.pin(self.expressions.top(each)) for each in node.decorator_list]
        if any(self.expressions.has_site(default) for default in (*node.args.defaults, *node.args.kw_defaults)):
            node.args.defaults = [self.pin(self.expressions.top(default)) for default in node.args.defaults]
            node.args.kw_defaults = [
                default and self.pin(self.expressions.top(default)) for default in node.args.kw_defaults
            ]
        else:
            rebuilt = self._rebuilt_arguments(node.args)
            node.args.defaults, node.args.kw_defaults = rebuilt.defaults, rebuilt.kw_defaults
        self._line = node.lineno
        function = define(self.module, node, outer + node.name)
        if not decorators and not function.free & self.scope.shared:
            self._define(function, node.name)
            return
        hidden = self.hidden("f")
        self._define(function, hidden)
        result: ast.expr = load(hidden)
        for decorator in reversed(decorators):
            result = _at(ast.Call(decorator, [result], []), node)
            form.note(result, site=True)
            if decorator is not decorators[0]:
                result = self.pin(result)
        if decorators:
            self._plain([_at(ast.Assign([store(node.name)], result), node)])
        else:
            self._glue(_assign(node.name, result))
        if hidden not in self.function.keepers:
            self._glue(_assign(hidden, ast.Constant(None)))

    def _ClassDef(self, node: ast.ClassDef) -> None:  # noqa: N802
        class_functions(self.module, node, f"{self.function.qualname}.<locals>.", self.scope)
        self._plain([node], line=node.lineno)

    # -- bodies of lambdas and comprehensions ---------------------------------------------------------------------

    def lambda_body(self, value: ast.expr) -> None:
        self._line = value.lineno
        self._plain([_at(ast.Return(self.expressions.top(value)), value)])
        self._take_pins()

    def comprehension(self, node: ast.expr) -> None:
        assert isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp)
        self._line = node.lineno
        for names, kind in ((self.scope.global_names, ast.Global), (self.scope.nonlocal_names, ast.Nonlocal)):
            if names:
                self.function.declarations.append(kind(sorted(names)))
        result = ".r"
        empty: dict[type, ast.expr] = {
            ast.ListComp: ast.List([], ast.Load()),
            ast.SetComp: ast.Set([ast.Starred(ast.Tuple([], ast.Load()), ast.Load())]),
            ast.DictComp: ast.Dict([], []),
        }
        if not isinstance(node, ast.GeneratorExp):
            self._glue(_assign(result, empty[type(node)]))
        self._generator(node, node.generators, first=True)
        if not isinstance(node, ast.GeneratorExp):
            self._plain([ast.Return(load(result))], line=node.lineno)

    def _generator(
        self,
        node: ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp,
        generators: list[ast.comprehension],
        *,
        first: bool,
    ) -> None:
        generator, *more = generators
        if first:
            iterator = ".0"
        else:
            iterator = self.hidden("i")
            source = self.expressions.top(generator.iter)
            self._plain([_at(_assign(iterator, ast.Call(load(".iter"), [source], [])), generator.iter)])
            self._clear()
        line = generator.target.lineno
        item = self._quiet_target(generator.target)
        step = form.For(self._next(), line, self._block, item, iterator, True, form.Block(), form.Block())
        self._add(step)
        self._part(step, step.orelse, "orelse")
        places = [self.enter(self._part(step, step.body, "body"))]
        for condition in generator.ifs:
            test = self._test(condition)
            pins = self._take_pins()
            then, otherwise = self.branch(test, condition)
            for side in (then, otherwise):
                place = self.enter(side)
                for name in pins:
                    self._glue(_assign(name, ast.Constant(None)))
                self.leave(place)
            places.append(self.enter(then))
        if more:
            self._generator(node, more, first=False)
        else:
            self._element(node)
        self._clear()
        for place in reversed(places):
            self.leave(place)

    def _element(self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp) -> None:
        if isinstance(node, ast.DictComp):
            key, value = self.expressions.top_many([node.key, node.value])
            if not self.expressions.is_steady(key):
                key = self.pin(key)
            self._plain([_at(ast.Assign([ast.Subscript(load(".r"), key, ast.Store())], value), node.value)])
            return
        element = self.expressions.top(node.elt)
        if isinstance(node, ast.GeneratorExp):
            produced = _at(ast.Yield(element), node.elt)
            form.note(produced, site=True)
            self._plain([_at(ast.Expr(produced), node.elt)])
            return
        method = "append" if isinstance(node, ast.ListComp) else "add"
        call = ast.Call(ast.Attribute(load(".r"), method, ast.Load()), [element], [])
        self._plain([_at(ast.Expr(_at(call, node.elt)), node.elt)])

    # -- the end --------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Numbers the steps and notes what the scope knows."""
        function, scope = self.function, self.scope
        number = 0
        for step in steps_of(function.body):
            step.function = function
            if step.number == _TO_NUMBER:
                number += 1
                step.number = number
                function.steps[number] = step
        function.names = frozenset(name for name in scope.bound if scope.binds(name))
        function.shared = frozenset(scope.shared)
        function.free = frozenset(scope.free)
        function.global_names = frozenset(scope.global_names)
        function.outside = _outside_names(scope)
        function.rebound = frozenset(scope.stored) | frozenset(self._deleted)
        function.bound_inside = frozenset(name for name in scope.bound_inside if scope.binds(name))
        function.nonlocal_names = frozenset(scope.nonlocal_names)


def _outside_names(scope: Scope) -> frozenset[str]:
    names = frozenset(name for name in scope.used if scope.home(name) is None)
    return names.union(*(_outside_names(child) for child in scope.children))


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
        case form.With() | form.Unbind():
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


def _assign(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([store(name)], value)


def _at(node: _Node, where: ast.AST) -> _Node:
    """Gives a new node the place of the one it stands for."""
    line = getattr(where, "lineno", None)
    if line is not None:
        node.lineno, node.end_lineno = line, getattr(where, "end_lineno", line)  # type: ignore[attr-defined]
    return node

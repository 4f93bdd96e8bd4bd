"""A module to its normal form.

`module_form` walks a module; `_Body` builds one function, with what `compound`, `simple` and `blocks` give it. Numbers
are given at the end, in the order of the steps, so that they depend on nothing but the source and this code: never add
a branch on the Python version here, and raise `form.VERSION` with every change that moves a number.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from devices.runtime.python import form
from devices.runtime.python.compound import CompoundStatements
from devices.runtime.python.facts import Facts, constants_of
from devices.runtime.python.lower import load
from devices.runtime.python.scope import Scope, analyse, parameters_of
from devices.runtime.python.shape import TO_NUMBER, ModuleForm, assign, placed, steps_of


def module_form(name: str, filename: str, tree: ast.Module, facts: Facts) -> ModuleForm:
    """Returns the normal form of a module.

    Args:
        name: the module's.
        filename: of its source, as tracebacks show it.
        tree: the syntax tree, spelled out (`spelling`); it is used up.
        facts: of the whole program.
    """
    constants, sources, bound = constants_of(tree)
    module = ModuleForm(name, filename, tree, facts, analyse(tree), constants, sources, bound, define, class_functions)
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

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        pass  # it stays as it is, and all in it

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
    for inner in scope.used & {"exec", "eval"}:
        if scope.home(inner) is None and inner not in module.bound:
            function.blocking = f"uses {inner}(), whose code cannot be seen beforehand"
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


class _Body(CompoundStatements):
    """One function: its statements, or what a lambda or comprehension is as a function."""

    def lambda_body(self, value: ast.expr) -> None:
        self._line = value.lineno
        self._plain([placed(ast.Return(self.expressions.top(value)), value)])
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
            self._glue(assign(result, empty[type(node)]))
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
            self._plain([placed(assign(iterator, ast.Call(load(self.expressions.iter), [source], [])), generator.iter)])
            self._clear()
        line = generator.target.lineno
        item = self._quiet_target(generator.target)
        step = form.For(TO_NUMBER, line, self._block, item, iterator, True, form.Block(), form.Block())
        self._dropped(step, iterator)
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
                    self._glue(assign(name, ast.Constant(None)))
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
            self._plain([placed(ast.Assign([ast.Subscript(load(".r"), key, ast.Store())], value), node.value)])
            return
        element = self.expressions.top(node.elt)
        if isinstance(node, ast.GeneratorExp):
            produced = placed(ast.Yield(element), node.elt)
            form.note(produced, site=True)
            self._plain([placed(ast.Expr(produced), node.elt)])
            return
        method = "append" if isinstance(node, ast.ListComp) else "add"
        call = ast.Call(ast.Attribute(load(".r"), method, ast.Load()), [element], [])
        self._plain([placed(ast.Expr(placed(call, node.elt)), node.elt)])

    def finish(self) -> None:
        """Numbers the steps and notes what the scope knows."""
        function, scope = self.function, self.scope
        number = 0
        for step in steps_of(function.body):
            step.function = function
            if step.number == TO_NUMBER:
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

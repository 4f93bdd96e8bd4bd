"""Expressions: to such whose calls stand where everything before them can be evaluated again.

A *site* is a call (or yield) during which the function may stop. While it runs, the value stack holds what was
evaluated before it in the same statement; no Python can read that stack. So what is evaluated before a site must be
*steady*: constants, hidden names, variables that nobody else can change, names of the module that are bound once. What
is not steady is *pinned*: evaluated in a statement of its own, into a hidden name. After a stop in a site the rest of
the statement is the same expression with the call replaced by its result; what a short circuit has decided already is
left out (`cut`).

So most statements stay as they are: ``return fib(n - 1) + fib(n - 2)`` costs one hidden name, ``f(g(x))`` nothing.
The first design hoisted every call; it cost 10 % and more on calls.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from copy import copy, deepcopy

from devices.runtime.python.facts import BUILTINS, NUMBERED_BUILTINS
from devices.runtime.python.form import note
from devices.runtime.python.operating import Operating
from devices.runtime.python.scope import Comprehension
from devices.runtime.python.sink import Sink


def load(name: str) -> ast.Name:
    """Returns the name as an expression."""
    return ast.Name(name, ast.Load())


def store(name: str) -> ast.Name:
    """Returns the name as a target."""
    return ast.Name(name, ast.Store())


class Expressions(Operating):
    """Lowers the expressions of one function, in the order in which they are evaluated."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self.rebound: frozenset[str] = frozenset()
        self.iter = ".iterated" if self.module.facts.bare_iterators else ".iter"
        self._kept: list[ast.expr] = []  # keeps the nodes alive whose ids are in `sites`
        self._with_sites: dict[int, bool] = {}

    # -- what can be said of an expression ------------------------------------------------------------------------

    def is_site(self, node: ast.expr) -> bool:
        """Tells whether the function may stop while this very node is evaluated."""
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        return self.may_call(node) or (isinstance(node, ast.Call) and not self._is_quiet(node.func))

    def _is_quiet(self, func: ast.expr) -> bool:
        if isinstance(func, ast.Name):
            if func.id.startswith("."):
                return func.id == self.iter
            if self.scope.home(func.id) is not None:
                return False
            if func.id not in self.module.bound:
                return func.id in BUILTINS and func.id not in NUMBERED_BUILTINS
            source = self.module.sources.get(func.id, "")
            if func.id not in self.module.constants or not source:
                return False
            package, _, name = source.rpartition(".")
            return package in self.module.facts.quiet_modules and (package, name) != ("time", "sleep")
        if isinstance(func, ast.Attribute):
            if isinstance(func.value, ast.Constant | ast.JoinedStr):
                return True
            if isinstance(func.value, ast.Name) and self.scope.home(func.value.id) is None:
                source = self.module.sources.get(func.value.id, "")
                if source in self.module.facts.quiet_modules and func.value.id in self.module.constants:
                    return (source, func.attr) != ("time", "sleep")
            return self.module.facts.quiet_method(func.attr)
        return False

    def has_site(self, node: ast.AST | None) -> bool:
        """Tells whether there is a site in the expression; of lambdas only in their defaults."""
        if node is None or isinstance(node, ast.Constant | ast.Name):
            return False
        found = self._with_sites.get(id(node))
        if found is None:
            found = self._has_site(node)
            self._with_sites[id(node)] = found
            if isinstance(node, ast.expr):
                self._kept.append(node)
        return found

    def _has_site(self, node: ast.AST) -> bool:
        if isinstance(node, ast.expr) and self.is_site(node):
            return True
        if isinstance(node, ast.GeneratorExp):
            return self.has_site(node.generators[0].iter)
        if isinstance(node, Comprehension) and self._becomes_function(node):
            return True
        if isinstance(node, ast.Lambda):
            return any(self.has_site(default) for default in (*node.args.defaults, *node.args.kw_defaults))
        return any(self.has_site(child) for child in ast.iter_child_nodes(node))

    def _becomes_function(self, node: ast.expr) -> bool:
        """Tells whether a comprehension without sites is called nevertheless: it has to define functions, or may stop."""
        return bool(self.module.facts.special & {"__iter__", "__next__"}) or any(
            isinstance(inner, ast.Lambda | ast.GeneratorExp) for inner in ast.walk(node)
        )

    def is_steady(self, node: ast.expr) -> bool:
        """Tells whether evaluating the lowered expression again gives the same and does nothing."""
        match node:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return self._is_steady_name(name)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return all(self.is_steady(item) for item in items)
            case ast.Lambda(args=arguments):
                return not arguments.defaults and not any(arguments.kw_defaults)
            case ast.Call(func=ast.Name(id="super"), args=[ast.Name() as cls, ast.Name() as instance], keywords=[]):
                return self.is_steady(cls) and self.is_steady(instance)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
                return True
        return False

    def _is_steady_name(self, name: str) -> bool:
        if name.startswith("."):
            return True
        home = self.scope.home(name)
        if home is self.scope:
            return name not in self.scope.shared and name not in self.rebound
        if home is not None:
            return name == "__class__"
        if name in self.module.bound:
            return name in self.module.constants and name not in self.module.facts.stored
        return name in BUILTINS

    # -- lowering -------------------------------------------------------------------------------------------------

    def top(self, node: ast.expr) -> ast.expr:
        """Lowers the expression of a statement."""
        self.rebound = frozenset(inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        return self.lower(node)

    def top_many(self, nodes: Sequence[ast.expr]) -> list[ast.expr]:
        """Lowers expressions that a statement evaluates one after the other."""
        self.rebound = frozenset(
            inner.target.id for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)
        )
        return self.operands(nodes)

    def operands(self, nodes: Sequence[ast.expr], unpacked: Sequence[int] = ()) -> list[ast.expr]:
        """Lowers what is evaluated in this order and stays on the stack; ``unpacked`` are mappings after ``**``."""
        last = max((i for i, node in enumerate(nodes) if self.has_site(node)), default=-1)
        lowered: list[ast.expr] = []
        loose: list[str] = []  # variables that may be unbound and would be loaded after a statement before
        for i, node in enumerate(nodes):
            before = self.sink.position()
            new = self.lower(node)
            if i < last and i in unpacked:
                new = self.sink.pin(ast.Dict([None], [new]))
            elif i < last and not self.is_steady(new):
                new = self._pin_operand(new)
            if loose and self.sink.position() != before:
                for name in loose:
                    self.sink.touch(before, name)
                loose = []
            if isinstance(new, ast.Name) and self.may_be_unbound(new.id):
                loose.append(new.id)
            lowered.append(new)
        return lowered

    def _pin_operand(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Starred(value=value):
                return ast.Starred(self.sink.pin(ast.List([ast.Starred(value, ast.Load())], ast.Load())), ast.Load())
            case ast.FormattedValue():
                return ast.FormattedValue(self.sink.pin(ast.JoinedStr([node])), -1, None)
            case ast.Slice(lower=lower, upper=upper, step=step):
                parts = [
                    part if part is None or self.is_steady(part) else self.sink.pin(part)
                    for part in (lower, upper, step)
                ]
                return ast.Slice(*parts)
        return self.sink.pin(node)

    def lower(self, node: ast.expr) -> ast.expr:
        """Lowers one expression; statements that must come before it go to the sink."""
        new = self._lower(node)
        if new is not node and not hasattr(new, "lineno"):
            new.lineno, new.end_lineno = node.lineno, node.end_lineno
        return new

    def _lower(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Lambda() | ast.GeneratorExp():
                return self.sink.make_function(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp():
                return self.sink.make_function(node)
        if not self.has_site(node):
            return self._inside(node)
        match node:
            case ast.Yield(value=value):
                return self._site(ast.Yield(None if value is None else self.lower(value)))
            case ast.YieldFrom(value=value):
                iterator = self.sink.pin(self.iterated(self.lower(value)))
                return self._site(ast.YieldFrom(iterator))
            case ast.Call():
                return self._call(node)
            case ast.BoolOp(op=op, values=values):
                return self._short_circuit(op, values, node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._choice(test, body, orelse, node)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self._comparison(left, ops, comparators, node)
            case ast.NamedExpr(target=target, value=value):
                return ast.NamedExpr(target, self.lower(value))
            case ast.BinOp(left=left, op=operator, right=right):
                left, right = self.operands([left, right])
                if self.may_call(node):
                    left, right = self.all_held([left, right])
                    return self.marked(ast.BinOp(left, operator, right))
                return ast.BinOp(left, operator, right)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ast.UnaryOp(ast.Not(), self.test(operand))
            case ast.UnaryOp(op=unary, operand=operand):
                lowered = self.lower(operand)
                return (
                    self.marked(ast.UnaryOp(unary, self.held(lowered)))
                    if self.may_call(node)
                    else ast.UnaryOp(unary, lowered)
                )
            case ast.Attribute(value=value, attr=attr, ctx=ctx):
                lowered = self.lower(value)
                return (
                    self.marked(ast.Attribute(self.held(lowered), attr, ctx))
                    if self.may_call(node)
                    else ast.Attribute(lowered, attr, ctx)
                )
            case ast.Subscript(value=value, slice=index, ctx=ctx):
                value, index = self.operands([value, index])
                return (
                    self.marked(ast.Subscript(self.held(value), index, ctx))
                    if self.may_call(node)
                    else ast.Subscript(value, index, ctx)
                )
            case ast.Slice(lower=first, upper=second, step=third):
                parts = iter(self.operands([part for part in (first, second, third) if part is not None]))
                return ast.Slice(*(part if part is None else next(parts) for part in (first, second, third)))
            case ast.Starred(value=value, ctx=ctx):
                return ast.Starred(self.lower(value), ctx)
            case ast.Tuple(elts=items, ctx=ctx):
                return ast.Tuple(self.operands(items), ctx)
            case ast.List(elts=items, ctx=ctx):
                return ast.List(self.operands(items), ctx)
            case ast.Set(elts=items):
                return ast.Set(self.operands(items))
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values)
            case ast.JoinedStr(values=values):
                return ast.JoinedStr(self.operands(values))
            case ast.FormattedValue(value=value, conversion=conversion, format_spec=spec):
                parts = iter(self.operands([value] if spec is None else [value, spec]))
                return ast.FormattedValue(next(parts), conversion, next(parts, None))
        return node  # template strings and what later Pythons bring: no stop inside

    def _inside(self, node: ast.expr) -> ast.expr:
        """Replaces the functions in an expression without sites."""
        if isinstance(node, ast.Constant | ast.Name):
            return node
        return _Functions(self).rebuild(node)

    def _site(self, node: ast.expr) -> ast.expr:
        note(node, site=True)
        return node

    def _call(self, node: ast.Call) -> ast.expr:
        operation = self.may_call(node)
        site = operation or self.is_site(node)
        arguments: list[ast.expr] = [*node.args, *(keyword.value for keyword in node.keywords)]
        later = any(self.has_site(argument) for argument in arguments)
        callee = self._callee(node.func, site=site, later=later)
        lowered = self._arguments(node, arguments) if later else [self.lower(argument) for argument in arguments]
        if operation or (isinstance(callee, ast.Name) and callee.id in NUMBERED_BUILTINS):
            lowered = self.all_held(lowered)
        positional = lowered[: len(node.args)]
        keywords = [
            ast.keyword(keyword.arg, value, lineno=keyword.lineno, end_lineno=keyword.end_lineno)
            for keyword, value in zip(node.keywords, lowered[len(node.args) :], strict=True)
        ]
        call = ast.Call(callee, positional, keywords)
        if operation:
            return self.marked(call)
        return self._site(call) if site else call

    def iterated(self, source: ast.expr) -> ast.expr:
        """Returns the iterator of a lowered expression."""
        call = ast.Call(load(self.iter), [source], [])
        return self.called(self.iter, [source]) if self.may_call(call) else call

    def _arguments(self, node: ast.Call, arguments: list[ast.expr]) -> list[ast.expr]:
        """Lowers arguments with sites; ``**mapping`` is unpacked when its turn comes."""
        unpacked = [len(node.args) + i for i, keyword in enumerate(node.keywords) if keyword.arg is None]
        return self.operands(arguments, unpacked)

    def _callee(self, func: ast.expr, *, site: bool, later: bool) -> ast.expr:
        """Lowers what is called; at a site it must be found again without running anything (`callee`)."""
        match func:
            case ast.Name():
                return func if self.is_steady(func) or not later else self.sink.pin(func)
            case ast.Attribute(value=value, attr=attr):
                if self.has_site(value):
                    base: ast.expr = self.lower(value)
                    if site and not self._is_path(base):
                        base = self.sink.pin(base)
                elif site and not self._is_path(value):
                    base = self.sink.pin(self.lower(value))
                else:
                    base = self._inside(value)
                method = ast.Attribute(base, attr, ast.Load(), lineno=func.lineno, end_lineno=func.end_lineno)
                if not later or (self.is_steady(base) and self.module.facts.steady_method(attr)):
                    return method
                return self.sink.pin(method)
        lowered = self.lower(func)
        return self.sink.pin(lowered) if site or later else lowered

    def _is_path(self, node: ast.expr) -> bool:
        match node:
            case ast.Name():
                return True
            case ast.Attribute(value=value):
                return self._is_path(value)
            case ast.Call(func=ast.Name(id="super"), args=[ast.Name(), ast.Name()], keywords=[]):
                return True
        return False

    def _dict(self, keys: list[ast.expr | None], values: list[ast.expr]) -> ast.expr:
        flat: list[ast.expr] = []
        unpacked: list[int] = []
        for key, value in zip(keys, values, strict=True):
            if key is None:
                unpacked.append(len(flat))
            else:
                flat.append(key)
            flat.append(value)
        lowered = iter(self.operands(flat, unpacked))
        pairs = [(None, next(lowered)) if key is None else (next(lowered), next(lowered)) for key in keys]
        return ast.Dict([key for key, _ in pairs], [value for _, value in pairs])

    # -- short circuits -------------------------------------------------------------------------------------------

    def _try_in_place(self, nodes: Sequence[ast.expr]) -> list[ast.expr] | None:
        """Lowers what is evaluated only sometimes, if no statement before it is needed."""
        trial = self.sink.enter(None)
        lowered = [self.lower(node) for node in nodes]
        fits = self.sink.position() == 0
        self.sink.leave(trial)
        return lowered if fits else None

    def _short_circuit(self, op: ast.boolop, values: list[ast.expr], at: ast.expr) -> ast.expr:
        first = self.lower(values[0])
        rest = self._try_in_place(values[1:])
        if rest is not None:
            return ast.BoolOp(op, [first, *rest])
        result = self.sink.hidden("b")
        self.sink.store(result, first, at)
        left: list[object] = []
        for value in values[1:]:
            sides = self.sink.branch(load(result), at)
            left.append(self.sink.enter(sides[0 if isinstance(op, ast.And) else 1]))
            self.sink.store(result, self.lower(value), at)
        for previous in reversed(left):
            self.sink.leave(previous)
        return load(result)

    def _choice(self, test: ast.expr, body: ast.expr, orelse: ast.expr, at: ast.expr) -> ast.expr:
        test = self.test(test)
        branches = self._try_in_place([body, orelse])
        if branches is not None:
            return ast.IfExp(test, *branches)
        result = self.sink.hidden("b")
        then, otherwise = self.sink.branch(test, at)
        for side, value in ((then, body), (otherwise, orelse)):
            previous = self.sink.enter(side)
            self.sink.store(result, self.lower(value), at)
            self.sink.leave(previous)
        return load(result)

    def _comparison(self, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr], at: ast.expr) -> ast.expr:
        operation = self.may_call(at)
        left, right = self.operands([left, comparators[0]])
        if operation:
            left, right = self.all_held([left, right])
        if len(ops) == 1:
            return self._compared(left, ops[0], right)
        sites_later = any(self.has_site(node) for node in comparators[1:])
        if not sites_later and not operation:
            return ast.Compare(left, ops, [right, *(self._inside(node) for node in comparators[1:])])
        result = self.sink.hidden("b")
        if not self.is_steady(right):
            if not self.is_steady(left):
                left = self.sink.pin(left)
            right = self.sink.pin(right)
        self.sink.store(result, self._compared(left, ops[0], right), at)
        left_sides: list[object] = []
        for op, comparator in zip(ops[1:], comparators[1:], strict=True):
            then, _ = self.sink.branch(load(result), at)
            left_sides.append(self.sink.enter(then))
            middle = deepcopy(right)
            right = self.lower(comparator)
            if operation or comparator is not comparators[-1]:
                right = self.held(right)
            self.sink.store(result, self._compared(middle, op, right), at)
        for previous in reversed(left_sides):
            self.sink.leave(previous)
        return load(result)

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
        new = ast.Compare(left, [op], [right])
        return self.marked(new) if self.may_call(new) else new

    def test(self, node: ast.expr) -> ast.expr:
        """Lowers an expression of which only the truth counts, which is asked once, as in plain Python."""
        if not self.has_site(node) and not self.asks_truth(node):
            return self._inside(node)
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ast.UnaryOp(ast.Not(), self.test(operand))
            case ast.BoolOp(op=op, values=values):
                first = self.test(values[0])
                trial = self.sink.enter(None)
                rest = [self.test(value) for value in values[1:]]
                fits = self.sink.position() == 0
                self.sink.leave(trial)
                if fits:
                    return ast.BoolOp(op, [first, *rest])
                result = self.sink.hidden("b")
                self.sink.store(result, _truth(first), node)
                previous: list[object] = []
                for value in values[1:]:
                    sides = self.sink.branch(load(result), node)
                    previous.append(self.sink.enter(sides[0 if isinstance(op, ast.And) else 1]))
                    self.sink.store(result, _truth(self.test(value)), node)
                for place in reversed(previous):
                    self.sink.leave(place)
                return load(result)
        return self.truth(self.lower(node), node)


def _truth(node: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), node))


class _Functions(ast.NodeTransformer):
    """Rebuilds an expression without sites, its lambdas and generator expressions as the sink has them.

    What is below a conditional part is made before the statement: making a function does nothing that can be seen. The
    expression itself stays as it is: it may be lowered again.
    """

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions

    def rebuild(self, node: ast.expr) -> ast.expr:
        if not any(isinstance(inner, ast.Lambda | ast.GeneratorExp | Comprehension) for inner in ast.walk(node)):
            return node
        rebuilt = self.visit(node)
        assert isinstance(rebuilt, ast.expr)
        return rebuilt

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Returns a copy of the node with its parts rebuilt."""
        new = copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                setattr(new, name, self.visit(value))
            elif isinstance(value, list):
                setattr(new, name, [self.visit(each) if isinstance(each, ast.AST) else each for each in value])
        return new

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        return self.expressions.sink.make_function(node)

    visit_GeneratorExp = visit_ListComp = visit_SetComp = visit_DictComp = visit_Lambda  # type: ignore[assignment]  # noqa: N815

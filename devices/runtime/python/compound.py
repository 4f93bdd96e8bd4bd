"""Compound statements to normal form."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from devices.runtime.python import form
from devices.runtime.python.lower import load, store
from devices.runtime.python.shape import TO_NUMBER, assign, placed
from devices.runtime.python.tries import TryStatements

_LOWERED_ITERATORS = frozenset({"range"})
"""Built-in functions whose iterators hold nothing whose end could be seen."""
_MAKE_FUNCTIONS = (ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)
"""Expressions that may become functions, which are defined in a statement before."""


class CompoundStatements(TryStatements):
    """The methods are named after the nodes that they take; `Blocks.statements` finds them."""

    def _test(self, node: ast.expr) -> ast.expr:
        self.expressions.rebound = frozenset(
            inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)
        )
        return self.expressions.test(node)

    def _If(self, node: ast.If) -> None:  # noqa: N802
        test = self._test(node.test)
        pins = self._take_pins()
        step = form.If(TO_NUMBER, node.lineno, self._block, test, form.Block(), form.Block())
        self._add(step)
        self._fill(self._part(step, step.body, "body"), node.body, pins)
        self._fill(self._part(step, step.orelse, "orelse"), node.orelse, pins)

    def _While(self, node: ast.While) -> None:  # noqa: N802
        before = self.enter(None)
        test = self._test(node.test)
        fits = self.position() == 0
        self.leave(before)
        if fits:
            step = form.While(TO_NUMBER, node.lineno, self._block, test, form.Block(), form.Block())
            self._add(step)
            self._fill(self._part(step, step.body, "body"), node.body)
            self._fill(self._part(step, step.orelse, "orelse"), node.orelse)
            return
        ended = self.hidden("e") if node.orelse else None
        if ended:
            self._glue(assign(ended, ast.Constant(value=False)))
        step = form.While(TO_NUMBER, node.lineno, self._block, ast.Constant(value=True), form.Block(), form.Block())
        self._add(step)
        self._part(step, step.orelse, "orelse")
        outer = self.enter(self._part(step, step.body, "body"))
        self._pins = []
        test = self._test(node.test)
        pins = self._take_pins()
        done, _ = self.branch(ast.UnaryOp(ast.Not(), test), node.test)
        inner = self.enter(done)
        for name in pins:
            self._glue(assign(name, ast.Constant(None)))
        if ended:
            self._glue(assign(ended, ast.Constant(value=True)))
        self._glue(ast.Break())
        self.leave(inner)
        for name in pins:
            self._glue(assign(name, ast.Constant(None)))
        self.statements(node.body)
        self.leave(outer)
        self._take_pins()
        if ended:
            check = form.If(TO_NUMBER, node.lineno, self._block, load(ended), form.Block(), form.Block())
            self._add(check)
            self._fill(self._part(check, check.body, "body"), node.orelse)
            self._part(check, check.orelse, "orelse")

    def _For(self, node: ast.For) -> None:  # noqa: N802
        iterator = self.hidden("i")
        source = self.expressions.top(node.iter)
        match node.iter:
            case ast.Call(func=ast.Name(id=name)) if name in _LOWERED_ITERATORS and name not in self.module.bound:
                clear = self.scope.home(name) is not None
            case _:
                clear = True
        self._plain([placed(assign(iterator, placed(self.expressions.iterated(source), node.iter)), node.iter)])
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
        has_site = self._takes_steps(target)
        item = store(self.hidden("v")) if has_site else self._quiet_target(target)
        step = form.For(TO_NUMBER, line, self._block, item, iterator, clear, form.Block(), form.Block())
        if clear:
            self._dropped(step, iterator)
        self._add(step)
        block = self._part(step, step.body, "body")
        if isinstance(item, ast.Name) and has_site:
            outer = self.enter(block)
            self._assign_to(target, load(item.id), ast.Pass(lineno=line, end_lineno=line))
            self._clear()
            self._glue(assign(item.id, ast.Constant(None)))
            self.leave(outer)
        outer_block, pins, outer_line = self._block, self._pins, self._line
        self._block, self._pins = block, []
        self.statements(body)
        self._block, self._pins, self._line = outer_block, pins, outer_line
        if not block.steps:
            self._part(step, block, "body").steps.append(form.Plain(0, line, block, [ast.Pass()]))
        self._fill(self._part(step, step.orelse, "orelse"), orelse)

    def _With(self, node: ast.With) -> None:  # noqa: N802
        self._with(node.items, node.body, node)

    def _with(self, items: list[ast.withitem], body: list[ast.stmt], node: ast.With) -> None:
        item, *more = items
        manager = self.hidden("m")
        self._line = item.context_expr.lineno
        self._plain([placed(assign(manager, self.expressions.top(item.context_expr)), item.context_expr)])
        self._clear()
        if self.module.facts.long_managers:
            self._with_spelled_out(manager, item, more, body, node)
            return
        target = item.optional_vars
        has_site = target is not None and self._takes_steps(target)
        entered = self.hidden("v") if has_site else ""
        native = store(entered) if has_site else target and self._quiet_target(target)
        step = form.With(0, item.context_expr.lineno, self._block, manager, native, form.Block())
        self._dropped(step, manager)
        self._add(step)
        outer = self.enter(self._part(step, step.body, "body"))
        before = len(self._pinned)
        pins, self._pins = self._pins, []
        if has_site:
            assert target is not None
            self._assign_to(target, load(entered), node)
            self._clear()
            self._glue(assign(entered, ast.Constant(None)))
        if more:
            self._with(more, body, node)
        else:
            self.statements(body)
        self._pins = pins + self._pinned_since(before)  # the manager may have suppressed an exception
        self.leave(outer)

    def _with_spelled_out(
        self, manager: str, item: ast.withitem, more: list[ast.withitem], body: list[ast.stmt], node: ast.With
    ) -> None:
        """``with`` as PEP 343 explains it, so that the function can be stopped in ``__enter__`` and ``__exit__``."""
        entered, leave, pending = self.hidden("v"), self.hidden("h"), self.hidden("w")
        where = item.context_expr
        enter = self.hidden("h")
        self._glue(assign(enter, ast.Call(load(".entering"), [load(manager)], [])))
        self._glue(assign(leave, ast.Call(load(".leaving"), [load(manager)], [])))
        self._glue(assign(manager, ast.Constant(None)))
        call = placed(ast.Call(load(enter), [], []), where)
        form.note(call, site=True)
        self._plain([placed(assign(entered, call), where)])
        self._glue(assign(enter, ast.Constant(None)))
        self._glue(assign(pending, ast.Constant(value=True)))
        marker = self.hidden("k")
        step = form.Finally(0, where.lineno, self._block, marker, form.Block(), form.Block())
        self._add(step)
        outer = self.enter(self._part(step, step.body, "body"))
        self._guarded_body(entered, leave, pending, item, more, body, node)
        self.leave(outer)
        outer = self.enter(self._part(step, step.final, "final"))
        self._line = where.lineno
        then, _ = self._quiet_branch(load(pending))
        inner = self.enter(then)
        call = placed(ast.Call(load(leave), [ast.Constant(None) for _ in range(3)], []), where)
        form.note(call, site=True)
        self._plain([placed(ast.Expr(call), where)])
        self.leave(inner)
        self._glue(assign(leave, ast.Constant(None)))
        self.leave(outer)

    def _guarded_body(  # noqa: PLR0917
        self,
        entered: str,
        leave: str,
        pending: str,
        item: ast.withitem,
        more: list[ast.withitem],
        body: list[ast.stmt],
        node: ast.With,
    ) -> None:
        where = item.context_expr
        step = form.Try(0, where.lineno, self._block, form.Block(), [], form.Block())
        self._add(step)
        self._part(step, step.orelse, "orelse")
        outer = self.enter(self._part(step, step.body, "body"))
        before = len(self._pinned)
        pins, self._pins = self._pins, []
        if item.optional_vars is not None:
            self._assign_to(item.optional_vars, load(entered), node)
            self._clear()
        self._glue(assign(entered, ast.Constant(None)))
        if more:
            self._with(more, body, node)
        else:
            self.statements(body)
        self._pins = pins
        self.leave(outer)
        saved = self.hidden("x")
        block = self._part(step, form.Block(), "handler 0")
        step.handlers.append(form.Handler(load(".BaseException"), saved, block))
        outer = self.enter(block)
        self._line = where.lineno
        self._drop(self._pinned_since(before))
        self._glue(assign(pending, ast.Constant(value=False)))
        arguments: list[ast.expr] = [
            ast.Call(load(".type"), [load(saved)], []),
            load(saved),
            ast.Attribute(load(saved), "__traceback__", ast.Load()),
        ]
        call = placed(ast.Call(load(leave), arguments, []), where)
        form.note(call, site=True)
        then, _ = self.branch(ast.UnaryOp(ast.Not(), call), where)
        inner = self.enter(then)
        self._glue(ast.Raise(None, None))
        self.leave(inner)
        self.leave(outer)

    def _Match(self, node: ast.Match) -> None:  # noqa: N802
        subject = self.expressions.top(node.subject)
        if any(self._needs_statements(case.guard) for case in node.cases):
            self._match_in_turn(node, subject)
            return
        step = form.Match(TO_NUMBER, node.lineno, self._block, subject, [])
        self._add(step)
        pins = self._take_pins()
        for number, case in enumerate(node.cases):
            block = self._part(step, form.Block(), f"case {number}")
            guard = None if case.guard is None else self.expressions._inside(case.guard)  # noqa: SLF001
            step.cases.append((case.pattern, guard, block))
            self._fill(block, case.body)
        for name in pins:
            self._glue(assign(name, ast.Constant(None)))

    def _needs_statements(self, guard: ast.expr | None) -> bool:
        """Tells whether something must come before a guard: a call of its own, or a function that is made for it."""
        return guard is not None and (
            self.expressions.has_site(guard) or any(isinstance(each, _MAKE_FUNCTIONS) for each in ast.walk(guard))
        )

    def _match_in_turn(self, node: ast.Match, subject: ast.expr) -> None:
        """One ``match`` for each case, so that a guard stands in a statement of its own."""
        held = self.hidden("h")
        unmatched = self.hidden("e")
        self.store(held, subject, node.subject)
        self._glue(assign(unmatched, ast.Constant(value=True)))
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
            found = assign(unmatched, ast.Constant(value=False))
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
                        self._glue(assign(name, ast.Constant(None)))
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

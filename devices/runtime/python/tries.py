"""``try`` to normal form, with all its kinds of handlers.

``except*`` is spelled out with ordinary handlers (PEP 654): one that catches everything; in it, for each clause, a step
that takes what the clause names (`grouping.part`), then the handler, in which what was taken is being handled. What the
last clause has taken stays the exception being handled while the next one says what it names, as in plain Python; so the
next clause's step stands inside the handling of the one before. Left as it was, no stop would be possible in there: the
exceptions that handlers raise wait on the value stack.
"""

from __future__ import annotations

import ast

from devices.errors import SourceError
from devices.runtime.python import form, grouping
from devices.runtime.python.lower import load
from devices.runtime.python.shape import assign, placed
from devices.runtime.python.simple import SimpleStatements


class TryStatements(SimpleStatements):
    """The methods are named after the nodes that they take; `Blocks.statements` finds them."""

    def _Try(self, node: ast.Try | ast.TryStar) -> None:  # noqa: N802
        if node.finalbody:
            marker, before = self.hidden("k"), len(self._pinned)
            step = form.Finally(0, node.lineno, self._block, marker, form.Block(), form.Block())
            self._add(step)
            block = self._part(step, step.body, "body")
            if node.handlers:
                inner = self.enter(block)
                self._try(node)
                self.leave(inner)
            else:
                self._fill(block, node.body)
            self._fill(self._part(step, step.final, "final"), node.finalbody, self._pinned_since(before))
        else:
            self._try(node)

    _TryStar = _Try

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        star = isinstance(node, ast.TryStar)
        step = form.Try(0, node.lineno, self._block, form.Block(), [], form.Block(), star)
        self._add(step)
        before = len(self._pinned)
        self._fill(self._part(step, step.body, "body"), node.body)
        left = self._pinned_since(before)
        if star:
            self._clauses(step, node.handlers, left)
        else:
            for handler in node.handlers:
                name = handler.name if handler.name and self._is_kept(handler.name, handler.body) else None
                saved = name or self.hidden("x")
                block = self._caught(step, handler.type, saved, left)
                if name:
                    self._fill(block, handler.body)
                else:
                    self._handler(handler, saved, block)
        self._fill(self._part(step, step.orelse, "orelse"), node.orelse)

    def _is_kept(self, name: str, body: list[ast.stmt]) -> bool:
        """Tells whether the variable of a handler is the exception's as long as the handler runs."""
        mine = self.scope.binds(name) and name not in self.scope.shared
        return mine and not any(_binds(node, name) for statement in body for node in ast.walk(statement))

    def _caught(self, step: form.Try, kind: ast.expr | None, saved: str, left: list[str]) -> form.Block:
        """Adds a handler and returns its block; at first it drops what the statement that raised has ``left``."""
        block = self._part(step, form.Block(), f"handler {len(step.handlers)}")
        step.handlers.append(form.Handler(kind, saved, block))
        outer = self.enter(block)
        self._drop(left)
        self.leave(outer)
        return block

    def _handler(self, handler: ast.ExceptHandler, saved: str, block: form.Block) -> None:
        """Fills the block in which an exception is being handled that the hidden name ``saved`` holds."""
        if handler.name is None:
            self._fill(block, handler.body)
            return
        unbind = form.Unbind(0, handler.lineno, block, handler.name, form.Block())
        outer = self.enter(block)
        self._line = handler.lineno
        self._glue(assign(handler.name, load(saved)))
        self._add(unbind)
        self.leave(outer)
        self._fill(self._part(unbind, unbind.body, "body"), handler.body)

    # -- except* --------------------------------------------------------------------------------------------------

    def _clauses(self, step: form.Try, handlers: list[ast.ExceptHandler], left: list[str]) -> None:
        parts = self.hidden("g")
        whole = self.enter(self._caught(step, load(".BaseException"), parts, left))
        self._line = handlers[0].lineno
        self._glue(assign(parts, ast.Call(load(".parted"), [load(parts)], [])))
        place: object = None
        for handler in handlers:
            self._refuse_leaving(handler)
            self._line = handler.lineno
            self._part_for(parts, handler)
            if place is not None:
                self.leave(place)
            saved, place = self._handling(parts)
            then, _ = self._quiet_branch(_item(parts, grouping.MATCHED))
            inner = self.enter(then)
            guarded = form.Try(0, handler.lineno, self._block, form.Block(), [], form.Block())
            self._add(guarded)
            self._part(guarded, guarded.orelse, "orelse")
            before = len(self._pinned)
            self._handler(handler, saved, self._part(guarded, guarded.body, "body"))
            raised, left = self.hidden("x"), self._pinned_since(before)
            collecting = self.enter(self._caught(guarded, load(".BaseException"), raised, left))
            append = ast.Attribute(_item(parts, grouping.RAISED), "append", ast.Load())
            self._glue(ast.Expr(ast.Call(append, [load(raised)], [])))
            self.leave(collecting)
            self.leave(inner)
        self.leave(place)
        self._glue(ast.Expr(ast.Call(load(".merge"), [load(parts)], [])))
        is_left = ast.Compare(_item(parts, grouping.CURRENT), [ast.IsNot()], [ast.Constant(None)])
        then, _ = self._quiet_branch(is_left)
        outer = self.enter(then)
        _, place = self._handling(parts)
        self._glue(ast.Raise(None, None))  # as it is: no line of this function is added to its traceback
        self.leave(place)
        self.leave(outer)
        self.leave(whole)

    def _part_for(self, parts: str, handler: ast.ExceptHandler) -> None:
        """Takes out what a clause names."""
        assert handler.type is not None
        kind = self.expressions.top(handler.type)
        call = ast.Call(load(".part"), [load(parts), kind], [])
        self._plain([placed(ast.Expr(call), handler.type)], line=handler.lineno)
        self._clear()
        refused = ast.Compare(_item(parts, grouping.MATCHED), [ast.Is()], [ast.Constant(None)])
        then, _ = self._quiet_branch(refused)
        outer = self.enter(then)
        self._glue(ast.Raise(_item(parts, grouping.CURRENT), None))
        self.leave(outer)

    def _handling(self, parts: str) -> tuple[str, object]:
        """Goes on where the current exception is being handled; returns its hidden name, and what `leave` takes."""
        saved = self.hidden("x")
        self._glue(assign(saved, _item(parts, grouping.CURRENT)))
        step = form.Handling(0, self._line, self._block, saved, form.Block())
        self._add(step)
        return saved, self.enter(self._part(step, step.body, "body"))

    def _refuse_leaving(self, handler: ast.ExceptHandler) -> None:
        """Refuses what Python's compiler refuses; spelled out, it would be let through."""
        waiting: list[tuple[ast.AST, bool]] = [(each, False) for each in handler.body]
        while waiting:
            node, in_loop = waiting.pop()
            if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not in_loop):
                raise SourceError(
                    "'break', 'continue' and 'return' cannot appear in an except* block",
                    place=f"{self.module.filename}:{node.lineno}",
                )
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                continue
            if isinstance(node, ast.For | ast.While):
                waiting += [(each, True) for each in node.body]
                waiting += [(each, in_loop) for each in node.orelse]
            else:
                waiting += [(each, in_loop) for each in ast.iter_child_nodes(node)]


def _binds(node: ast.AST, name: str) -> bool:
    """Tells whether a node binds or unbinds a name."""
    match node:
        case ast.Name(id=bound, ctx=ast.Store() | ast.Del()):
            return bound == name
        case ast.alias(name=path, asname=alias):
            return (alias or path.partition(".")[0]) == name
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler():
            return node.name == name
        case ast.MatchAs() | ast.MatchStar():
            return node.name == name
        case ast.MatchMapping():
            return node.rest == name
    return False


def _item(parts: str, number: int) -> ast.expr:
    return ast.Subscript(load(parts), ast.Constant(number), ast.Load())

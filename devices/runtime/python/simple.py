"""Statements without blocks to normal form, and the definitions inside a function."""

from __future__ import annotations

import ast
from copy import deepcopy

from devices.runtime.python import form
from devices.runtime.python.blocks import Blocks
from devices.runtime.python.lower import load, store
from devices.runtime.python.operations import DELETE_ATTRIBUTE, DELETE_ITEM, IN_PLACE, SET_ATTRIBUTE, SET_ITEM
from devices.runtime.python.shape import TO_NUMBER, assign, placed


class SimpleStatements(Blocks):
    """The methods are named after the nodes that they take; `Blocks.statements` finds them."""

    def _Return(self, node: ast.Return) -> None:  # noqa: N802
        value = None if node.value is None else self.expressions.top(node.value)
        result = self.hidden("r")
        noted = self._way_out(result)
        if noted:
            kept = placed(assign(result, value or ast.Constant(None)), node)
            self._plain([kept, *noted, placed(ast.Return(load(result)), node)])
        else:
            self._plain([placed(ast.Return(value), node)])
        self._take_pins()

    def _Break(self, node: ast.Break | ast.Continue) -> None:  # noqa: N802
        word = "break" if isinstance(node, ast.Break) else "continue"
        self._plain([*self._way_out(word), node], line=node.lineno)

    _Continue = _Break

    def _Raise(self, node: ast.Raise) -> None:  # noqa: N802
        parts = iter(self.expressions.top_many([part for part in (node.exc, node.cause) if part is not None]))
        self._plain([placed(ast.Raise(node.exc and next(parts), node.cause and next(parts)), node)])

    def _Assert(self, node: ast.Assert) -> None:  # noqa: N802
        if not self.expressions.has_site(node):
            self._plain([node])
            return
        before = self.enter(None)
        trial = ast.Assert(self.expressions.test(node.test), node.msg)
        fits = self.position() == 0 and not self.expressions.has_site(node.msg)
        self.leave(before)
        if fits:
            self._plain([placed(trial, node)])
            return
        debug = form.If(
            TO_NUMBER, node.lineno, self._block, ast.Name("__debug__", ast.Load()), form.Block(), form.Block()
        )
        self._add(debug)
        previous = self.enter(self._part(debug, debug.body, "body"))
        self._part(debug, debug.orelse, "orelse")
        then, _ = self.branch(ast.UnaryOp(ast.Not(), self.expressions.test(node.test)), node.test)
        inner = self.enter(then)
        message = [] if node.msg is None else [self.expressions.lower(node.msg)]
        self._plain([placed(ast.Raise(ast.Call(load(".AssertionError"), message, []), None), node)])
        self.leave(inner)
        self.leave(previous)

    def _Delete(self, node: ast.Delete) -> None:  # noqa: N802
        if not any(self._takes_steps(target) for target in node.targets):
            self._plain([node])
            return
        for target in node.targets:
            self._delete(target, node)
            self._clear()

    def _delete(self, target: ast.expr, at: ast.Delete) -> None:
        match target:
            case ast.Tuple(elts=items) | ast.List(elts=items):
                for item in items:
                    self._delete(item, at)
                    self._clear()
            case ast.Subscript(value=value, slice=index) if self.expressions.may_store(target):
                held = self._held_item(value, index)
                self._plain([placed(ast.Expr(self.expressions.called(DELETE_ITEM, held)), at)])
            case ast.Attribute(value=value, attr=attr) if self.expressions.may_store(target):
                owner = self.expressions.top(value)
                call = self.expressions.called(DELETE_ATTRIBUTE, [owner, ast.Constant(attr)])
                self._plain([placed(ast.Expr(call), at)])
            case _:
                self._plain([placed(ast.Delete([self._target(target)]), at)])

    def _takes_steps(self, target: ast.expr) -> bool:
        """Tells whether assigning to a target (or deleting it) may stop in the middle."""
        return self.expressions.has_site(target) or self.expressions.may_store(target)

    def _held_item(self, value: ast.expr, index: ast.expr) -> list[ast.expr]:
        """Returns a container and the key in it, both held."""
        base, key = self.expressions.top_many([value, index])
        base = self._held(base)
        return [base, self._held_index(key, base)]

    def _target(self, node: ast.expr) -> ast.expr:
        """Lowers a target that is no tuple."""
        match node:
            case ast.Attribute(value=value, attr=attr, ctx=ctx):
                return placed(ast.Attribute(self.expressions.top(value), attr, ctx), node)
            case ast.Subscript(value=value, slice=index, ctx=ctx):
                value, index = self.expressions.top_many([value, index])
                return placed(ast.Subscript(value, index, ctx), node)
        return node

    def _Assign(self, node: ast.Assign) -> None:  # noqa: N802
        if not any(self._takes_steps(target) for target in node.targets):
            value = self.expressions.top(node.value)
            self._plain([placed(ast.Assign([self._quiet_target(target) for target in node.targets], value), node)])
            return
        whole = self.hidden("h")
        self.store(whole, self.expressions.top(node.value), node.value)
        for target in node.targets:
            self._assign_to(target, load(whole), node)

    def _quiet_target(self, target: ast.expr) -> ast.expr:
        return self.expressions._inside(target)  # noqa: SLF001  (the two halves of one rewriter)

    def _assign_to(self, target: ast.expr, value: ast.expr, at: ast.stmt) -> None:
        """Assigns a hidden name's value to a target that may hold sites."""
        if isinstance(target, ast.Tuple | ast.List) and self._takes_steps(target):
            names = [self.hidden("h") for _ in target.elts]
            self._pins.extend(names)
            parts: list[ast.expr] = [
                ast.Starred(store(name), ast.Store()) if isinstance(item, ast.Starred) else store(name)
                for name, item in zip(names, target.elts, strict=True)
            ]
            self._plain([placed(ast.Assign([ast.Tuple(parts, ast.Store())], value), at)])
            for name, item in zip(names, target.elts, strict=True):
                self._assign_to(item.value if isinstance(item, ast.Starred) else item, load(name), at)
            return
        if self.expressions.may_store(target):
            self._store_by_method(target, value, at)
            return
        lowered = self._target(target) if self.expressions.has_site(target) else self._quiet_target(target)
        self._plain([placed(ast.Assign([lowered], value), at)])

    def _store_by_method(self, target: ast.expr, value: ast.expr, at: ast.stmt) -> None:
        match target:
            case ast.Subscript(value=container, slice=index):
                call = self.expressions.called(SET_ITEM, [*self._held_item(container, index), value])
            case ast.Attribute(value=owner, attr=attr):
                held = self.expressions.held(self.expressions.top(owner))
                call = self.expressions.called(SET_ATTRIBUTE, [held, ast.Constant(attr), value])
            case _:
                raise AssertionError(target)
        self._plain([placed(ast.Expr(call), at)])

    def _AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        if node.value is None:
            if not isinstance(node.target, ast.Name):
                self._plain([node])
            elif node.simple:
                self.function.declarations.append(node)  # it only makes the name local
            return
        if self._takes_steps(node.target):
            self._Assign(placed(ast.Assign([node.target], node.value), node))
            return
        value = self.expressions.top(node.value)
        self._plain([placed(ast.Assign([self._quiet_target(node.target)], value), node)])

    def _AugAssign(self, node: ast.AugAssign) -> None:  # noqa: N802
        rebinds = any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(node.value))
        operation = self.expressions.may_augment(node)
        if not operation and not self.expressions.has_site(node.value) and not self.expressions.has_site(node.target):
            self._plain([placed(ast.AugAssign(node.target, node.op, self.expressions.top(node.value)), node)])
            return
        self.expressions.rebound = frozenset()
        match node.target:
            case ast.Name(id=name):
                if not operation and not rebinds and self.expressions.is_steady(load(name)):
                    before = self.position()
                    value = self.expressions.top(node.value)
                    if self.position() != before and not self.surely_bound(name):
                        self.touch(before, name)
                    self._plain([placed(ast.AugAssign(node.target, node.op, value), node)])
                    return
                self._augment(node, placed(load(name), node.target), store(name))
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
        self.store(
            working, self.expressions.marked(current) if self.expressions.may_call(current) else current, node.target
        )
        value = self.expressions.top(node.value)
        if self.expressions.may_augment(node):
            call = self.expressions.called(IN_PLACE[type(node.op)], [load(working), value])
            self._plain([placed(assign(working, call), node)])
        else:
            self._plain([placed(ast.AugAssign(store(working), node.op, value), node)])
        if self.expressions.may_store(final):
            self._store_by_method(final, load(working), node)
        else:
            self._plain([placed(ast.Assign([final], load(working)), node)])

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
        function = self.module.define(self.module, node, outer + node.name)
        if not decorators and not function.free & self.scope.shared:
            self._define(function, node.name)
            return
        hidden = self.hidden("f")
        self._define(function, hidden)
        result: ast.expr = load(hidden)
        for decorator in reversed(decorators):
            result = placed(ast.Call(decorator, [result], []), node)
            form.note(result, site=True)
            if decorator is not decorators[0]:
                result = self.pin(result)
        if decorators:
            self._plain([placed(ast.Assign([store(node.name)], result), node)])
        else:
            self._glue(assign(node.name, result))
        if hidden not in self.function.keepers:
            self._glue(assign(hidden, ast.Constant(None)))

    def _AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:  # noqa: N802
        self.function.blocking = (
            f"has an 'async def' in it, {node.name}(), which would have to travel with its variables"
        )
        self._plain([node])

    def _ClassDef(self, node: ast.ClassDef) -> None:  # noqa: N802
        self.module.define_class(self.module, node, f"{self.function.qualname}.<locals>.", self.scope)
        self._plain([node], line=node.lineno)

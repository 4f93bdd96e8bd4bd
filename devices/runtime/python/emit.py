"""Steps to syntax trees for the compiler.

What a step becomes depends on nothing but the step, so it is made once and shared by the module's code and by every
continuation. All nodes get their virtual lines here (`lines`).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from devices.runtime.python import form
from devices.runtime.python.lines import START, START_INSIDE, Lines, Mark
from devices.runtime.python.lower import load, store
from devices.runtime.python.shape import ModuleForm


class Emitter:
    """Emits the steps of one module."""

    def __init__(self, module: ModuleForm, lines: Lines) -> None:
        self.module = module
        self.lines = lines
        self._emitted: dict[form.Step, list[ast.stmt]] = {}

    # -- places ---------------------------------------------------------------------------------------------------

    def place(self, node: ast.AST, function: int, number: int, line: int, counter: list[int] | None = None) -> None:
        """Gives a node and what is inside it virtual lines, unless it has them; lambdas are functions of their own."""
        stack: list[tuple[ast.AST, int]] = [(node, line)]
        sites = counter if counter is not None else [0]
        while stack:
            node, line = stack.pop()
            if form.noted(node, "placed"):
                if number > 0 and isinstance(node, ast.Name):
                    assert self.lines.mark(node.lineno).number == number, "a name stands in two statements"
                continue
            if isinstance(node, ast.AsyncFunctionDef):
                self._native(node)
                continue
            if isinstance(
                node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.alias | ast.excepthandler | ast.pattern
            ):
                line = self._shown_line(node, line)
                site = 0
                if form.noted(node, "site"):
                    sites[0] += 1
                    site = sites[0]
                    form.note(node, site=site)
                self.stamp(node, Mark(line, function, number, site))
                if site and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    self._stamp_method(node.func, Mark(line, function, number, site), stack)
            elif hasattr(node, "lineno"):
                self.stamp(node, Mark(line, function, number))
            if isinstance(node, ast.Lambda):
                self._place_lambda(node, line, stack)
            elif isinstance(node, ast.ClassDef):
                self._class(node, function, stack, line)
            else:
                stack.extend((child, line) for child in reversed(list(ast.iter_child_nodes(node))))

    def _stamp_method(self, method: ast.Attribute, mark: Mark, stack: list[tuple[ast.AST, int]]) -> None:
        """The compiler gives a call of a method the line on which the method's name ends."""
        self.stamp(method, mark)
        stack.append((method.value, mark.line))

    def _shown_line(self, node: ast.AST, line: int) -> int:
        """Returns the line that a traceback shows for the node: that of the last name for an attribute."""
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            attribute = node.func if isinstance(node, ast.Call) else node
            assert isinstance(attribute, ast.Attribute)
            if form.noted(attribute, "placed"):
                return self.lines.mark(attribute.lineno).line
            return int(getattr(attribute, "end_lineno", 0) or getattr(node, "lineno", line))
        return int(getattr(node, "lineno", 0) or line)

    def stamp(self, node: ast.AST, mark: Mark) -> None:
        """Sets a node's position."""
        node.lineno = node.end_lineno = self.lines.line(mark)  # type: ignore[attr-defined]
        node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
        form.note(node, placed=True)

    def _place_lambda(self, node: ast.Lambda, line: int, stack: list[tuple[ast.AST, int]]) -> None:
        known = form.noted(node, "function")
        if known is None or not _is_native(known):
            stack.append((node.args, line))
            stack.append((node.body, line))
            return
        self.stamp(node, Mark(line, known.number, START_INSIDE))
        for step in known.body.steps:
            assert isinstance(step, form.Plain)
            returned = step.nodes[0]
            assert isinstance(returned, ast.Return)
            assert returned.value is not None
            self.place(returned.value, known.number, step.number, step.line)
            node.body = returned.value
        stack.append((node.args, line))

    def _class(self, node: ast.ClassDef, function: int, stack: list[tuple[ast.AST, int]], line: int) -> None:
        node.body = [self.outside(each, function) for each in node.body]
        parts = (*node.decorator_list, *node.bases, *node.keywords, *getattr(node, "type_params", []))
        stack.extend((part, line) for part in parts)

    def _native(self, node: ast.AsyncFunctionDef) -> None:
        """Places all of a function that stays as it is."""
        for each in ast.walk(node):
            if hasattr(each, "lineno"):
                self.stamp(each, Mark(each.lineno))

    def outside(self, node: ast.stmt, function: int = 0) -> ast.stmt:
        """Returns a statement of a module or class, the functions in it in normal form."""
        if isinstance(node, ast.FunctionDef):
            return self.function(form.noted(node, "function"), node.name, node.decorator_list, node.lineno)
        if isinstance(node, ast.AsyncFunctionDef):
            self.place(node, 0, 0, node.lineno)
            return node
        for part in ("body", "orelse", "finalbody"):
            statements = getattr(node, part, None)
            if isinstance(statements, list) and not isinstance(node, ast.ClassDef):
                setattr(node, part, [self.outside(each, function) for each in statements])
        for holder in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
            holder.body = [self.outside(each, function) for each in holder.body]
        self.place(node, function, 0, node.lineno)
        return node

    # -- functions ------------------------------------------------------------------------------------------------

    def function(self, function: form.Function, name: str, decorators: list[ast.expr], line: int) -> ast.FunctionDef:
        """Returns the ``def`` of a function."""
        first = decorators[0].lineno if decorators else line
        body: list[ast.stmt] = []
        for node in (*function.head, *function.declarations):
            self.place(node, function.number, 0, function.line)
            body.append(node)
        body += self.block(function.body)
        end = function.body.steps[-1].line if function.body.steps else function.line
        body.append(self.glue(ast.Return(ast.Constant(None)), function.number, end))
        for own in sorted(function.bound_inside):  # never reached: it makes the name this function's own
            body.append(self.glue(_set(own, None), function.number, end))
        node = ast.FunctionDef(
            name=name,
            args=function.arguments,
            body=body,
            decorator_list=decorators,
            returns=function.returns,
            type_comment=None,
        )
        if hasattr(node, "type_params") or function.type_params:
            node.type_params = function.type_params  # type: ignore[attr-defined]
        for part in (function.arguments, function.returns, *decorators, *function.type_params):
            if part is not None:
                self.place(part, 0, 0, function.line)
        self.stamp(node, Mark(line, function.number, START))
        if decorators:
            self.stamp(decorators[0], Mark(first, function.number, START))
        form.note(node, function=function)
        return node

    def glue(self, node: ast.stmt, function: int, line: int) -> ast.stmt:
        """Returns a new statement that is no place to stop."""
        self.place(node, function, 0, line)
        return node

    def block(self, block: form.Block) -> list[ast.stmt]:
        """Returns the statements of a block."""
        return [node for step in block.steps for node in self.step(step)]

    def filled(self, block: form.Block, function: int, line: int) -> list[ast.stmt]:
        """Returns the statements of a block that must not be empty."""
        return self.block(block) or [self.glue(ast.Pass(), function, line)]

    # -- steps ----------------------------------------------------------------------------------------------------

    def step(self, step: form.Step) -> list[ast.stmt]:
        """Returns the statements of a step."""
        found = self._emitted.get(step)
        if found is None:
            found = self._emitted[step] = self._emit(step, step.function.number)
        return found

    def _emit(self, step: form.Step, function: int) -> list[ast.stmt]:
        match step:
            case form.Plain(nodes=nodes):
                counter = [0]
                for node in nodes:
                    self.place(node, function, step.number, step.line, counter)
                return nodes
            case form.Define(inner=inner, name=name):
                return [self.function(inner, name, [], inner.line)]
            case form.If(test=test, body=body, orelse=orelse):
                self.place(test, function, step.number, step.line)
                return [self.header(step, ast.If(test, self.filled(body, function, step.line), self.block(orelse)))]
            case form.While(test=test, body=body, orelse=orelse):
                self.place(test, function, step.number, step.line)
                return [self.header(step, ast.While(test, self.filled(body, function, step.line), self.block(orelse)))]
            case form.For():
                return self.around(step, [self.loop(step)])
            case form.Try():
                return [self.guarded(step, self.filled(step.body, function, step.line), self.block(step.orelse))]
            case form.Handling():
                return self.handling(step, step.saved, self.filled(step.body, function, step.line))
            case form.Unbind():
                return [self.unbinding(step, self.filled(step.body, function, step.line))]
            case form.Finally():
                return self.finishing(step, self.filled(step.body, function, step.line))
            case form.With():
                return self.managed(step, load(step.manager), step.target, self.filled(step.body, function, step.line))
            case form.Match(subject=subject, cases=cases):
                self.place(subject, function, step.number, step.line)
                return [self.matching(step, subject, cases)]
        raise AssertionError(step)

    def header(self, step: form.Step, node: ast.stmt) -> ast.stmt:
        """Places a compound statement itself; its parts have their places."""
        self.stamp(node, Mark(step.line, step.function.number, step.number))
        return node

    def wrap(self, step: form.Step, node: ast.stmt) -> ast.stmt:
        """Places a new compound statement that is glue; its blocks have their places."""
        self.place(node, step.function.number, 0, step.line)
        return node

    def loop(self, step: form.For) -> ast.stmt:
        """Returns the bare ``for``."""
        function = step.function.number
        iterator = load(step.iterator)
        for part in (step.target, iterator):
            self.place(part, function, step.number, step.line)
        orelse = self.block(step.orelse)
        if orelse and step.dropper is not None:
            orelse = [self.wrap(step, _set(step.iterator, None)), *orelse]
        return self.header(step, ast.For(step.target, iterator, self.filled(step.body, function, step.line), orelse))

    def around(self, step: form.For, body: list[ast.stmt]) -> list[ast.stmt]:
        """Returns a loop, or what is left of it, with what drops its iterator."""
        return self.dropping(step, step.iterator, body) if step.clear else body

    def dropping(self, step: form.For | form.With, name: str, body: list[ast.stmt]) -> list[ast.stmt]:
        """Drops what a hidden name holds when its step is left, however it is: a generator's ``finally`` runs then."""
        if step.dropper is None or (isinstance(step, form.With) and step.passed):
            return [self.wrap(step, ast.Try(body, [], [], [_set(each, None) for each in step.drops or [name]]))]
        return [*body, self.wrap(step, _set(name, None))]

    def guarded(self, step: form.Try, body: list[ast.stmt], orelse: list[ast.stmt]) -> ast.stmt:
        """Returns the ``try`` with its handlers around a body."""
        function = step.function.number
        handlers: list[ast.ExceptHandler] = [
            ast.ExceptHandler(handler.kind, handler.saved, self.filled(handler.body, function, step.line))
            for handler in step.handlers
        ]
        return self.wrap(step, ast.Try(body, handlers, orelse, []))

    def handling(
        self, step: form.Step, saved: str, body: list[ast.stmt], before: Sequence[ast.stmt] = ()
    ) -> list[ast.stmt]:
        """Returns a body in which the exception that the hidden name ``saved`` holds is being handled.

        It is raised once more and caught; what that changes in it is mended. ``before`` comes first in the handler.
        """
        handler = ast.ExceptHandler(load(".BaseException"), saved, [*before, mend(), *body])
        return [self.wrap(step, node) for node in (keep(saved), ast.Try([raise_kept()], [handler], [], []))]

    def unbinding(self, step: form.Unbind, body: list[ast.stmt]) -> ast.stmt:
        """Returns the body, after which the exception's name is unbound."""
        return self.wrap(
            step, ast.Try(body, [], [], [_set(step.name, None), ast.Delete([ast.Name(step.name, ast.Del())])])
        )

    def finishing(self, step: form.Finally, body: list[ast.stmt]) -> list[ast.stmt]:
        """Returns the ``try: ... finally:`` around a body, with its marker."""
        function = step.function.number
        marker = step.marker
        body = [*body, _set(marker, 0)]
        begun: ast.stmt = _set(marker, None)
        known: list[ast.stmt] = []
        if step.recorded:
            saved = marker + "x"
            noting = [ast.Assign([store(marker)], load(saved)), ast.Raise(None, None)]
            body = [ast.Try(body, [ast.ExceptHandler(load(".BaseException"), saved, noting)], [], [])]
        else:
            pending = ast.Assign([store(marker)], ast.Call(load(".exception"), [], []))
            known = [ast.If(ast.Compare(load(marker), [ast.Is()], [ast.Constant(None)]), [pending], [])]
        final = self.final(step, self.filled(step.final, function, step.line))
        return [self.wrap(step, node) for node in (begun, ast.Try(body, [], [], [*known, final]))]

    def final(self, step: form.Finally, body: list[ast.stmt]) -> ast.stmt:
        """Returns the body of a ``finally``, or what is left of it: behind it, what is pending goes onward."""
        if step.onward:
            words = ast.Tuple([ast.Constant(word) for word in step.words], ast.Load())
            passed = ast.Call(load(".onward"), [load(step.marker), words], [])
            body = [*body, ast.Assign([store(step.onward)], passed)]
        return ast.Try(body, [], [], [_set(step.marker, None)])

    def managed(
        self, step: form.With, manager: ast.expr, target: ast.expr | None, body: list[ast.stmt]
    ) -> list[ast.stmt]:
        """Returns the ``with``, with what drops its manager."""
        node = ast.With([ast.withitem(manager, target)], body)
        return self.dropping(step, step.manager, [self.wrap(step, node)])

    def matching(
        self,
        step: form.Match,
        subject: ast.expr,
        cases: Sequence[tuple[ast.pattern, ast.expr | None, form.Block]],
    ) -> ast.stmt:
        """Returns the ``match``."""
        function = step.function.number
        emitted = []
        for pattern, guard, block in cases:
            for part in (pattern, guard):
                if part is not None:
                    self.place(part, function, step.number, step.line)
            emitted.append(ast.match_case(pattern, guard, self.filled(block, function, step.line)))
        return self.header(step, ast.Match(subject, emitted))


def keep(name: str) -> ast.stmt:
    """Keeps the exception that a hidden name holds as it is."""
    return ast.Assign([store(".p")], ast.Call(load(".kept"), [load(name)], []))


def raise_kept() -> ast.stmt:
    """Raises it."""
    return ast.Raise(ast.Attribute(load(".p"), "exception", ast.Load()), None)


def mend() -> ast.stmt:
    """Puts back what that has changed."""
    return ast.Assign([store(".p")], ast.Call(ast.Attribute(load(".p"), "mend", ast.Load()), [], []))


def _set(name: str, value: int | None) -> ast.Assign:
    return ast.Assign([store(name)], ast.Constant(value))


def _is_native(function: form.Function) -> bool:
    """Tells whether a lambda's body is still one expression."""
    match function.body.steps:
        case [form.Plain(nodes=[ast.Return(value=ast.expr())])]:
            return True
    return False

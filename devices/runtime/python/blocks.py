"""Where the steps of one function go while it is brought to normal form."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from devices.runtime.python import form
from devices.runtime.python.lower import Expressions, load, store
from devices.runtime.python.scope import Scope
from devices.runtime.python.shape import TO_NUMBER, ModuleForm, assign, placed


class Blocks:
    """Builds the blocks of one function. It is the sink of its expressions (`lower.Sink`).

    State: ``_block`` is where steps go; ``_pins`` the hidden names of the statement at hand, cleared behind it.
    """

    def __init__(self, module: ModuleForm, function: form.Function, scope: Scope, node: ast.AST) -> None:
        self.module: ModuleForm = module
        self.function = function
        self.scope: Scope = scope
        self._block = function.body
        self._line = function.line
        self._origin = (0, 0)
        self._pins: list[str] = []
        self._hidden = 0
        self._pinned: list[str] = []
        self._trial: list[form.Block] = []
        self._defaults: dict[int, tuple[ast.arguments, list[ast.expr], list[ast.expr | None]]] = {}  # as written
        self._deleted = {
            inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Del)
        }
        self.expressions = Expressions(self)

    # -- the sink of expressions ----------------------------------------------------------------------------------

    def hidden(self, prefix: str) -> str:
        """Returns a new hidden name."""
        self._hidden += 1
        return f".{prefix}{self._hidden}"

    def pin(self, value: ast.expr) -> ast.Name:
        """Evaluates into a new hidden name, which is cleared behind the statement."""
        name = self.hidden("h")
        self.store(name, value, value)
        return load(name)

    def store(self, name: str, value: ast.expr, at: ast.expr) -> None:
        """Assigns to a hidden name, which is cleared behind the statement."""
        if name not in self._pins:
            self._pins.append(name)
        self._plain([placed(ast.Assign([store(name)], value), at)])

    def touch(self, at: int, name: str) -> None:
        """Loads a variable before the step at this place: it may be unbound."""
        step = form.Plain(0, self._line, self._block, [ast.Expr(load(name))])
        step.origin = self._origin
        self._block.steps.insert(at, step)

    def position(self) -> int:
        """Returns how many steps the block at hand has."""
        return len(self._block.steps)

    def branch(self, test: ast.expr, at: ast.expr) -> tuple[form.Block, form.Block]:
        """Adds an ``if`` and returns its two blocks."""
        step = form.If(TO_NUMBER, getattr(at, "lineno", self._line), self._block, test, form.Block(), form.Block())
        self._add(step)
        return self._part(step, step.body, "body"), self._part(step, step.orelse, "orelse")

    def enter(self, side: object) -> object:
        """Goes on in a block (``None``: in one that is thrown away); returns what `leave` takes."""
        previous = self._block, list(self._pins), self._line
        if side is None:
            self._trial.append(form.Block())
            self._block = self._trial[-1]
        else:
            assert isinstance(side, form.Block)
            self._block = side
        return previous, side is None

    def leave(self, previous: object) -> None:
        """Goes back to where `enter` left."""
        assert isinstance(previous, tuple)
        (self._block, pins, self._line), trial = previous
        if trial:
            self._trial.pop()
            self._pins = pins

    def surely_bound(self, name: str) -> bool:
        """Tells whether a variable always has a value."""
        return name.startswith(".") or (name in self.function.parameters and name not in self._deleted)

    def make_function(self, node: ast.Lambda | ast.GeneratorExp | ast.expr) -> ast.expr:
        """Returns what a lambda or comprehension becomes: itself, or its function, defined before."""
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
        if isinstance(node, ast.Lambda):
            self._pin_defaults(node.args)
        function = self.module.define(self.module, node, f"{self.function.qualname}.<locals>.{label}")
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
        call = placed(ast.Call(load(name), [placed(self.expressions.iterated(first), node)], []), node)
        if not isinstance(node, ast.GeneratorExp):
            form.note(call, site=True)
        return call

    def _native_lambda(self, node: ast.Lambda, function: form.Function) -> ast.expr | None:
        """Returns the lambda itself, if its body needs no statements before it."""
        match function.body.steps:
            case [form.Plain(nodes=[ast.Return(value=ast.expr() as value)])]:
                arguments = self._rebuilt_arguments(node.args)
                new = placed(ast.Lambda(arguments, value), node)
                form.note(new, function=function)
                if not function.free & self.scope.shared:
                    return new
                keeper = self.hidden("f")
                self.function.keepers[keeper] = function.free & self.scope.shared
                return placed(ast.NamedExpr(store(keeper), new), node)
        return None

    def _pin_defaults(self, arguments: ast.arguments) -> None:
        """Has defaults in which a stop is possible evaluated before the function is made; again, if it is made again."""
        _, defaults, named = self._defaults.setdefault(
            id(arguments), (arguments, arguments.defaults, arguments.kw_defaults)
        )
        if any(self.expressions.has_site(default) for default in (*defaults, *named)):
            lower = self.expressions.lower
            arguments.defaults = [self.pin(lower(default)) for default in defaults]
            arguments.kw_defaults = [default and self.pin(lower(default)) for default in named]

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
        return None if self.expressions.has_site(node) else node

    # -- blocks ---------------------------------------------------------------------------------------------------

    def _add(self, step: form.Step) -> None:
        step.origin = self._origin
        self._block.steps.append(step)

    def _plain(self, nodes: list[ast.stmt], *, line: int | None = None) -> None:
        line = line or getattr(nodes[0], "lineno", None) or self._line
        self._add(form.Plain(TO_NUMBER, line, self._block, nodes))

    def _glue(self, node: ast.stmt) -> None:
        self._add(form.Plain(0, self._line, self._block, [node]))

    def _part(self, step: form.Step, block: form.Block, role: str) -> form.Block:
        block.parent, block.role = step, role
        return block

    def _fill(self, block: form.Block, statements: Sequence[ast.stmt], clear: Sequence[str] = ()) -> None:
        outer, pins, line = self._block, self._pins, self._line
        self._block, self._pins = block, []
        self._drop(clear)
        self.statements(statements)
        if not block.steps and statements:
            self._glue(ast.Pass())
        self._block, self._pins, self._line = outer, pins, line

    def _quiet_branch(self, test: ast.expr) -> tuple[form.Block, form.Block]:
        step = form.If(0, self._line, self._block, test, form.Block(), form.Block())
        self._add(step)
        return self._part(step, step.body, "body"), self._part(step, step.orelse, "orelse")

    def _dropped(self, step: form.For | form.With, name: str) -> None:
        """Has what a loop or ``with`` holds in a hidden name dropped by a loop around it, or else by itself.

        Python allows 20 nested blocks, and each that drops something is one. Whatever leaves the loop around it leaves
        this one first, and nothing of the user's runs in between.
        """
        block = self._block
        while isinstance(block.parent, form.If | form.Match | form.While | form.For):
            outer = block.parent
            if isinstance(outer, form.For) and outer.clear:
                step.dropper = outer.dropper or outer
                step.dropper.drops.insert(0, name)
                return
            block = outer.block
        step.drops.append(name)

    def _way_out(self, word: str) -> list[ast.stmt]:
        """Tells what a ``return``, ``break`` or ``continue`` passes on its way; returns the statement that notes it."""
        within_loop = word in ("break", "continue")
        noted: list[ast.stmt] = []
        inner: form.Finally | None = None
        through_with = False
        block = self._block
        while block.parent is not None:
            parent = block.parent
            if within_loop and isinstance(parent, form.For | form.While) and block.role == "body":
                break
            if isinstance(parent, form.With):
                through_with = True
                parent.passed = parent.passed or within_loop
            elif isinstance(parent, form.Finally) and block.role == "body":
                parent.recorded = parent.recorded or through_with
                if inner is None:
                    noted = [assign(parent.marker, ast.Constant(word))]
                else:
                    inner.onward = parent.marker
                    inner.words.append(word)
                inner, through_with = parent, False
            block = parent.block
        return noted

    def _take_pins(self) -> list[str]:
        pins, self._pins = self._pins, []
        self._pinned += pins
        return pins

    def _clear(self) -> None:
        self._drop(self._take_pins())

    def _drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._glue(assign(name, ast.Constant(None)))

    def _pinned_since(self, before: int) -> list[str]:
        """Returns what statements may have left in hidden names if they were left by an exception."""
        return list(dict.fromkeys(self._pinned[before:]))

    # -- statements -----------------------------------------------------------------------------------------------

    def statements(self, statements: Sequence[ast.stmt]) -> None:
        """Adds the steps of statements."""
        outer = self._origin
        for statement in statements:
            self._line = statement.lineno
            self._origin = (statement.lineno, statement.col_offset)
            getattr(self, f"_{type(statement).__name__}", self._native)(statement)
            self._clear()
        self._origin = outer

    def _native(self, node: ast.stmt) -> None:
        self._plain([node])

    def _Global(self, node: ast.Global) -> None:  # noqa: N802
        self.function.declarations.append(node)

    _Nonlocal = _Global

    def _Expr(self, node: ast.Expr) -> None:  # noqa: N802
        if isinstance(node.value, ast.Constant):
            return
        self._plain([placed(ast.Expr(self.expressions.top(node.value)), node)])

    def _define(self, function: form.Function, name: str) -> None:
        self._add(form.Define(0, self._line, self._block, function, name))
        shown = function.free & self.scope.shared
        if shown:
            self.function.keepers[name] = shown

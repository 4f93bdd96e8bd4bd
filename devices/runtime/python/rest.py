"""The rest of a function from one of its steps, as a syntax tree.

Going outwards from the step, each block adds the steps behind it, and each compound statement puts around that what is
left of it:

* a loop: the rest of the body runs in a ``for`` of one turn, whose ``else`` is the original loop. ``break`` leaves
  both, ``continue`` goes on with the original;
* ``try``: the handlers stay around the rest of the body;
* a handler is entered by raising the saved exception again (`Emitter.handling`);
* ``finally``: taken up by what its marker says is pending: ``try: return .r3 finally: <rest>``;
* ``with``: the manager with an empty ``__enter__``.

Inside a site, the statement is `cut`: the call is replaced by the continuation of what was called, and what has been
decided or evaluated for good before it is left out.

Tried instead and thrown away by the probe: setting ``f_lineno`` in the original code. CPython refuses jumps into
``for`` and ``except`` blocks, and binds unbound locals to None.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeVar

from devices.runtime.python import form, operations
from devices.runtime.python.emit import Emitter, keep, mend, raise_kept
from devices.runtime.python.lines import Mark
from devices.runtime.python.lower import load, store
from devices.runtime.python.mentions import Mentions, mentions

Way = Literal["start", "before", "call", "made", "operation", "next", "again", "yield", "from"]
"""How a frame stood: before its first step; before a step; in a call; in an ``__init__`` called by its class; in a method called by an operation; in the ``__next__`` called by a loop; in what
is simply done again (``next(g)``, where the generator has come along); suspended at a ``yield`` or ``yield from``."""

_Node = TypeVar("_Node", bound=ast.AST)
EXCEPTION: Final = "exception"


class Entry(NamedTuple):
    """Where a continuation begins.

    ``pending`` has one word for each ``finally`` body that the step is in, innermost first: ``""`` (nothing), an
    `EXCEPTION`, ``"break"``, ``"continue"``, or the hidden name with the value to return.
    """

    number: int
    way: Way
    site: int
    pending: tuple[str, ...]


@dataclass
class Rest:
    """The rest of a function: its statements, and the names it needs and binds."""

    body: list[ast.stmt]
    read: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)

    def add(self, found: Mentions) -> None:
        """Adds mentions."""
        self.read |= found.read
        self.bound |= found.bound


def finals_around(step: form.Step) -> list[form.Finally]:
    """Returns the ``finally`` bodies a step is in, innermost first."""
    found = []
    block = step.block
    while block.parent is not None:
        if isinstance(block.parent, form.Finally) and block.role == "final":
            found.append(block.parent)
        block = block.parent.block
    return found


class RestBuilder:
    """Builds rests of the functions of one module."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter
        self._mentions: dict[form.Step, Mentions] = {}

    def of(self, step: form.Step) -> Mentions:
        """Returns what a whole step mentions."""
        found = self._mentions.get(step)
        if found is None:
            found = self._mentions[step] = mentions(self.emitter.step(step))
        return found

    def whole(self, function: form.Function) -> Rest:
        """Returns a function that has not started."""
        rest = Rest(self.emitter.block(function.body))
        for step in function.body.steps:
            rest.add(self.of(step))
        return rest

    def rest(self, step: form.Step, entry: Entry) -> Rest:
        """Returns the rest of the step's function from the entry."""
        pending = iter(entry.pending)
        rest = self._entered(step, entry)
        block = step.block
        here: form.Step = step
        while True:
            for sibling in block.steps[block.steps.index(here) + 1 :]:
                rest.body = [*rest.body, *self.emitter.step(sibling)]
                rest.add(self.of(sibling))
            parent = block.parent
            if parent is None:
                return rest
            rest.body = self._enclosed(parent, block, rest, pending)
            here, block = parent, parent.block

    # -- outwards -------------------------------------------------------------------------------------------------

    def _enclosed(self, parent: form.Step, block: form.Block, rest: Rest, pending: Iterator[str]) -> list[ast.stmt]:
        emitter = self.emitter
        body = rest.body
        match parent:
            case form.While() if block.role == "body":
                rest.add(self.of(parent))
                return [self._once(parent, body, emitter.step(parent))]
            case form.For() if block.role == "body":
                rest.add(self.of(parent))
                rest.read.add(parent.iterator)
                return emitter.around(parent, [self._once(parent, body, [emitter.loop(parent)])])
            case form.For():
                return emitter.around(parent, body)
            case form.Try() if block.role == "body":
                rest.add(self.of(parent))
                return [emitter.guarded(parent, body, emitter.block(parent.orelse))]
            case form.Try() if block.role.startswith("handler"):
                handler = parent.handlers[int(block.role.partition(" ")[2])]
                rest.read.add(handler.saved)
                before = [_given(handler.saved)] if parent.star else []
                return emitter.handling(parent, handler.saved, body, before)
            case form.Handling():
                rest.read.add(parent.saved)
                return emitter.handling(parent, parent.saved, body)
            case form.Unbind():
                rest.bound.add(parent.name)
                return [emitter.unbinding(parent, body)]
            case form.Finally() if block.role == "body":
                rest.add(self.of(parent))
                return emitter.finishing(parent, body)
            case form.Finally():
                word = next(pending)
                return self._finishing(parent, word, body, rest)
            case form.With():
                rest.read.add(parent.manager)
                manager = ast.Call(load(".rewith"), [load(parent.manager)], [])
                return emitter.managed(parent, manager, None, body)
        return body

    def _once(self, step: form.Step, body: list[ast.stmt], then: list[ast.stmt]) -> ast.stmt:
        turn = ast.Tuple([ast.Constant(None)], ast.Load())
        return self.emitter.wrap(step, ast.For(store(".o"), turn, body, then))

    def _finishing(self, step: form.Finally, word: str, body: list[ast.stmt], rest: Rest) -> list[ast.stmt]:
        rest.read.add(step.marker)
        final = [self.emitter.final(step, body)]
        if not word:
            return self._glue(step, *final)
        if word == EXCEPTION:
            return self._glue(step, keep(step.marker), ast.Try([raise_kept()], [], [], [mend(), *final]))
        if word in ("break", "continue"):
            return self._glue(step, ast.Try([ast.Break() if word == "break" else ast.Continue()], [], [], final))
        rest.read.add(word)
        return self._glue(step, ast.Try([ast.Return(load(word))], [], [], final))

    def _glue(self, step: form.Step, *nodes: ast.stmt) -> list[ast.stmt]:
        return [self.emitter.wrap(step, node) for node in nodes]

    # -- the entry ------------------------------------------------------------------------------------------------

    def _entered(self, step: form.Step, entry: Entry) -> Rest:
        emitter = self.emitter
        if entry.way == "before":
            rest = Rest(list(emitter.step(step)))
            rest.add(self.of(step))
            return rest
        emitter.step(step)  # gives the sites their numbers
        cut = _Cut(emitter, step, entry)
        match step:
            case form.Plain(nodes=[first, *more]):
                rest = Rest([*cut.statement(first), *more])
                rest.add(mentions(rest.body))
            case form.If(test=test):
                function = step.function.number
                new = ast.If(cut.of(test), emitter.filled(step.body, function, step.line), emitter.block(step.orelse))
                rest = Rest([cut.header(new)])
                rest.add(mentions(rest.body))
            case form.For() if entry.way == "next":
                rest = self._stepped(step, cut)
            case form.While(test=test):
                function = step.function.number
                first_turn = self._once(step, emitter.filled(step.body, function, step.line), emitter.step(step))
                new = ast.If(cut.of(test), [first_turn], emitter.block(step.orelse))
                rest = Rest([cut.header(new)])
                rest.add(mentions(rest.body))
            case form.Match(subject=subject, cases=cases):
                rest = Rest([emitter.matching(step, cut.of(subject), cases)])
                rest.add(mentions(rest.body))
            case _:
                raise AssertionError(step)
        rest.read -= {".s"}
        return rest

    def _stepped(self, step: form.For, cut: _Cut) -> Rest:
        """Returns a loop whose iterator's ``__next__`` is under way: it gives the first item, or ends the loop."""
        emitter, function = self.emitter, step.function.number
        mark = Mark(step.line, function, step.number, 0, entry=True)
        result = ast.Call(_pop(), [_pop()], [])
        for node in ast.walk(result):
            if isinstance(node, ast.expr):
                emitter.stamp(node, mark)
        given = ast.Assign([store(".v")], result)
        ended = ast.ExceptHandler(load(".StopIteration"), None, [ast.Assign([store(".o")], ast.Constant(value=False))])
        begun = ast.Assign([store(".o")], ast.Constant(value=True))
        body = emitter.filled(step.body, function, step.line)
        target = cut.copied(step.target)  # a stop before the item is stored would lose it
        turn = ast.For(target, ast.Tuple([load(".v")], ast.Load()), body, [emitter.loop(step)])
        choice = ast.If(load(".o"), [turn], emitter.block(step.orelse))
        rest = Rest(emitter.around(step, self._glue(step, begun, ast.Try([given], [ended], [], []), choice)))
        rest.add(self.of(step))
        rest.read.add(step.iterator)
        return rest


def _given(name: str) -> ast.stmt:
    """Has the hidden name of an ``except*`` hold its list again, not the exception."""
    return ast.Assign([store(name)], ast.Attribute(load(".p"), "given", ast.Load()))


class _Cut:
    """Copies a statement from a site on; every node of the copy is marked as the entry (`Mark.entry`)."""

    def __init__(self, emitter: Emitter, step: form.Step, entry: Entry) -> None:
        self.emitter = emitter
        self.step = step
        self.entry = entry

    def of(self, node: ast.expr) -> ast.expr:
        """Returns an expression from the site on."""
        new = self._cut(node)
        assert isinstance(new, ast.expr)
        return new

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Returns a statement from the site on."""
        match node:
            case ast.AugAssign(target=target, op=op, value=value):
                return [self._stamped(ast.AugAssign(self.copied(target), op, self.of(value)), node)]
            case ast.Assert(test=test, msg=message):
                return [self._stamped(ast.Assert(self.of(test), message and self.copied(message)), node)]
        new = self._cut(node)
        assert isinstance(new, ast.stmt)
        return [new]

    def header(self, node: ast.stmt) -> ast.stmt:
        """Marks a compound statement around a cut expression."""
        self.emitter.stamp(node, Mark(self.step.line, self.step.function.number, self.step.number, 0, entry=True))
        return node

    def _holds(self, node: ast.AST) -> bool:
        if form.noted(node, "site") == self.entry.site:
            return True
        if isinstance(node, ast.Lambda):
            return False
        return any(self._holds(child) for child in ast.iter_child_nodes(node))

    def _cut(self, node: ast.AST) -> ast.AST:
        if form.noted(node, "site") == self.entry.site:
            return self._result(node)
        if not self._holds(node):
            return self.copied(node)
        match node:
            case ast.BoolOp(op=op, values=values):
                at = next(i for i, value in enumerate(values) if self._holds(value))
                rest = [self.of(values[at]), *(self.copied(value) for value in values[at + 1 :])]
                return self._stamped(ast.BoolOp(op, rest), node) if len(rest) > 1 else rest[0]
            case ast.IfExp(test=test, body=body, orelse=orelse):
                if self._holds(test):
                    return self._stamped(ast.IfExp(self.of(test), self.copied(body), self.copied(orelse)), node)
                return self._cut(body if self._holds(body) else orelse)
        fields = {
            name: [self._cut(each) if isinstance(each, ast.AST) else each for each in value]
            if isinstance(value, list)
            else self._cut(value)
            if isinstance(value, ast.AST)
            else value
            for name, value in ast.iter_fields(node)
        }
        return self._stamped(type(node)(**fields), node)

    def copied(self, node: _Node) -> _Node:
        """Returns what comes after the site, or is evaluated beside it."""
        if isinstance(node, ast.Lambda | ast.ClassDef):
            return node  # a function of its own, made as ever
        fields = {
            name: [self.copied(each) if isinstance(each, ast.AST) else each for each in value]
            if isinstance(value, list)
            else self.copied(value)
            if isinstance(value, ast.AST)
            else value
            for name, value in ast.iter_fields(node)
        }
        return self._stamped(type(node)(**fields), node)

    def _stamped(self, new: _Node, old: ast.AST) -> _Node:
        line = getattr(old, "lineno", 0)
        if line:
            mark = self.emitter.lines.mark(line)
            self.emitter.stamp(new, mark._replace(entry=True))
        site = form.noted(old, "site")
        if site:
            form.note(new, site=site)
        return new

    def _result(self, node: ast.AST) -> ast.expr:
        mark = self.emitter.lines.mark(node.lineno)._replace(entry=True)  # type: ignore[attr-defined]
        if self.entry.way == "again":
            assert isinstance(node, ast.expr)
            return self.copied(node)
        if self.entry.way == "yield":
            result: ast.expr = ast.Yield(None)
        elif self.entry.way == "from":
            assert isinstance(node, ast.YieldFrom)
            result = ast.YieldFrom(ast.Call(load(".primed"), [self.copied(node.value)], []))
        else:
            result = ast.Call(_pop(), [_pop()], [])
        self.emitter.stamp(result, mark)
        form.note(result, site=self.entry.site)
        if self.entry.way == "made":
            result = ast.Call(load(".made"), [result, _pop()], [])
        elif self.entry.way == "operation":
            known = operations.name_of(node)
            assert known is not None
            name, operands = known
            needed = operands if operations.looks_back(name) else []
            parts = [ast.Constant(name), result, _pop(), *(self.copied(operand) for operand in needed)]
            result = ast.Call(load(".finished"), parts, [])
        for inner in ast.walk(result):
            if isinstance(inner, ast.expr) and not form.noted(inner, "placed"):
                self.emitter.stamp(inner, mark._replace(site=0))
        return result


def _pop() -> ast.expr:
    return ast.Call(ast.Attribute(load(".s"), "pop", ast.Load()), [], [])

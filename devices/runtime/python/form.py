"""The normal form: a function as blocks of steps, each of which is a place where it can stop or a glue between two.

A `Step` is a statement whose calls stand where the value stack holds nothing that cannot be evaluated again. It knows
its `Block`, and a block its parent step, so that the rest of a function from any step is found by going outwards
(`rest`). Number 0 is glue: no stop, no position. Everything here is made once, when a module is loaded, and never
changed: the syntax trees that `emit` makes of it are shared by the module's code and by all continuations.

Hidden names begin with a dot, which no user can type.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, Final

VERSION: Final = 4
"""Of the normal form: statements are numbered alike wherever this is the same."""


@dataclass(eq=False)
class Block:
    """Steps in order; ``role`` says which part of ``parent`` it is. A function's own block has no parent."""

    steps: list[Step] = field(default_factory=list)
    parent: Step | None = None
    role: str = "body"


@dataclass(eq=False)
class Step:
    """One step; ``line`` is the user's, ``number`` its place in the function.

    ``origin`` is line and column of the user's statement that it is a part of; of a lambda's steps, and of those that a
    comprehension has, there is none.
    """

    number: int
    line: int
    block: Block
    function: Function = field(init=False, repr=False)
    origin: tuple[int, int] = field(init=False, default=(0, 0))


@dataclass(eq=False)
class Plain(Step):
    """A statement without blocks, or several under one number: ``.k = "break"; break``.

    ``nodes[0]`` holds the sites, if any: a stop in one of them goes on with the rest of it and the other nodes.
    """

    nodes: list[ast.stmt]


@dataclass(eq=False)
class Define(Step):
    """A nested ``def``; a decorated one under a hidden name, its own is bound by the step after it."""

    inner: Function
    name: str


@dataclass(eq=False)
class If(Step):
    """``if``; an ``elif`` is one in the other's ``orelse``."""

    test: ast.expr
    body: Block
    orelse: Block


@dataclass(eq=False)
class While(Step):
    """``while``."""

    test: ast.expr
    body: Block
    orelse: Block


@dataclass(eq=False)
class For(Step):
    """A loop over the hidden ``iterator``; ``clear``: it may hold something whose end can be seen.

    However the loop is left, the iterator is dropped: by ``dropper``, a loop around it that is left at the same time,
    or by itself, with the others that it ``drops``, in this order.
    """

    target: ast.expr
    iterator: str
    clear: bool
    body: Block
    orelse: Block
    dropper: For | None = None
    drops: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Handler:
    """``except kind as saved``.

    ``saved`` is the user's own name where it keeps its value in the handler. Else it is a hidden one, and the user's is
    bound and unbound by the body's first steps, an assignment and an `Unbind`.
    """

    kind: ast.expr | None
    saved: str
    body: Block


@dataclass(eq=False)
class Try(Step):
    """``try`` with its handlers; a ``finally`` is a `Finally` around it.

    ``star``: it is an ``except*``, whose one handler has all clauses in it; its hidden name holds a list (`grouping`)
    of which the exception is the first.
    """

    body: Block
    handlers: list[Handler]
    orelse: Block
    star: bool = False


@dataclass(eq=False)
class Handling(Step):
    """The body runs while the exception that a hidden name holds is being handled, as though it had been caught."""

    saved: str
    body: Block


@dataclass(eq=False)
class Unbind(Step):
    """``try: body finally: name = None; del name``: what ``except ... as name`` means for the name."""

    name: str
    body: Block


@dataclass(eq=False)
class Finally(Step):
    """``marker`` says in ``final`` what is pending.

    0 (nothing), an exception, ``"break"``, ``"continue"``, or the hidden name that holds the value to return. What leaves
    the body says so there. Where nothing has, an exception is under way; unless something else may raise behind it, the
    ``__exit__`` of a ``with``: then exceptions are ``recorded``, which takes a ``try`` more. ``words`` are those that are
    not at their end behind it; they go ``onward``, to the marker of the next one.
    """

    marker: str
    body: Block
    final: Block
    recorded: bool = False
    onward: str = ""
    words: list[str] = field(default_factory=list)


@dataclass(eq=False)
class With(Step):
    """``with`` one manager, which a hidden name holds.

    It is dropped as the iterator of a `For` is; ``passed``: a ``break`` or ``continue`` leaves it, but no loop that could
    drop it.
    """

    manager: str
    target: ast.expr | None
    body: Block
    dropper: For | None = None
    drops: list[str] = field(default_factory=list)
    passed: bool = False


@dataclass(eq=False)
class Match(Step):
    """``match``."""

    subject: ast.expr
    cases: list[tuple[ast.pattern, ast.expr | None, Block]]


@dataclass(eq=False)
class Function:
    """A function of the program in normal form.

    Attributes:
        number: its place in the module; the same on every Python.
        name: and ``qualname``: as in plain Python.
        parameters: of the function, in order.
        head: steps that only the function's own start has: the docstring.
        declarations: ``global`` and ``nonlocal`` statements.
        names: its own variables.
        shared: those of them that lasting closures share with it.
        free: the variables of enclosing functions that it uses.
        outside: the global names that it, and the functions in it, use.
        rebound: its variables that are assigned or deleted somewhere, parameters among them.
        bound_inside: its variables that are bound in a comprehension in it.
        keepers: hidden names that may hold a closure, by the shared variables it shows.
        steps: by number.
        blocking: why it can never travel, for people; empty if it can.
    """

    number: int
    module: str
    name: str
    qualname: str
    line: int
    arguments: ast.arguments
    parameters: list[str]
    generator: bool
    body: Block
    head: list[ast.stmt] = field(default_factory=list)
    declarations: list[ast.stmt] = field(default_factory=list)
    returns: ast.expr | None = None
    type_params: list[ast.AST] = field(default_factory=list)
    names: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()
    global_names: frozenset[str] = frozenset()
    nonlocal_names: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset()
    rebound: frozenset[str] = frozenset()
    bound_inside: frozenset[str] = frozenset()
    keepers: dict[str, frozenset[str]] = field(default_factory=dict)
    steps: dict[int, Step] = field(default_factory=dict)
    blocking: str = ""


def note(node: ast.AST, **facts: Any) -> None:
    """Notes something on a node: ``site``, ``function``, ``placed``."""
    vars(node).update(facts)


def noted(node: ast.AST, fact: str) -> Any:
    """Returns what was noted, or ``None``."""
    return vars(node).get(fact)

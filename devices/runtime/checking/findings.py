"""What `check` says: findings with their place, and the whole of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from devices.runtime.checking.code import Code
    from devices.runtime.checking.program import CheckedProgram

Severity = Literal["error", "warning"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found.

    Attributes:
        file: the path, beside which folder the command was given it.
        line: from 1.
        column: from 1.
        kind: the rule's name.
        severity: ``"error"``: it stops the function from being moved; ``"warning"``: what a move does to it is
            not what one would think.
        what: a sentence.
        remedy: what to write instead.
        quote: the line of the file.
    """

    file: str
    line: int
    column: int
    kind: str
    severity: Severity
    what: str
    remedy: str
    quote: str


class CheckedFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function that may be run; ``places``: where in it it can be stopped."""

    name: str
    line: int
    places: int


class Checked(msgspec.Struct, kw_only=True):
    """What `check` found in a function's files.

    Attributes:
        files: the function's file and the modules beside it that it imports.
        functions: the functions that may be run: those marked with ``@function``, else all of the file.
        places: where the files' functions can be stopped, all together.
        findings: errors first, each kind of severity in the order of files and lines.
        errors: how many of the findings are.
        warnings: how many of the findings are.
        silenced: findings that a comment ``# midstream: ok`` has taken back.
    """

    files: list[str] = []
    functions: list[CheckedFunction] = []
    places: int = 0
    findings: list[Finding] = []
    errors: int = 0
    warnings: int = 0
    silenced: int = 0


class Found(NamedTuple):
    """What a rule says about a node."""

    node: ast.AST
    severity: Severity
    what: str
    remedy: str


Look = Callable[["CheckedProgram", "Code"], Iterator[Found]]


@dataclass(frozen=True)
class Rule:
    """One rule; ``finds`` says in a few words what it is for."""

    kind: str
    finds: str
    look: Look

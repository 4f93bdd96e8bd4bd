"""A formula's names found, checked and replaced by variables; what would cost too much is refused.

CEL has no loops, so a formula ends; but it need not end soon. Measured with the library that evaluates it: `map` over
20,000 elements takes half a minute, because it copies the list at each step, and a pattern with nested counted
repetitions as long. Both are refused, and so are loops within loops.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from math import prod
from typing import Final, NamedTuple

from coordinator.rules.names import ROOTS, Names
from coordinator.rules.past import KINDS, Measure, measure
from coordinator.rules.scene import Reference, Scene
from devices.errors import ConfigurationError, printable
from devices.protocol.readings import NoNumber

FUNCTIONS: Final = ("size", "int", "double", "string")
METHODS: Final = ("size", "contains", "startsWith", "endsWith", "matches")
LOOPS: Final = ("exists", "all", "exists_one")
DEEPEST: Final = 32
"""Brackets within brackets."""
LARGEST_PATTERN: Final = 1000
"""Characters of a pattern, times its counted repetitions: what matching it costs for each character of a text."""
_WORDS: Final = ("true", "false", "in")
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
    | (?P<text>[rR]?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    | (?P<number>0[xX][0-9a-fA-F]+|[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>&&|\|\||[=!<>]=|.)""",
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether there is a value: ``has(payload.ENERGY)``."""

    of: Reference

    @property
    def name(self) -> str:
        """As it was written."""
        return f"has({self.of.name})"

    def get(self, scene: Scene) -> bool:
        """Returns whether it is neither absent nor null."""
        return not isinstance(self.of.get(scene), NoNumber)


class Rewritten(NamedTuple):
    """A formula with variables ``v0``, ``v1`` ... in place of names.

    Args:
        text: for the library.
        references: what the variables stand for, in order.
        patterns: of `matches`, as they were written.
    """

    text: str
    references: tuple[Reference, ...]
    patterns: tuple[str, ...]

    @property
    def underlying(self) -> list[Reference]:
        """The names themselves, without what is asked about them."""
        return [each.of if isinstance(each, (Measure, Presence)) else each for each in self.references]


def rewrite(text: str, names: Names) -> Rewritten:
    """Returns a formula with its names bound.

    Args:
        text: which is CEL; that has been looked at.
        names: those that the rule may use.

    Raises:
        ConfigurationError: a name or a function that there is not, with the nearest one; or what would cost too much.
    """
    return _Rewriter(text, names).whole()


class _Rewriter:
    def __init__(self, text: str, names: Names) -> None:
        self._text = text
        self._names = names
        self._tokens = [
            _Token(found.lastgroup or "", found[0], found.start(), found.end())
            for found in _TOKEN.finditer(text)
            if found.lastgroup != "space"
        ]
        self._references: list[Reference] = []
        self._patterns: list[str] = []
        self._open: list[str] = []  # for each open bracket the variable of the loop that it belongs to, else nothing

    def whole(self) -> Rewritten:
        out: list[str] = []
        position = 0
        while position < len(self._tokens):
            piece, position = self._step(position)
            out.append(piece)
        return Rewritten(" ".join(out), tuple(self._references), tuple(self._patterns))

    def _at(self, position: int) -> str:
        return self._tokens[position].text if 0 <= position < len(self._tokens) else ""

    def _step(self, position: int) -> tuple[str, int]:
        token = self._tokens[position]
        if token.kind == "name":
            return self._name(position)
        if token.kind == "number":
            index = self._at(position - 1) == "[" and self._at(position + 1) == "]" and position > 1
            plain = token.text.isdecimal() and not (
                index and self._at(position - 2) not in ("&&", "||", "in", "(", ",")
            )
            return f"{token.text}.0" if plain else token.text, position + 1
        if token.text in ("(", "[", "{"):
            self._enter("")
        elif token.text in (")", "]", "}") and self._open:
            self._open.pop()
        elif token.text == "%":
            raise ConfigurationError("% is for whole numbers, and all numbers are floats here", remedy="use < and >")
        elif token.text == "/" and self._at(position + 1) == "/":
            raise ConfigurationError("a comment within a formula", remedy="write it behind a # on a line of its own")
        return token.text, position + 1

    def _enter(self, loop: str) -> None:
        self._open.append(loop)
        if len(self._open) > DEEPEST:
            raise ConfigurationError(f"more than {DEEPEST} brackets within each other", remedy="make two rules")

    def _name(self, position: int) -> tuple[str, int]:
        word, called = self._at(position), self._at(position + 1) == "("
        if called and self._at(position - 1) == ".":
            return self._method(word, position)
        if word in _WORDS or word in self._open or self._at(position - 1) == ".":
            return word, position + 1
        if word == "null":
            raise ConfigurationError(
                "null is no news here: it neither fires nor clears", remedy="write has(payload.x) or !has(payload.x)"
            )
        if called and word in KINDS:
            return self._measure(word, position + 2)
        if called and word == "has":
            of, after = self._path(position + 2)
            self._expect(")", after, "has takes one name", "has(payload.ENERGY)")
            return self._variable(Presence(of)), after + 1
        if called and word not in FUNCTIONS:
            raise self._no_function(word)
        if called:
            return word, position + 1
        of, after = self._path(position)
        return self._variable(of), after

    def _method(self, word: str, position: int) -> tuple[str, int]:
        if word in LOOPS:
            if any(self._open):
                raise ConfigurationError(f"a loop within a loop: {word}", remedy="make two rules")
            self._enter(self._at(position + 2))
            return f"{word}(", position + 2
        if word == "matches":
            self._expect(")", position + 3, "matches takes one pattern, in quotes", 'payload.matches("^on$")')
            self._pattern(self._tokens[position + 2])
        if word not in METHODS:
            raise self._no_function(word)
        return word, position + 1

    def _pattern(self, token: _Token) -> None:
        if token.kind != "text":
            raise ConfigurationError(
                "matches takes a pattern in quotes, none that comes with a message", remedy='payload.matches("^on$")'
            )
        counts = re.findall(r"\{([0-9]+)(?:,([0-9]*))?\}", token.text)
        cost = len(token.text) * prod(max(int(most or least), 1) for least, most in counts)
        if cost > LARGEST_PATTERN:
            raise ConfigurationError(
                f"the pattern {printable(token.text, 60)} would cost too much",
                remedy="repeat with + or *, not by count",
            )
        self._patterns.append(token.text)

    def _measure(self, function: str, position: int) -> tuple[str, int]:
        of, after = self._path(position)
        span = None
        if self._at(after) == "," and after + 1 < len(self._tokens) and self._tokens[after + 1].kind == "text":
            span, after = _unquoted(self._at(after + 1)), after + 2
        self._expect(")", after, f"{function} takes a name and a duration", f'{function}(hub.cpu, "5m")')
        return self._variable(measure(function, of, span)), after + 1

    def _path(self, position: int) -> tuple[Reference, int]:
        """Reads ``payload.ENERGY["Power"][0]``; returns what it stands for and the position behind it."""
        if position >= len(self._tokens) or self._tokens[position].kind != "name":
            raise ConfigurationError(
                "a name is missing", remedy=f"there are {', '.join(f'{each}.*' for each in ROOTS)}"
            )
        root, start = self._at(position), self._tokens[position].start
        path: list[str | int] = []
        position += 1
        while position + 1 < len(self._tokens):
            key = self._tokens[position + 1]
            if self._at(position) == "." and key.kind == "name" and self._at(position + 2) != "(":
                path.append(key.text)
                position += 2
            elif self._at(position) == "[" and key.kind in ("text", "number") and self._at(position + 2) == "]":
                path.append(_unquoted(key.text) if key.kind == "text" else _index(key.text))
                position += 3
            else:
                break
        written = self._text[start : self._tokens[position - 1].end]
        return self._names.bind(root, tuple(path), written), position

    def _variable(self, of: Reference) -> str:
        if of not in self._references:
            self._references.append(of)
        return f"v{self._references.index(of)}"

    def _expect(self, sign: str, position: int, message: str, example: str) -> None:
        if self._at(position) != sign:
            raise ConfigurationError(message, remedy=f"as in {example}")

    def _no_function(self, word: str) -> ConfigurationError:
        if word in (*METHODS, *LOOPS):
            return ConfigurationError(f"{word} stands behind what it is asked of", remedy=f"as in payload.{word}(...)")
        known = (*FUNCTIONS, *METHODS, *LOOPS, "has", *KINDS)
        near = get_close_matches(word, known, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        return ConfigurationError(f"there is no function {printable(word, 60)!r}", remedy=remedy)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _index(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ConfigurationError(f"[{printable(text, 20)}] is no place in a list", remedy="count from 0: payload[0]")
    return int(text)

"""A statement of a function, found again in a changed version of it.

Two blocks are aligned by what stands in both exactly once, as a patience diff does; between two such anchors the search
goes on with what is single there. A statement that other ones have been moved across is not found: what has run would
run again, or what has not would be left out. Nor is one that stands there several times, unless as often as before.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Position = tuple[int, int]
"""Line and column at which a statement begins."""
_WORDS: Final = {ast.For: "for", ast.While: "while", ast.With: "with", ast.Try: "try", ast.TryStar: "try"}


class Lost(Exception):  # noqa: N818  (no error: an answer, in words)
    """A frame or an object does not land; the reason is for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Spot:
    """A statement and where it stands: the block, what the block is of ``parent``; none: the function's own."""

    statement: ast.stmt
    block: Sequence[ast.stmt]
    part: str
    parent: Spot | None

    def way(self) -> list[Spot]:
        """Returns the statements around it, outermost first, and it itself."""
        spots, spot = [self], self.parent
        while spot is not None:
            spots.append(spot)
            spot = spot.parent
        return spots[::-1]


def spots_of(function: ast.FunctionDef) -> dict[Position, Spot]:
    """Returns all statements of a function, not of those inside it, by position."""
    found: dict[Position, Spot] = {}
    waiting: list[tuple[Sequence[ast.stmt], str, Spot | None]] = [(function.body, "", None)]
    while waiting:
        block, part, parent = waiting.pop()
        for statement in block:
            spot = Spot(statement, block, part, parent)
            found[statement.lineno, statement.col_offset] = spot
            waiting += [(inner, name, spot) for name, inner in parts_of(statement)]
    return found


def parts_of(statement: ast.stmt) -> Iterator[tuple[str, Sequence[ast.stmt]]]:
    """Yields the blocks of a statement by name."""
    match statement:
        case ast.If() | ast.For() | ast.While():
            yield "body", statement.body
            yield "orelse", statement.orelse
        case ast.With():
            yield "body", statement.body
        case ast.Try() | ast.TryStar():
            yield "body", statement.body
            for number, handler in enumerate(statement.handlers):
                yield f"handler {number}", handler.body
            yield "orelse", statement.orelse
            yield "final", statement.finalbody
        case ast.Match():
            for number, case in enumerate(statement.cases):
                yield f"case {number}", case.body


def whole(statement: ast.stmt) -> str:
    """Returns all that a statement says, without its place."""
    return ast.dump(statement)


def header(statement: ast.stmt) -> str:
    """Returns what a compound statement says without its blocks; of any other all."""
    match statement:
        case ast.If(test=test):
            parts: list[object] = [test]
        case ast.While(test=test):
            parts = [test]
        case ast.For(target=target, iter=iterable):
            parts = [target, iterable]
        case ast.With(items=items):
            parts = [*items]
        case ast.Try(handlers=handlers, finalbody=final) | ast.TryStar(handlers=handlers, finalbody=final):
            parts = [bool(final), *(part for handler in handlers for part in (handler.type, handler.name))]
        case ast.Match(subject=subject, cases=cases):
            parts = [subject, *(part for case in cases for part in (case.pattern, case.guard))]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            parts = [name]
        case _:
            return whole(statement)
    said = [ast.dump(part) if isinstance(part, ast.AST) else repr(part) for part in parts]
    return " ".join([type(statement).__name__, *said])


def _around(statement: ast.stmt) -> str:
    """Returns what must be the same of a statement around one that is under way: of an ``if``, nothing is pending."""
    return "If" if isinstance(statement, ast.If) else header(statement)


def found_again(spot: Spot, function: ast.FunctionDef) -> list[ast.stmt]:
    """Returns the way to a statement in a changed function: what `Spot.way` is in the function as it was.

    Raises:
        Lost: it is not there, or not certainly.
    """
    block: Sequence[ast.stmt] = function.body
    found: list[ast.stmt] = []
    way = spot.way()
    for outer, here in zip([None, *way], way, strict=False):
        if outer is not None:
            block = dict(parts_of(found[-1])).get(here.part, [])
        keys = (whole, header) if here is spot else (whole, header, _around)
        partner = _partner(here.block, block, here.statement, keys)
        if partner is None:
            raise Lost(_gone(here.statement, here is spot))
        found.append(partner)
    return found


def _gone(statement: ast.stmt, itself: bool) -> str:
    if itself:
        return "its statement is gone or has changed"
    word = _WORDS.get(type(statement), "statement")
    return f"the '{word}' of line {statement.lineno}, in which it stands, is gone or has changed"


def _partner(
    old: Sequence[ast.stmt],
    new: Sequence[ast.stmt],
    statement: ast.stmt,
    keys: Sequence[Callable[[ast.stmt], str]],
) -> ast.stmt | None:
    at = next(index for index, each in enumerate(old) if each is statement)
    old_range, new_range = range(len(old)), range(len(new))
    for key in keys:
        olds, news = {i: key(old[i]) for i in old_range}, {j: key(new[j]) for j in new_range}
        found = None
        while True:
            single = _single(olds, news)
            found = single.get(at)
            if found is not None:
                break
            anchors = _in_order(sorted(single.items()))
            before = max((pair for pair in anchors if pair[0] < at), default=(-1, -1))
            behind = min((pair for pair in anchors if pair[0] > at), default=(len(old), len(new)))
            kept = {i: text for i, text in olds.items() if before[0] < i < behind[0]}
            left = {j: text for j, text in news.items() if before[1] < j < behind[1]}
            if len(kept) == len(olds) and len(left) == len(news):
                break
            olds, news = kept, left
        if found is None and key is not _around:
            found = _as_often(olds, news, at)
        if found is not None:
            _check_order(old, new, at, found)
            return new[found]
        old_range, new_range = _span(olds, old_range), _span(news, new_range)
    return None


def _span(kept: dict[int, str], before: range) -> range:
    return range(min(kept), max(kept) + 1) if kept else range(before.start, before.start)


def _single(olds: dict[int, str], news: dict[int, str]) -> dict[int, int]:
    """Returns what stands in both exactly once."""
    counts, others = Counter(olds.values()), Counter(news.values())
    places = {text: j for j, text in news.items()}
    return {i: places[text] for i, text in olds.items() if counts[text] == 1 == others[text]}


def _as_often(olds: dict[int, str], news: dict[int, str], at: int) -> int | None:
    alike = [i for i, text in olds.items() if text == olds[at]]
    others = [j for j, text in news.items() if text == olds[at]]
    return others[alike.index(at)] if len(alike) == len(others) else None


def _check_order(old: Sequence[ast.stmt], new: Sequence[ast.stmt], at: int, found: int) -> None:
    single = _single({i: whole(each) for i, each in enumerate(old)}, {j: whole(each) for j, each in enumerate(new)})
    for i, j in single.items():
        if i != at and (i < at) != (j < found):
            where = "before it and stands behind it now" if i < at else "behind it and stands before it now"
            raise Lost(f"the statement of line {old[i].lineno} stood {where}")


def _in_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns the most of the pairs that are in the same order on both sides; the pairs are sorted by the first."""
    ends: list[int] = []  # of the best chain of each length, its last second number
    last: list[int] = []  # and its last pair
    earlier: list[int] = []
    for index, (_, second) in enumerate(pairs):
        length = bisect_left(ends, second)
        earlier.append(last[length - 1] if length else -1)
        ends[length : length + 1], last[length : length + 1] = [second], [index]
    chain, index = [], last[-1] if last else -1
    while index >= 0:
        chain.append(pairs[index])
        index = earlier[index]
    return chain[::-1]

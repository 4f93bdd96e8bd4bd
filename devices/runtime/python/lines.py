"""Virtual lines: how an instruction tells its statement.

The normal form is compiled with a virtual line for each (user's line, function, statement, site); the compiler carries
lines faithfully into its line table and never merges instructions of different lines. Then the code object gets a
second line table with the user's lines, and that copy is the one that runs: tracebacks are right, the bytecode is the
same by construction, and the first copy's table answers which statement an instruction belongs to.

Tried before: statement numbers in the column offsets of a second compilation, with equal bytecode asserted. It works,
but costs a compilation of everything twice, and ``PYTHONNODEBUGRANGES`` takes the columns away.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Final, NamedTuple

_NO_COLUMNS: Final = 13  # codes of the location table: Objects/locations.md of CPython
_NO_LOCATION: Final = 15
_LONGEST: Final = 8  # code units that one entry covers at most


START: Final = -1
"""The number in the mark of a function's first line."""
START_INSIDE: Final = -2
"""The same of a lambda: the enclosing statement's instructions that make it are on that line too."""


class Mark(NamedTuple):
    """What a virtual line says.

    ``number`` 0 is glue. ``site`` numbers the calls and yields of a statement from 1. ``entry``: the statement at which
    a continuation begins, in the middle: a position, but no place to stop before.
    """

    line: int
    function: int = 0
    number: int = 0
    site: int = 0
    entry: bool = False


class Lines:
    """The virtual lines of a program; they are handed out as they are needed and mean nothing outside the process."""

    def __init__(self) -> None:
        self._marks: list[Mark] = [Mark(0), Mark(1)]  # no line at all, and what the compiler gives to a module
        self._lines: dict[Mark, int] = {}

    def line(self, mark: Mark) -> int:
        """Returns the virtual line of a mark."""
        found = self._lines.get(mark)
        if found is None:
            found = self._lines[mark] = len(self._marks)
            self._marks.append(mark)
        return found

    def mark(self, line: int) -> Mark:
        """Returns what a virtual line says."""
        return self._marks[line]


def dress(
    code: CodeType,
    lines: Lines,
    rename: Callable[[Mark, CodeType], str | None],
    seen: Callable[[CodeType, CodeType], None],
) -> CodeType:
    """Returns the code that runs: user's lines, user's names.

    Args:
        code: compiled with virtual lines.
        lines: their meaning.
        rename: gives the qualified name of a function by the mark of its first line, ``None``: as it is.
        seen: is told each pair of compiled and running code.
    """
    return _dress(code, lines, rename, seen, code.co_qualname, code.co_qualname)


def _dress(  # noqa: PLR0917
    code: CodeType,
    lines: Lines,
    rename: Callable[[Mark, CodeType], str | None],
    seen: Callable[[CodeType, CodeType], None],
    outer: str,
    outer_shown: str,
) -> CodeType:
    mark = lines.mark(code.co_firstlineno)
    shown = rename(mark, code)
    if shown is None:
        shown = outer_shown + code.co_qualname[len(outer) :] if code.co_qualname.startswith(outer) else code.co_qualname
    constants = tuple(
        _dress(constant, lines, rename, seen, code.co_qualname, shown)
        if isinstance(constant, CodeType)
        else shown
        if type(constant) is str and constant == code.co_qualname  # a class body stores its __qualname__
        else constant
        for constant in code.co_consts
    )
    name = shown.rpartition(".")[2] if code.co_name.startswith(".") else code.co_name
    running = code.replace(
        co_consts=constants,
        co_name=name,
        co_qualname=shown,
        co_firstlineno=mark.line,
        co_linetable=_table(code, lines, mark.line),
    )
    seen(code, running)
    return running


def _table(code: CodeType, lines: Lines, first: int) -> bytes:
    table = bytearray()
    previous = first
    for start, end, virtual in code.co_lines():
        units = (end - start) // 2
        line = lines.mark(virtual).line if virtual else 0
        while units > 0:
            length = min(units, _LONGEST)
            units -= length
            if line:
                table.append(0x80 | _NO_COLUMNS << 3 | length - 1)
                _append_signed(table, line - previous)
                previous = line
            else:
                table.append(0x80 | _NO_LOCATION << 3 | length - 1)
    return bytes(table)


def one_line(size: int) -> bytes:
    """Returns the line table of a code object of ``size`` bytes that is all in its first line."""
    table = bytearray()
    for start in range(0, size // 2, _LONGEST):
        table.append(0x80 | _NO_COLUMNS << 3 | min(size // 2 - start, _LONGEST) - 1)
        table.append(0)
    return bytes(table)


def _append_signed(table: bytearray, number: int) -> None:
    value = (-number << 1 | 1) if number < 0 else number << 1
    while value >= 0x40:
        table.append(0x40 | value & 0x3F)
        value >>= 6
    table.append(value)

"""Which statement an instruction belongs to, and at which instructions a function may stop.

A function may stop before a statement where the statement starts and the value stack holds nothing of it: at an
instruction of the statement all of whose predecessors in the flow of control belong to another one. Of a loop, that is
also its header reached by the jump back. The table is static: a rule like "the line has changed since the last event"
stops at wrong places as soon as one event goes missing.
"""

from __future__ import annotations

import dis
from bisect import bisect_right
from collections.abc import Collection
from types import CodeType
from typing import Final

from devices.runtime.python.lines import START_INSIDE, Lines, Mark

_JUMPS: Final = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_EXTENDED: Final = dis.opmap["EXTENDED_ARG"]
_FOR_ITER: Final = dis.opmap["FOR_ITER"]
_LEAVES: Final = frozenset(
    dis.opmap[name]
    for name in (
        "RETURN_VALUE",
        "RETURN_CONST",
        "RAISE_VARARGS",
        "RERAISE",
        "JUMP_FORWARD",
        "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
    )
    if name in dis.opmap
)
"""Instructions that never go on with the next one."""
_SILENT: Final = frozenset(
    dis.opmap[name] for name in ("RESUME", "COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR") if name in dis.opmap
)
_BEGINS: Final = _SILENT | {dis.opmap["PUSH_EXC_INFO"]}
"""Instructions without a line that a function or a handler of the user's begins with. Others are first in the handlers
that the compiler adds, with which a comprehension gives variables back: these are in the middle of a statement."""


class Positions:
    """The marks of one code object, by instruction offset (bytes).

    Args:
        compiled: the code, with virtual lines.
        lines: their meaning.
        loops: the numbers of its ``for`` statements. From 3.12 on the loop of a comprehension stands in the same code,
            in the middle of a statement.
    """

    def __init__(self, compiled: CodeType, lines: Lines, loops: Collection[int]) -> None:
        self._loops = loops
        ranges = [(start, virtual) for start, _, virtual in compiled.co_lines()]
        self._starts_of_ranges = [start for start, _ in ranges]
        self._marks: list[Mark | None] = [None if virtual is None else lines.mark(virtual) for _, virtual in ranges]
        self._compiled = compiled
        self._stops: dict[int, Mark] | None = None

    def mark(self, offset: int) -> Mark | None:
        """Returns the mark of the instruction at an offset; ``None``: it belongs to no line."""
        return self._marks[bisect_right(self._starts_of_ranges, offset) - 1]

    @property
    def stops(self) -> dict[int, Mark]:
        """The offsets at which the function may stop, with the statement they are before."""
        if self._stops is None:
            self._stops = self._find_stops()
        return self._stops

    def _find_stops(self) -> dict[int, Mark]:
        marks: dict[int, Mark | None] = {}
        opcodes: dict[int, int] = {}
        predecessors: dict[int, list[int]] = {}
        previous = None
        for instruction in dis.get_instructions(self._compiled):
            offset = instruction.offset
            marks[offset] = self.mark(offset)
            opcodes[offset] = instruction.opcode
            before = predecessors.setdefault(offset, [])
            if previous is not None:
                before.append(previous)
            previous = None if instruction.opcode in _LEAVES else offset
            if instruction.opcode in _JUMPS:
                predecessors.setdefault(instruction.argval, []).append(offset)
        stops: dict[int, Mark] = {}
        for offset, mark in marks.items():
            if mark is None or mark.number <= 0 or mark.entry or opcodes[offset] in _SILENT:
                continue
            origins = _before(offset, predecessors, marks)
            starts = bool(origins) and all(
                _is_other(marks[each], mark) and (marks[each] is not None or opcodes[each] in _BEGINS)
                for each in origins
            )
            prefixed = bool(origins) and all(opcodes[each] == _EXTENDED and each in stops for each in origins)
            header = opcodes[offset] == _FOR_ITER and mark.number in self._loops
            if header or starts or prefixed:
                stops[offset] = mark
        return stops


def _before(offset: int, predecessors: dict[int, list[int]], marks: dict[int, Mark | None]) -> set[int]:
    """Returns the nearest instructions before one that tell where the flow of control comes from.

    Those without a line tell nothing, nor do those that make a lambda, which is done in the middle of a statement. What
    they stand first in is returned for them: a handler.
    """
    found: set[int] = set()
    seen: set[int] = set()
    stack = list(predecessors[offset])
    while stack:
        each = stack.pop()
        mark, before = marks[each], predecessors[each]
        if before and (mark is None or mark.number == START_INSIDE):
            stack.extend(set(before) - seen)
            seen.update(before)
        else:
            found.add(each)
    return found


def _is_other(other: Mark | None, mark: Mark) -> bool:
    return other is None or (other.function, other.number) != (mark.function, mark.number)

"""Stops are before statements: never in the middle of one, where something of it has been done."""

from __future__ import annotations

import pytest

from tests.engine.harness import exercise, source_of

STATEMENTS = {
    "a lambda after a call": "out = [items.pop(), lambda: 1, items.pop()]",
    "a lambda after a call, in a display": "out = {items.pop(): lambda x=items.pop(): x}",
    "defaults of a lambda": "out = lambda x=note(items.pop()), *y, z=note(items.pop()): x",
    "a comprehension after a call": "out = items.pop(), [x for x in (1, 2)], items.pop()",
    "a comprehension that fails": "out = [items.pop() + x for x in (1, None)]",
    "comprehensions in one another": "out = items.pop(), [{y: items.pop() for y in range(x)} for x in (1, 2)]",
    "comprehensions in one another that fail": "out = [[1 // (items.pop() - y) for y in (3, 2)] for x in (1, 2)]",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_no_stop_is_in_the_middle_of_a_statement_with(statement: str) -> None:
    program = f"""
log = []
def note(x):
    log.append(x)
    return x
def main():
    items = [1, 2, 3, 4, 5, 6]
    try:
        {statement}
    except (TypeError, ZeroDivisionError) as error:
        note(repr(error))
    return items
"""
    report = exercise(source_of(program))
    assert report.different == []
    assert report.taken == report.stops

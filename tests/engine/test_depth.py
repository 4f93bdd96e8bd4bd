"""How deep a function may be nested: Python's compiler allows 20 blocks, and the normal form must not need many more."""

from __future__ import annotations

import pytest

from devices.runtime.python.versions import MONITORING
from tests.engine.harness import exercise, source_of

PREAMBLE = """
log = []
def note(x):
    log.append(x)
    return x
class Oops(Exception):
    pass
class Guard:
    def __enter__(self):
        return self
    def __exit__(self, kind, error, traceback):
        log.append(kind and kind.__name__)
def steps(n):
    try:
        yield n
    finally:
        log.append(("closed", n))
"""
ITEMS = "steps({n})" if MONITORING else "[{n}]"
"""On 3.11 what a live capture has looked at may be closed in another order, when it is taken at each stop."""
AROUND = {
    "for": (f"for i{{n}} in {ITEMS}:", ""),
    "while": ("k{n} = 0\nwhile (k{n} := k{n} + 1) < 2:", ""),
    "try": ("try:", "except KeyError: note({n})"),
    "handler": ("try: raise Oops({n})\nexcept Oops as e{n}:", ""),
    "finally": ("try:", "finally: log.append({n})"),
    "with": ("with Guard() as g{n}:", ""),
    "if": ("if log:", ""),
}
NESTS = {
    "loops": (["for"], 15),
    "loops of both kinds": (["for", "while"], 15),
    "finally clauses": (["finally"], 15),
    "handlers": (["handler"], 9),
    "loops with what guards them": (["for", "try"], 13),
    "a bit of everything": (["for", "with", "try", "if", "finally", "while"], 15),
}
LAST = ["note(1)", "raise Oops(note(2))", "return note(3)"]


def nested(kinds: list[str], depth: int, last: str) -> str:
    before, behind = ["log.append(0)"], list[str]()
    for n in range(depth):
        first, end = (text.replace("{n}", str(n)) for text in AROUND[kinds[n % len(kinds)]])
        before += ["    " * n + line for line in first.split("\n")]
        behind += ["    " * n + end] if end else []
    lines = [*before, "    " * depth + last, *reversed(behind)]
    return PREAMBLE + "def main():\n" + "\n".join(f"    {line}" for line in lines) + "\n"


@pytest.mark.parametrize("nest", NESTS)
def test_what_is_nested_deep_is_resumed_equal(nest: str) -> None:
    for last in LAST:
        report = exercise(source_of(nested(*NESTS[nest], last)), every=5, most=10)
        assert report.different == [], last
        assert report.taken > 0

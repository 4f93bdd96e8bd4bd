"""Why stops are passed by in the corpus: all reasons, file by file. One that comes or goes is a change to be looked at."""

from __future__ import annotations

import sys

_ALWAYS: dict[str, set[str]] = {
    "bare_iterators": {
        "code that is not the function's own (Bare.__next__) stands in between",
        "code that is not the function's own (iterated) stands in between",
    },
    "beside_async": {
        (
            "CannotTravelError: main(): line 46: a value in the middle of the statement: the function asyncio.runners.run "
            "cannot travel by its name\n  import asyncio.runners at the top of the function's file, or use it by its name, "
            "not by a variable"
        )
    },
    "comparisons": {
        "Version.__eq__() is called from inside an operation",
        "Version.__hash__() is called from inside an operation",
        "Version.__lt__() is called from inside an operation",
    },
    "containers_of_our_own": {"Steps.__iter__() is called by the loop's iterator"},
    "expressions": {
        "main.<locals>.<genexpr>() is called from inside an operation",
        "main.<locals>.<lambda>() is called from inside an operation",
    },
    "generators": {
        "count() is called by the loop's iterator",
        "count() is called from inside an operation",
        "main.<locals>.<genexpr>() is called from inside an operation",
        "the generator count() is not driven by the statement itself",
    },
    "identity": {"cached() is not called by the statement itself but from inside fast"},
    "lifetimes": {
        "Held.__del__() is called when inside() has ended",
        "Held.__del__() is called when once() has ended",
        "Held.__del__() is not called by the statement itself but from inside inside",
        "Held.__del__() is not called by the statement itself but from inside once",
    },
    "own_iterators": {"Countdown.__iter__() is called by the loop's iterator"},
    "recursion": {"main.<locals>.<genexpr>() is called from inside an operation"},
}
_SINCE_3_12: dict[str, set[str]] = {
    "generators": {"count() is called by a statement that cannot be stopped in"},
    "lifetimes": {"Held.__del__() is called from inside an operation"},
}
"""Where `sys.monitoring` sees a frame that tracing does not, or sees it at another instruction of the same statement."""


def expected(stem: str) -> set[str]:
    """The reasons of a file of the corpus."""
    found = set(_ALWAYS.get(stem, ()))
    return found | _SINCE_3_12.get(stem, set()) if sys.version_info >= (3, 12) else found

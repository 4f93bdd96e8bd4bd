"""One small life of a function, lived by the warm parent before it forks.

A worker's first steps would else be its slowest: modules that are imported at the first use, and Python's own caches in
the instructions of the engine. Lived here, they are in the memory that all workers share. It also shows at once, not at
the first move, if the engine does not work on this Python.
"""

from __future__ import annotations

import linecache
import sys
from typing import Any, Final

from devices.runtime import clock, confinement, library
from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.python.values import Registered
from devices.runtime.source import Source

_NAME: Final = "midstream_warmup"
_FILE: Final = f"{_NAME}.py"
_SOURCE: Final = Source(
    _NAME,
    {
        _FILE: """
from collections import deque; from midstream import ctx, function

seen = []

def read(number, limit):
    try:
        wait(number)
        return min(number, limit)
    finally:
        seen.append(number)

@function
def warmup(count: int = 6):
    totals, last = {"sum": 0.0}, deque(maxlen=3)
    for number in range(count):
        if (value := read(number, count)) > 1:
            totals["sum"] += value
            last.append((f"{number}", lambda: number))
    return totals["sum"]
"""
    },
)
_EXPECTED: Final = 14.0


class _Life:
    """Runs the function, reads it in an effect and between two statements, and goes on from both images."""

    def __init__(self) -> None:
        self.images: list[Image] = []
        given = library.registered()
        wait = self._wait
        registered = Registered(types=given.types, named={**given.named, "wait": wait})
        self._program = Program.load(_SOURCE, library=Library(self._taken_up, registered))
        self._program.namespace["wait"] = wait
        self._execution = Execution(self._program)

    def live(self) -> list[Any]:
        """Returns what the function returned each time."""
        results = [self._execution.start("warmup", [], {})]
        for image in self.images[:2]:
            self._execution = Execution(self._program)
            results.append(self._execution.resume(image.data))
        return results

    def _wait(self, number: int) -> None:
        if len(self.images) < 2 and number == 2:
            image = self._execution.capture_in_effect({"effect": "sleep", "until": 0.0})
            assert image is not None, "nobody takes it elsewhere"
            self.images.append(image)
            self._execution.request(self.images.append, _refused)

    def _taken_up(self, _described: dict[str, Any]) -> None:
        """The effect is over."""


def _refused(error: Exception) -> None:
    raise error


def warm_up() -> None:
    """Lives it, and leaves nothing behind but what is shared.

    Raises:
        AssertionError: the engine does not work on this Python.
    """
    library.given()
    confinement.seen()
    clock.zone_of("UTC")
    try:
        results = _Life().live()
    finally:
        sys.modules.pop(_NAME, None)
        linecache.cache.pop(_FILE, None)
    assert results == [_EXPECTED] * 3, results

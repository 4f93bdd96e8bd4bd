"""A run of which only the first stops were captured goes on as if it had never been looked at."""

from __future__ import annotations

import pytest
from harness import EveryStop, outcome, plain, source_of

from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program

TEXT = """
log = []

class Held:
    def __del__(self):
        log.append("let go of")

def note(x):
    log.append(x)
    return x

def gives(left):
    held = Held()
    try:
        while left > 0:
            try:
                yield note(left)
            finally:
                left -= 1
    finally:
        note("closed")

def main():
    it = gives(2)
    log.append(next(it))
    it = None
    log.append("behind it")
    it = gives(1)
    return next(it)
"""


class FirstStops(EveryStop):
    """Asks for a number of captures, and for no more."""

    def __init__(self, execution: Execution, number: int) -> None:
        self.left = number
        super().__init__(execution, every=1, most=0)

    def ask(self) -> None:
        if self.left:
            super().ask()

    def take(self, image: Image) -> None:
        self.left -= 1
        super().take(image)


def test_objects_live_no_longer_for_the_first_captures() -> None:
    source = source_of(TEXT)
    expected = plain(source)
    for number in range(1, 60):
        execution = Execution(Program.load(source, library=Library()))
        stops = FirstStops(execution, number)
        found = outcome(lambda run=execution: run.start("main", [], {}), execution.program.namespace, source.main_file)
        assert found == expected, f"after {number} captures"
        if stops.left:
            return
    pytest.fail("there is no end of stops")

"""What goes between `exercise` and its interpreters: several at once, and more than their pipes hold."""

from __future__ import annotations

from collections.abc import Callable

from devices.runtime.exercise import Exercise, Findings, exercise
from devices.runtime.exercising.interpreter import Interpreter
from devices.runtime.exercising.packets import UNREAD
from devices.runtime.source import Source

Exercised = Callable[..., Findings]


def test_captures_and_results_that_no_pipe_holds_get_through_both_ways(exercised: Exercised) -> None:
    text = """
def main():
    texts = []
    for i in range(10):
        texts.append(chr(65 + i) * 20_000)
        print(texts[-1])
    return texts
"""
    found = exercised(text, "main")
    assert found.different == []
    assert found.taken == found.resumed_equal > 10
    assert found.bytes_median > UNREAD


def test_captures_that_go_on_in_several_interpreters_at_once_are_compared_each_with_its_own_output() -> None:
    text = """
import os

def main():
    for i in range(20):
        print(i)
    os.environ["DIE"] = "0.3"
    last = os.environ.get("DIE", "0.9")
    return last
"""
    asked = Exercise(Source("program", {"program.py": text}), "main")
    with Interpreter() as home, Interpreter() as one, Interpreter() as two, Interpreter() as three:
        alone, together = exercise(asked, home, one), exercise(asked, home, one, two, three)
        assert alone == together
        assert [each.line for each in together.different] == ["program.py:8"]

"""What has moved once moves again: captures taken inside resumed runs, and runs that are moved a hundred times in a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.runtime.exercise import Exercise, exercise_once
from devices.runtime.source import read_source
from tests.engine.harness import exercise, source_of
from tests.engine.test_every_stop import CORPUS, entries

MOVES = 100
CHAINED = {"own_iterators", "uncaught", "groups_everywhere", "driven_generators", "leaving", "several_managers"}
"""Files whose runs are moved that often in short tests too: what had once gone wrong, and what is hardest."""


def name(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", CORPUS, ids=name)
def test_captures_taken_inside_resumed_runs_are_resumed_equal(path: Path, long_run: bool) -> None:
    for function in entries(path) if long_run else ["main"]:
        every, generations = (3, 3) if long_run else (67, 2)
        report = exercise(source_of(path.read_text()), function, every=every, most=2000, generations=generations)
        assert report.different == [], function
        assert report.equal == report.taken, function


@pytest.mark.parametrize("path", CORPUS, ids=name)
def test_a_run_that_is_moved_a_hundred_times_in_a_row_does_what_one_does_that_stays(path: Path, long_run: bool) -> None:
    moves = MOVES if long_run or path.stem in CHAINED else MOVES // 10
    for function in entries(path) if long_run else ["main"]:
        found = exercise_once(Exercise(read_source(path), function, chain=moves))
        assert found.different == [], function
        assert found.taken == found.resumed_equal > 0, function

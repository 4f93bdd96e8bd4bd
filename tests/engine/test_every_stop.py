"""Small programs, stopped at every statement and resumed from each stop, do what they do in plain Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.harness import exercise, source_of

CORPUS = Path(__file__).parent.parent / "corpus"


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.py")), ids=lambda path: path.stem)
def test_a_program_resumed_from_every_stop_equals_the_uninterrupted_run(path: Path) -> None:
    report = exercise(source_of(path.read_text()))
    assert report.different == []
    assert report.equal == report.taken > 0

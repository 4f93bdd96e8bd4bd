"""Random programs do in normal form, captured live and resumed what they do in plain Python."""

from __future__ import annotations

import pytest

from tests.engine.harness import exercise, source_of
from tests.engine.random_programs import Programs


@pytest.mark.parametrize("seed", range(12))
def test_a_random_program_equals_its_plain_run_wherever_it_is_resumed(seed: int) -> None:
    report = exercise(source_of(Programs(seed).program()), every=3, most=20)
    assert report.different == []


def test_many_random_programs_do_too(long_run: bool) -> None:
    for seed in range(1000, 11_000 if long_run else 1010):
        report = exercise(source_of(Programs(seed).program()), every=5, most=10)
        assert report.different == [], seed

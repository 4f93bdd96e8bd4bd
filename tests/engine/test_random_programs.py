"""Random programs do in normal form, captured live and resumed what they do in plain Python.

Hypothesis makes the choices, so a program that fails shrinks to a small one; that one becomes a case of the corpus.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from devices.errors import SourceError
from tests.engine.harness import exercise, source_of
from tests.engine.random_programs import Programs

PROGRAMS, MANY = 100, 10_000
ANY_SIZE = list(HealthCheck)
FROM_SCRATCH = (Phase.generate, Phase.shrink)


def exercise_program(random: Random, *, every: int, most: int, generations: int = 1) -> None:
    text = Programs(random).program()
    try:
        report = exercise(source_of(text), every=every, most=most, generations=generations)
    except SourceError as refused:
        if "too many statically nested blocks" in refused.message:
            return  # the normal form has more of them than the program, and Python allows 20
        raise
    assert report.different == [], text


@pytest.mark.timeout(900)
@settings(
    max_examples=PROGRAMS,
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=ANY_SIZE,
    phases=FROM_SCRATCH,
)
@given(random=st.randoms(use_true_random=False))
def test_a_random_program_equals_its_plain_run_wherever_it_is_resumed(random: Random) -> None:
    exercise_program(random, every=5, most=8)


@pytest.mark.parametrize("seed", range(100))
def test_programs_that_any_seed_makes_do_too(seed: int) -> None:
    exercise_program(Random(seed), every=7, most=6)


@pytest.mark.parametrize("seed", [1510, 2035, 2530, 3401])
def test_a_generator_closes_in_time_though_a_capture_has_looked_at_who_holds_it(seed: int) -> None:
    exercise_program(Random(seed), every=4, most=14, generations=2 if seed == 1510 else 1)


@pytest.mark.timeout(36_000)
def test_many_random_programs_do_too(long_run: bool) -> None:
    if not long_run:
        pytest.skip("hours: only with --long")
    for seed in range(1000, 1000 + MANY):
        exercise_program(Random(seed), every=4, most=14, generations=2 if seed % 10 == 0 else 1)

"""The move protocol as an executable model, against the coordinator that runs: it may be killed between any two effects."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from machine import Moves
from mutations import MUTATIONS

COUNT, LONG = 25, 4000
"""Runs in which nothing may be found."""
ENOUGH = 400
"""Runs within which each guard that is gone must be found missing."""


def model(count: int, **how) -> settings:
    return settings(
        max_examples=count,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        database=None,
        **how,
    )


@pytest.mark.timeout(0)
def test_every_move_ends_well_whatever_dies_and_whatever_comes_late_or_twice(long_run):
    run_state_machine_as_test(Moves, settings=model(LONG if long_run else COUNT, derandomize=not long_run))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("missing", MUTATIONS)
def test_the_model_finds_each_guard_that_is_gone(missing, long_run):
    if not long_run:
        pytest.skip("with --long: the search takes minutes")
    with MUTATIONS[missing](), pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Moves, settings=model(ENOUGH, phases=[Phase.generate], report_multiple_bugs=False))

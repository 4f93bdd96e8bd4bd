"""The move protocol as an executable model, against the coordinator that runs: it may be killed between any two effects."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from machine import Moves

COUNT, LONG = 120, 4000


def model_settings(count: int) -> settings:
    return settings(
        max_examples=count, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck),
        print_blob=True, database=None,
    )  # fmt: skip


@pytest.mark.timeout(0)
def test_every_move_ends_well_whatever_dies_and_whatever_comes_late_or_twice(long_run):
    run_state_machine_as_test(Moves, settings=model_settings(LONG if long_run else COUNT))

"""A short soak, and that a long one can fail."""

from __future__ import annotations

import pytest

from tests.soak.growth import Held
from tests.soak.load import Outcome
from tests.soak.run import Report, soak


@pytest.mark.timeout(300)
def test_moves_under_steady_load_lose_and_double_nothing(tmp_path):
    report = soak(tmp_path, broker="mosquitto", seconds=0, every=0.2, rate=20, moves=4)
    found = report.outcome
    assert (found.lost, found.doubled, found.wrong, len(report.gaps)) == (0, 0, 0, 4)
    assert found.messages > 0
    assert {"coordinator", "hub-a", "hub-b"} <= report.held.keys()


@pytest.mark.parametrize(
    ("held", "flat"),
    [
        (Held([50, 60, 61, 62], [9, 9, 9, 9]), True),
        (Held([50, 60, 66, 72], [9, 9, 9, 9]), False),
        (Held([50, 60, 60, 60], [9, 9, 12, 15]), False),
    ],
)
def test_what_grows_between_the_second_and_the_last_quarter_is_a_breach(held, flat):
    outcome = Outcome(messages=4, lost=0, doubled=0, wrong=0, delays=[0.1] * 4)
    assert (Report(outcome, [1.0], {"hub-a": held}, 60.0).breaches == []) is flat


def test_numbers_that_are_lost_or_doubled_and_a_lag_that_grows_are_breaches():
    outcome = Outcome(messages=9, lost=1, doubled=2, wrong=3, delays=[0.1, 0.1, 0.1, 0.9])
    assert len(Report(outcome, [1.0], {}, 60.0).breaches) == 4

"""Latches: one event for a condition that comes, stays and goes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.conditions.latch import Latch, Timing


def fired_at(timing: Timing, readings: list[tuple[float, float | None]]) -> list[float]:
    """When a latch for "above 75, clear below 65" fires on readings (time, value); None tells nothing."""
    latch, times = Latch(), []
    for at, value in readings:
        holds = None if value is None else value > 75
        clears = None if value is None else value < 65
        if latch.news(timing, holds=holds, clears=clears, at=at):
            times.append(at)
    return times


def test_it_fires_once_when_the_condition_comes_and_stays():
    assert fired_at(Timing(), [(0, 70), (1, 76), (2, 80), (3, 90)]) == [1]


def test_it_fires_again_only_after_it_was_cleared():
    assert fired_at(Timing(), [(0, 76), (1, 70), (2, 76), (3, 64), (4, 70), (5, 76)]) == [0, 5]


def test_it_waits_until_the_condition_has_held_long_enough():
    assert fired_at(Timing(hold=20), [(0, 76), (10, 77), (19.9, 78), (20, 79), (30, 80)]) == [20]


def test_one_reading_that_denies_the_condition_starts_the_wait_anew():
    assert fired_at(Timing(hold=20), [(0, 76), (10, 75), (15, 76), (30, 76), (35, 76)]) == [35]


def test_what_tells_nothing_neither_fires_nor_ends_the_wait_nor_clears():
    assert fired_at(Timing(hold=20), [(0, 76), (10, None), (25, None), (26, 76)]) == [26]
    assert fired_at(Timing(), [(0, 76), (1, None), (2, 76)]) == [0]


def test_within_its_cooldown_it_waits_and_fires_afterwards_if_the_condition_still_holds():
    assert fired_at(Timing(cooldown=60), [(0, 76), (10, 60), (20, 76), (59, 76), (60, 76)]) == [0, 60]
    assert fired_at(Timing(cooldown=60), [(0, 76), (10, 60), (20, 76), (30, 60), (61, 70)]) == [0]


def test_time_alone_fires_it_when_a_device_speaks_on_change_only():
    latch, timing = Latch(), Timing(hold=20)
    assert not latch.news(timing, holds=True, clears=False, at=0)
    assert [latch.passed(timing, at) for at in (10, 19, 20, 21)] == [False, False, True, False]


def test_time_alone_fires_nothing_that_never_held():
    assert not Latch().passed(Timing(), 1000)


def test_after_a_while_of_deafness_the_wait_starts_anew_but_what_fired_stays_fired():
    latch, timing = Latch(), Timing(hold=20)
    latch.news(timing, holds=True, clears=False, at=0)
    latch.deaf()
    assert not latch.news(timing, holds=True, clears=False, at=30)
    assert latch.news(timing, holds=True, clears=False, at=50)
    latch.deaf()
    assert not latch.news(timing, holds=True, clears=False, at=100)


def test_it_is_idle_when_nothing_is_pending_active_or_resting():
    latch, timing = Latch(), Timing(hold=1, cooldown=60)
    assert latch.idle(timing, 0)
    latch.news(timing, holds=True, clears=False, at=0)
    assert not latch.idle(timing, 0)
    latch.news(timing, holds=True, clears=False, at=1)
    latch.news(timing, holds=False, clears=True, at=2)
    assert not latch.idle(timing, 3)
    assert latch.idle(timing, 61)


readings = st.lists(
    st.tuples(st.floats(0.01, 30), st.none() | st.floats(50, 90, allow_nan=False)), min_size=1, max_size=60
)


@given(readings, st.sampled_from([0.0, 5.0, 20.0]), st.sampled_from([0.0, 10.0, 60.0]))
def test_it_never_fires_too_early_too_often_or_without_a_clear_between(steps, hold, cooldown):
    at, told = 0.0, []
    for step, value in steps:
        at += step
        told.append((at, value))
    times = fired_at(Timing(hold, cooldown), told)
    for first, second in itertools.pairwise(times):
        assert second - first >= cooldown
        assert any(value is not None and value < 65 for when, value in told if first < when < second)
    for time in times:
        before = [value for when, value in told if time - hold <= when <= time and value is not None]
        assert before
        assert all(value > 75 for value in before)


@pytest.mark.parametrize("clears", [True, None, False])
def test_a_condition_that_does_not_hold_never_fires(clears):
    latch = Latch()
    assert not any(latch.news(Timing(), holds=False, clears=clears, at=at) for at in range(100))


def test_it_fires_again_while_the_condition_goes_on_and_less_often_where_that_is_in_vain():
    latch, timing, fired = Latch(), Timing(hold=5, again=30), []
    for at in range(600):
        if latch.news(timing, holds=at < 500, clears=at >= 500, at=at):
            fired.append(at)
            if at >= 65:
                latch.in_vain()
    assert fired == [5, 35, 65, 185]
    assert latch.news(Timing(again=30), holds=True, clears=False, at=600)
    assert not latch.news(timing, holds=None, clears=None, at=650)
    assert latch.news(timing, holds=True, clears=False, at=651)

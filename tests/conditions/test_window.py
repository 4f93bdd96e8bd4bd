"""Windows over the last seconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.conditions.window import SLICES, Window


def test_an_empty_window_answers_nothing():
    window = Window(60)
    assert window.count(0) == 0
    assert [window.average(0), window.least(0), window.most(0), window.rate(0)] == [None] * 4


def test_it_tells_average_extremes_count_and_rate_of_the_last_seconds():
    window = Window(60)
    for at, value in [(0, 10.0), (10, 30.0), (20, 20.0)]:
        window.add(value, at)
    assert window.average(20) == 20
    assert (window.least(20), window.most(20)) == (10, 30)
    assert window.count(20) == 3
    assert window.rate(20) == pytest.approx(0.5)


def test_readings_fall_out_at_the_end_of_the_span():
    window = Window(60)
    window.add(90.0, 0)
    window.add(10.0, 30)
    assert window.most(58) == 90
    assert window.most(61) == 10
    assert window.average(200) is None


def test_a_rate_needs_two_different_times():
    window = Window(60)
    window.add(1.0, 5)
    window.add(2.0, 5)
    assert window.rate(5) is None


def test_a_million_readings_take_no_more_room_than_sixty_slices():
    window = Window(10)
    for number in range(20_000):
        window.add(float(number), number / 1000)
    assert len(window._slices) <= SLICES
    assert window.count(20) <= 10_001


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(-1e6, 1e6)), min_size=1, max_size=100))
def test_it_agrees_with_all_readings_kept_up_to_a_sixtieth_at_its_edge(steps):
    window, at, kept = Window(60), 0.0, []
    for step, value in steps:
        at += step
        window.add(value, at)
        kept.append((at, value))
    surely = [value for when, value in kept if when > at - 59]
    perhaps = [value for when, value in kept if when > at - 60]
    assert len(surely) <= window.count(at) <= len(perhaps)
    assert min(perhaps) <= window.least(at) <= min(surely)
    assert max(surely) <= window.most(at) <= max(perhaps)

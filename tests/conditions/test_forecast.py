"""Forecasts: where a number is heading, and when there is nothing to tell."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.conditions.forecast import FEWEST, SLICES, SPARSE, Trend

MINUTE = 60.0
AHEAD = 10 * MINUTE
LIMIT = 92.0


def trend(values, every=5.0, ahead=AHEAD) -> Trend:
    """A trend that has heard values at even times, the last one at ``every * (len(values) - 1)``."""
    found = Trend(ahead)
    for number, value in enumerate(values):
        found.add(value, number * every)
    return found


def expectations(values, every=5.0, ahead=AHEAD) -> list[float]:
    """What was expected for ``ahead`` later at each reading."""
    found, told = Trend(ahead), []
    for number, value in enumerate(values):
        found.add(value, number * every)
        expected = found.expected(number * every + ahead)
        told.append(expected.value if expected else math.nan)
    return told


def noisy(values, deviation, seed=1) -> list[float]:
    chance = random.Random(seed)
    return [value + chance.gauss(0, deviation) for value in values]


def test_before_there_are_enough_readings_nothing_is_expected():
    assert trend([]).expected(AHEAD) is None
    assert trend([50.0] * 4, every=30).expected(AHEAD) is None
    assert trend([50.0] * 100, every=0.1).expected(AHEAD) is None  # a tenth of a second tells nothing about minutes
    assert trend([50.0] * FEWEST, every=30).expected(AHEAD).value == 50


def test_a_straight_line_goes_on():
    rising = trend([40 + number * 0.1 for number in range(120)])
    expected = rising.expected(119 * 5 + AHEAD)
    assert expected.value == pytest.approx(40 + 0.1 * 119 + 0.02 * AHEAD, abs=0.5)
    assert expected.high - expected.low < 1e-6
    assert trend([90 - number * 0.1 for number in range(120)]).expected(119 * 5 + AHEAD).value == pytest.approx(
        66.1, abs=0.5
    )


def test_noise_has_no_direction_and_widens_the_interval():
    told = [trend(noisy([60.0] * 240, 2.0, seed)).expected(239 * 5 + AHEAD) for seed in range(6)]
    assert all(abs(each.value - 60) < 6 for each in told)
    assert all(each.low < 60 < each.high for each in told)
    assert all(each.high - each.low > 4 for each in told)


def test_nineteen_of_twenty_readings_of_a_noisy_line_come_to_lie_within_the_interval():
    inside = 0
    for seed in range(40):
        values = noisy([40 + number * 0.05 for number in range(240)], 1.0, seed)
        expected = trend(values[:120]).expected(119 * 5 + AHEAD)
        inside += expected.low <= values[239] <= expected.high
    assert inside >= 34


def test_a_leak_that_begins_is_seen_before_half_of_its_way_though_noisy():
    quiet, leak = [40.0] * 240, [40 + number * 0.5 for number in range(60)]  # six percent a minute
    for seed in range(4):
        told = expectations(noisy(quiet + leak, 1.0, seed))
        assert max(value for value in told[SPARSE * 2 : 240]) < LIMIT - 30
        first = next(number for number in range(240, 300) if told[number] > LIMIT)
        assert (first - 240) * 5 <= 300  # it is full after ten minutes


@pytest.mark.parametrize("step", [-60.0, 30.0])
def test_a_step_is_no_slope(step):
    told = expectations(noisy([60.0] * 240 + [60.0 + step] * 240, 0.5))
    level = [60.0] * 240 + [60.0 + step] * 240
    assert all(abs(value - here) < 8 for value, here in zip(told[20:240], level[20:], strict=False))
    assert all(abs(value - here) < 8 for value, here in zip(told[244:], level[244:], strict=True))  # 20 s later


def test_spikes_change_nothing():
    values = noisy([50.0] * 400, 0.5)
    for number in range(0, 400, 7):
        values[number] = 100.0
    assert all(abs(value - 50) < 12 for value in expectations(values)[20:])


def test_a_line_is_carried_on_for_as_long_as_it_was_seen():
    minute = trend([40 + number * 0.5 for number in range(13)])
    assert minute.expected(MINUTE + AHEAD).value == pytest.approx(46 + 0.1 * MINUTE, abs=1)


def test_a_slope_that_fades_is_expected_to_go_on_fading():
    warm = [45 + 25 * (1 - math.exp(-max(0, number - 120) / 60)) for number in range(360)]  # 70 °C in the end
    told = expectations(noisy(warm, 0.3))
    assert max(told[20:]) < 80
    assert told[200] == pytest.approx(70, abs=3)


def test_devices_that_speak_every_five_minutes_have_a_trend_too():
    told = trend([90.0 - number for number in range(10)], every=5 * MINUTE).expected(45 * MINUTE + AHEAD)
    assert told.value == pytest.approx(79, abs=0.5)


def test_irregular_readings_count_by_their_time():
    chance, at, found = random.Random(7), 0.0, Trend(AHEAD)
    while at < 1200:
        found.add(20 + at * 0.01, at)
        last, at = at, at + chance.expovariate(0.1)
    assert found.expected(last + AHEAD).value == pytest.approx(20 + (last + AHEAD) * 0.01, abs=0.2)


def test_after_a_long_silence_it_begins_anew_and_says_nothing_meanwhile():
    found = trend([40 + number * 0.1 for number in range(120)])
    last = 119 * 5
    assert found.expected(last + 5 * AHEAD) is None
    found.add(20.0, last + 4 * AHEAD)
    assert found.expected(last + 5 * AHEAD) is None


def test_a_million_readings_take_no_more_room_than_its_slices():
    found = trend([float(number % 100) for number in range(20_000)], every=0.1)
    assert len(found._slices) <= SLICES + 2
    found = trend([float(number % 100) for number in range(1_000)], every=600)
    assert len(found._slices) == SPARSE


@given(
    st.lists(st.tuples(st.floats(0, 2000), st.floats(allow_nan=False, allow_infinity=False)), max_size=30),
    st.floats(0, 10_000),
)
def test_any_finite_readings_give_a_finite_ordered_expectation_or_none(steps, later):
    found, at = Trend(AHEAD), 0.0
    for step, value in steps:
        at += step
        found.add(value, at)
        expected = found.expected(at + later)
        if expected is not None:
            assert math.isfinite(expected.value)
            assert -math.inf <= expected.low <= expected.value <= expected.high <= math.inf

"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import UsageError
from devices.protocol.durations import seconds, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90), ("6h", 21600), ("1h 30m", 5400), ("1h30m", 5400), ("250ms", 0.25), ("1.5m", 90), ("2 d", 172800),
        (20, 20), (0.5, 0.5), (timedelta(minutes=2), 120), ("0s", 0), ("1w", 604800),
    ],
)  # fmt: skip
def test_a_duration_is_numbers_with_units_or_seconds(text, expected):
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "20",
        "1:30",
        "01:00:00",
        "-5s",
        "5 minutes",
        "1e3s",
        "9999999w",
        -1,
        float("nan"),
        10**400,
        True,
        "5s x",
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(UsageError) as caught:
        seconds(text)
    assert "90s" in (caught.value.remedy or "")


@given(st.integers(1, 10**9))
def test_words_lose_no_more_than_the_smaller_units(value):
    assert abs(seconds(words(value)) - value) <= value * 0.05


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5s"), (20, "20s"), (5400, "1h 30m"), (90061, "1d 1h"), (0, "0s")])
def test_words_name_the_two_largest_units(value, text):
    assert words(value) == text

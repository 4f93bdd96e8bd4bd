"""Sizes, times and errors in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from coordinator.cli import wording


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "0 B"), (999, "999 B"), (1940, "1.9 KB"), (256_000, "256 KB"), (16_777_216, "16.8 MB"), (5e12, "5000 GB")],
)
def test_a_size_is_told_with_the_digits_that_matter(amount: float, words: str) -> None:
    assert wording.size(amount) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(8, "8 s"), (90, "90 s"), (720, "12 min"), (7200, "2 h"), (400_000, "5 d"), (-1, "0 s")]
)
def test_a_span_is_told_in_the_unit_that_people_use(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


def test_what_is_not_there_is_a_dash() -> None:
    assert wording.size(None) == wording.duration(None) == wording.percent(None) == wording.since("") == "-"


def test_the_age_of_a_time_counts_from_now() -> None:
    now = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)
    assert wording.since("2026-11-25T12:00:00Z", now) == "30 s"


def test_a_time_without_zone_is_no_time() -> None:
    assert wording.since("2026-11-25T12:00:00") == "-"

"""The moment that `until=` means."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from devices.errors import ConfigurationError, UsageError
from devices.runtime.clock import moment, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("now", "until", "then"),
    [
        ("2026-05-01T06:00", "07:00", "2026-05-01T07:00"),
        ("2026-05-01T07:00", "07:00", "2026-05-02T07:00"),
        ("2026-05-01T08:00", "7:00:30", "2026-05-02T07:00:30"),
        ("2026-12-31T23:59", "00:00", "2027-01-01T00:00"),
        ("2026-10-24T07:30", "07:00", "2026-10-25T07:00"),
    ],
)
def test_a_time_of_day_is_the_next_one_in_the_sites_zone(now, until, then):
    assert moment(until, BERLIN, at(now)) == at(then)


def test_a_time_that_summer_time_leaves_out_is_as_much_later():
    assert moment("02:30", BERLIN, at("2026-03-29T00:00")) == at("2026-03-29T03:30")


def test_an_aware_datetime_is_itself_even_if_past():
    assert moment(datetime(2020, 1, 1, tzinfo=UTC), BERLIN, at("2026-01-01T00:00")) == 1577836800.0


@pytest.mark.parametrize("until", ["sunset-30m", "25:00", "7", "", "7:5", 7, datetime(2026, 1, 1)])  # noqa: DTZ001
def test_anything_else_is_refused_with_an_example(until):
    with pytest.raises(UsageError) as caught:
        moment(until, BERLIN)
    assert "07:00" in (caught.value.remedy or "")


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../../etc/passwd", ""])
def test_an_unknown_zone_names_the_remedy(name):
    with pytest.raises(ConfigurationError) as caught:
        zone_of(name)
    assert "timezone" in (caught.value.remedy or "")

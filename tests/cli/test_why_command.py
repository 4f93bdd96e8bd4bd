"""What `why` makes of a time that a person writes, and of what the coordinator kept."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from coordinator.cli.why import beginning, sentences
from coordinator.views.reason import WhyRow
from devices.errors import UsageError

NOW = datetime(2026, 11, 25, 8, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("24h", "2026-11-24T08:30:00+01:00"),
        ("1d 30m", "2026-11-24T08:00:00+01:00"),
        ("22:00", "2026-11-24T22:00:00+01:00"),
        ("07:15", "2026-11-25T07:15:00+01:00"),
        ("2026-11-20", "2026-11-20T00:00:00+01:00"),
        ("2026-07-01 22:00", "2026-07-01T22:00:00+02:00"),
        ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00+00:00"),
    ],
)
def test_since_takes_durations_clocks_and_dates_as_people_write_them(text: str, begins: str) -> None:
    assert beginning(text, NOW).isoformat() == begins


@pytest.mark.parametrize("text", ["", "yesterday", "24", "25:00", "2026-13-01", "-3h", "9999999d"])
def test_since_refuses_what_is_no_time_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="is no time") as caught:
        beginning(text, NOW)
    assert "22:00" in (caught.value.remedy or "")


def test_the_reasons_of_a_move_are_sentences() -> None:
    row = WhyRow(
        at="", did="moved washer from hub-a to hub-b", why="hub-a: temperature 78 > 75", hub="hub-b", by="rule hot",
        metric="hub.temperature", value=78.0, threshold=75.0, place="cpu 3 %", refused={"hub-c": "has no label 'big'"},
        downtime_ms=17.4,
    )  # fmt: skip
    assert sentences(row) == [
        "rule hot: hub-a: temperature 78 > 75 (hub.temperature 78, threshold 75)",
        "why hub-b: cpu 3 %",
        "not hub-c: it has no label 'big'",
        "nothing ran for 17 ms",
    ]
    assert sentences(WhyRow(at="", did="suspended washer", why="asked for by suspend", by="request")) == [
        "asked for by suspend"
    ]

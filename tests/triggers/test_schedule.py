"""When a function is due, across odd nights, set clocks and times in which nobody looked."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.triggers.schedule import COUNTED, Schedule, in_words, look, words
from devices.runtime.settings import Settings

BERLIN = ZoneInfo("Europe/Berlin")


def schedule(*, every=0.0, at=(), cron="", anchor=0.0, zone=BERLIN) -> Schedule:
    return Schedule(every, tuple(at), cron, anchor, zone)


def at(text: str) -> float:
    """A moment in Berlin, or where the text says."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)).timestamp()


def in_berlin(moment: float) -> str:
    return datetime.fromtimestamp(moment, BERLIN).isoformat(timespec="minutes")


def series(of: Schedule, start: str, count: int) -> list[str]:
    moment, found = at(start), []
    for _ in range(count):
        moment = of.after(moment)
        found.append(in_berlin(moment))
    return found


def test_a_time_of_day_is_the_site_s_through_summer_and_winter():
    assert series(schedule(at=["07:00", "19:30"]), "2026-03-28T08:00", 4) == [
        "2026-03-28T19:30+01:00", "2026-03-29T07:00+02:00", "2026-03-29T19:30+02:00", "2026-03-30T07:00+02:00",
    ]  # fmt: skip


def test_a_time_of_day_that_a_night_leaves_out_comes_as_much_later_and_one_that_comes_twice_comes_once():
    nightly = schedule(at=["02:30"])
    assert series(nightly, "2026-03-28T12:00", 2) == ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"]
    assert series(nightly, "2026-10-24T12:00", 2) == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]


def test_a_crontab_is_read_as_debian_s_cron_reads_it_in_those_nights():
    assert series(schedule(cron="30 2 * * *"), "2026-03-28T12:00", 2) == [
        "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00",
    ]  # fmt: skip
    assert series(schedule(cron="30 2 * * *"), "2026-10-24T12:00", 2) == [
        "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00",
    ]  # fmt: skip
    assert series(schedule(cron="*/30 * * * *"), "2026-10-25T02:00+02:00", 4) == [
        "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00", "2026-10-25T03:00+01:00",
    ]  # fmt: skip


@given(every=st.floats(1, 10**6), anchor=st.floats(0, 2 * 10**9), now=st.floats(0, 2 * 10**9))
def test_a_rhythm_stays_on_its_anchor_and_ahead_of_now(every, anchor, now):
    due = schedule(every=every, anchor=anchor).after(now)
    assert now - 1e-3 <= due <= now + every + 1e-3
    turns = (due - anchor) / every
    assert abs(turns - round(turns)) < 1e-3


def test_what_is_due_runs_once_and_then_the_next_time_is_due():
    seven = schedule(at=["07:00"])
    due = at("2026-06-01T07:00")
    assert look(seven, due, 0.0, due - 0.1, "run") is None
    found = look(seven, due, 0.0, due + 0.2, "run")
    assert (found.runs, found.missed, found.makes_up, in_berlin(found.due)) == (
        True, 0, False, "2026-06-02T07:00+02:00",
    )  # fmt: skip
    assert look(seven, found.due, due, due + 0.3, "run") is None


@pytest.mark.parametrize(("catch_up", "runs"), [("run", True), ("skip", False), ("continue", False)])
def test_several_missed_times_are_made_up_by_one_run_or_left_out(catch_up, runs):
    found = look(schedule(at=["07:00"]), at("2026-06-01T07:00"), 0.0, at("2026-06-03T09:12"), catch_up)
    assert (found.runs, found.missed, found.makes_up) == (runs, 3, runs)
    assert in_berlin(found.due) == "2026-06-04T07:00+02:00"


def test_a_time_that_is_on_time_is_not_a_missed_one_whatever_was_missed_before():
    found = look(schedule(every=900.0), 900.0, 0.0, 3 * 900.0 + 30, "skip")
    assert (found.runs, found.missed, found.makes_up, found.due) == (True, 2, False, 4 * 900.0)


def test_a_clock_set_back_makes_a_time_come_again_as_an_alarm_clock_does_but_not_one_that_was_corrected_a_little():
    seven, fired = schedule(at=["07:00"]), at("2026-06-01T07:00")
    tomorrow = at("2026-06-02T07:00")
    assert look(seven, tomorrow, fired, fired - 20, "run") is None
    found = look(seven, tomorrow, fired, fired - 5 * 3600, "run")
    assert (found.set_back, found.runs, found.due) == (True, False, fired)
    rhythm = look(schedule(every=900.0, anchor=10_000.0), 10_900.0, 10_000.0, 5_000.0, "run")
    assert (rhythm.set_back, rhythm.due) == (True, 5_500.0)


def test_a_clock_set_forward_by_years_costs_no_time():
    found = look(schedule(cron="* * * * * *"), at("1970-01-02T00:00"), 0.0, at("2026-06-01T00:00"), "run")
    assert (found.runs, found.makes_up) == (True, True)
    assert found.missed >= COUNTED
    assert (words(found.missed), words(1), words(3)) == ("1,000 runs or more", "1 run", "3 runs")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"on": ["a/{b}", "c"]}, "on a/{b}, c"),
        ({"every": 900.0}, "each 15m"),
        ({"at": ["07:00"]}, "at 07:00"),
        ({"cron": "*/5 * * * *"}, "cron */5 * * * *"),
        ({}, ""),
    ],
)
def test_a_trigger_is_told_in_words(settings, said):
    assert in_words(Settings(**settings)) == said
    assert Schedule.of(Settings(**settings), 0.0, UTC).comes == bool(settings and "on" not in settings)

"""When a clock is doubted, and when a hub waits for it."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from devices.timekeeping import Machine, doubt, lived_until

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()
DAY = 24 * 3600.0


def machine(**values) -> Machine:
    usual = {"now": NOW, "since_boot": 20.0, "is_synchronised": False, "awaits_the_network": False}
    return Machine(**{name: lambda value=value: value for name, value in (usual | values).items()})


@pytest.mark.parametrize(
    ("lived", "values", "words"),
    [
        (0.0, {}, ""),
        (NOW - 5.0, {}, ""),
        (NOW + 12 * 3600, {}, ""),  # the clocks of one home differ
        (
            NOW,
            {"now": 100.0},
            "waits for the clock: it says 1970-01-01 00:01, and it has been 2026-05-01 12:00 already",
        ),
        (NOW + 9 * DAY, {"since_boot": 9 * DAY}, "waits for the clock: it says 2026-05-01 12:00"),
        (NOW + 9 * DAY, {"is_synchronised": True}, ""),  # it was the other time that was wrong
        (0.0, {"awaits_the_network": True}, "waits for the clock: this machine has none of its own"),
        (0.0, {"awaits_the_network": True, "is_synchronised": True}, ""),
        (0.0, {"awaits_the_network": True, "since_boot": 400.0}, ""),  # not for ever: there may be no network
    ],
)
def test_a_clock_is_doubted_for_a_reason_only(lived, values, words):
    said = doubt(lived, machine(**values))
    assert said.startswith(words)
    assert bool(said) == bool(words)


def test_this_machine_answers_all_that_is_asked_of_it():
    here = Machine()
    assert here.now() > 1_700_000_000
    assert here.since_boot() > 0
    assert here.is_synchronised() in (True, False)
    assert here.awaits_the_network() in (True, False)


def test_the_newest_file_tells_until_when_a_folder_has_lived(tmp_path):
    for name, moment in (("old", 1000.0), ("folder/new", 3000.0), ("folder/middle", 2000.0)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (moment, moment))
    os.utime(tmp_path / "folder", (500.0, 500.0))
    assert lived_until([tmp_path / "old", tmp_path / "folder", tmp_path / "nowhere"]) == 3000.0
    assert lived_until([]) == 0.0

"""The benchmarks of forecasts and rules: their traces, their score, and that each set of rules is measured."""

from __future__ import annotations

import math

import pytest

from benchmarks import rules
from benchmarks.__main__ import _forecast_table, _rules_table
from benchmarks.forecasts import run as forecasts
from benchmarks.forecasts.alarms import METHODS, Alarm, alarms
from benchmarks.forecasts.traces import EVERY, KINDS, Trace, exhaustion, quiet


@pytest.mark.parametrize("kind", KINDS)
def test_a_quiet_day_stays_off_the_limit_and_an_exhaustion_ends_just_before_it(kind: str) -> None:
    sign, limit = KINDS[kind].sign, KINDS[kind].limit
    ordinary = quiet(kind, 3)
    assert ordinary.exhausted is None
    assert max((value - limit) * sign for value in ordinary.values) < 0
    ends = exhaustion(kind, 3, 0)
    assert ends.exhausted == len(ends.values) * EVERY
    assert exhaustion(kind, 3, 0) == ends
    assert exhaustion(kind, 3, 1) != ends


def test_an_alarm_counts_for_an_exhaustion_within_the_hour_and_in_time_a_minute_before() -> None:
    ends = Trace("memory", [50.0] * 1440, 100, 7200.0)
    calm = Trace("memory", [50.0] * 1440, 100, None)
    found = forecasts.score(
        [
            (ends, [Alarm(1000, 2000), Alarm(6000, 6100)]),  # too early to be about it; in time
            (ends, [Alarm(7150, math.inf)]),  # too late
            (ends, [Alarm(1000, math.inf)]),  # stands until it comes
            (calm, [Alarm(5, 10)]),
        ]
    )
    assert (found["exhaustions"], found["known_percent"], found["false_alarms"]) == (3, 66.7, 2)


def test_a_fast_leak_is_known_by_the_forecast_long_before_the_plain_threshold() -> None:
    values = [40.0 + 0.1 * (n % 2) for n in range(240)] + [40 + 0.5 * n for n in range(120)]
    leak = Trace("memory", values, 100, len(values) * EVERY)
    first = {name: alarms(leak, METHODS[name])[0].raised for name in ("forecast", "plain threshold")}
    assert first["forecast"] < first["plain threshold"] - 120


def test_what_rules_cost_is_told_for_each_set_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SETS", {name: rules.SETS[name] for name in (*sum(rules.COMPARED, ()), "no rules")})
    found = rules.run(1, times=1)
    assert min(found["messages_a_second"].values()) > 0
    assert len(found["slower_percent"]) == 2
    assert _rules_table(found).row_count == 5
    score = forecasts.score([(Trace("disk", [50.0] * 1440, 100, 7200.0), [])])
    assert _forecast_table({"seeds": [0, 1], "tuned_on": [2, 3], "methods": {"plain": {"disk": score}}}).row_count == 1

"""The score of each way to raise an alarm, by kind, on seeds that nothing was tuned on."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from benchmarks.forecasts.alarms import METHODS, TUNED_ON, Alarm, alarms
from benchmarks.forecasts.traces import DAY, EVERY, HOUR, KINDS, Trace, exhaustion, quiet

HELD_OUT = 2000
"""The first seed that is measured: nothing was chosen on it or any behind it."""
EVENTS = 4
"""Exhaustions for each quiet day."""
IN_TIME = 60.0
"""Seconds before an exhaustion by which it has to be known."""


def traces(kind: str, seeds: Iterable[int]) -> list[Trace]:
    """Returns a quiet day and `EVENTS` exhaustions for each seed."""
    found = []
    for seed in seeds:
        found.append(quiet(kind, seed))
        found.extend(exhaustion(kind, seed, number) for number in range(EVENTS))
    return found


def score(watched: list[tuple[Trace, list[Alarm]]]) -> dict[str, float | int]:
    """Returns how many exhaustions were known in time, and how many alarms were about none.

    An alarm is about an exhaustion that comes while it stands or within an hour of it.
    """
    leads, events, false, days = [], 0, 0, 0.0
    for trace, raised in watched:
        days += len(trace.values) * EVERY / DAY
        end = trace.exhausted
        about = [alarm for alarm in raised if end is not None and end <= alarm.over + HOUR]
        false += len(raised) - len(about)
        if end is not None:
            events += 1
            leads.extend(
                sorted((end - alarm.raised for alarm in about if end - alarm.raised >= IN_TIME), reverse=True)[:1]
            )
    return {
        "exhaustions": events,
        "known_percent": round(100 * len(leads) / events, 1),
        "median_lead_s": round(statistics.median(leads)) if leads else 0,
        "days": round(days, 1),
        "false_alarms": false,
        "false_alarms_a_day": round(false / days, 2),
    }


def run(seeds: int) -> dict[str, Any]:
    """Returns the scores by method and kind.

    Args:
        seeds: how many of the held-out ones.
    """
    by_method: dict[str, dict[str, Any]] = {name: {} for name in METHODS}
    every: dict[str, list[tuple[Trace, list[Alarm]]]] = {name: [] for name in METHODS}
    for kind in KINDS:
        made = traces(kind, range(HELD_OUT, HELD_OUT + seeds))
        for name, method in METHODS.items():
            watched = [(trace, alarms(trace, method)) for trace in made]
            by_method[name][kind] = score(watched)
            every[name].extend(watched)
    for name, watched in every.items():
        by_method[name]["all"] = score(watched)
    return {"seeds": [HELD_OUT, HELD_OUT + seeds - 1], "tuned_on": [TUNED_ON[0], TUNED_ON[-1]], "methods": by_method}

"""Ways to raise an alarm. Each has the thresholds of its kind, the same latch, and one number to compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from benchmarks.forecasts.traces import EVERY, Trace
from devices.conditions.forecast import Trend
from devices.conditions.latch import Latch, Timing
from devices.conditions.window import Window

AHEAD = 600.0
"""Seconds that a forecast looks ahead: ``forecast(hub.memory, "10m")``."""
NOW, SOON = Timing(hold=30.0), Timing(hold=45.0)
"""``for``, of rules on what is and on what will be."""


@dataclass(frozen=True)
class Thresholds:
    """Of a kind's rules, in percent or degrees; a battery's are about values below.

    Args:
        now: ``when`` of a rule on what is.
        ahead: ``when`` of a rule on what will be; nearer to the limit, for it comes before.
        clear: of both.
    """

    now: float
    ahead: float
    clear: float


THRESHOLDS: Mapping[str, Thresholds] = {
    "memory": Thresholds(92, 95, 85),
    "battery": Thresholds(10, 10, 20),
    "disk": Thresholds(92, 95, 85),
    "temperature": Thresholds(75, 78, 72),
}
"""The limits are 100, 0, 100 and 80. Chosen, as `NOW` and `SOON`, on the seeds `TUNED_ON`."""

TUNED_ON = range(34)
"""Seeds that thresholds, times and the trend's own numbers were chosen on; measured is on others."""


class Measure(Protocol):
    """Makes the number that is compared out of the readings; ``ahead``: it is one of the future."""

    ahead: bool

    def __call__(self, value: float, at: float) -> float | None:
        """Takes a reading; returns the number, or ``None`` where there is none yet."""


class Plain:
    """The reading itself."""

    ahead = False

    def __call__(self, value: float, at: float) -> float | None:  # noqa: ARG002 - the reading is all it needs
        """Returns the reading."""
        return value


class MovingAverage:
    """The mean of the last minutes."""

    ahead = False

    def __init__(self) -> None:
        self._window = Window(AHEAD / 2)

    def __call__(self, value: float, at: float) -> float | None:
        """Returns the mean."""
        self._window.add(value, at)
        return self._window.average(at)


class Holt:
    """Holt's linear trend, level and slope smoothed exponentially, carried `AHEAD`."""

    ahead = True

    LEVEL, SLOPE = 0.2, 0.02

    def __init__(self) -> None:
        self._level = self._last = math.nan
        self._slope = 0.0

    def __call__(self, value: float, at: float) -> float | None:
        """Returns the forecast."""
        if math.isnan(self._level):
            self._level, self._last = value, at
            return None
        before, passed = self._level, at - self._last
        self._level = self.LEVEL * value + (1 - self.LEVEL) * (before + self._slope * passed)
        self._slope = self.SLOPE * (self._level - before) / passed + (1 - self.SLOPE) * self._slope
        self._last = at
        return self._level + self._slope * AHEAD


class Forecast:
    """What a trend expects."""

    ahead = True

    def __init__(self) -> None:
        self._trend = Trend(AHEAD)

    def __call__(self, value: float, at: float) -> float | None:
        """Returns the middle of what is expected."""
        self._trend.add(value, at)
        expected = self._trend.expected(at + AHEAD)
        return expected.value if expected else None


METHODS: Mapping[str, Callable[[], Measure]] = {
    "plain threshold": Plain,
    "moving average": MovingAverage,
    "Holt": Holt,
    "forecast": Forecast,
}


@dataclass(frozen=True)
class Alarm:
    """Raised at one moment, over at another; seconds, infinite where the trace ended first."""

    raised: float
    over: float


def alarms(trace: Trace, method: Callable[[], Measure]) -> list[Alarm]:
    """Returns the alarms that a method raises on a trace."""
    thresholds, measure, latch = THRESHOLDS[trace.kind], method(), Latch()
    when = thresholds.ahead if measure.ahead else thresholds.now
    timing = SOON if measure.ahead else NOW
    sign = 1 if when > thresholds.clear else -1
    raised: list[Alarm] = []
    for number, value in enumerate(trace.values):
        at = number * EVERY
        measured = measure(value, at)
        holds = None if measured is None else (measured - when) * sign > 0
        clears = None if measured is None else (measured - thresholds.clear) * sign < 0
        was = latch.active
        if latch.news(timing, holds=holds, clears=clears, at=at):
            raised.append(Alarm(at, math.inf))
        elif was and not latch.active:
            raised[-1] = Alarm(raised[-1].raised, at)
    return raised

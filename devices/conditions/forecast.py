"""Where a number is heading: the straight line that its last readings follow, carried on into the future.

The line is Siegel's repeated median (Robust regression using repeated medians, Biometrika 69, 1982): nearly half of the
readings may be spikes and it does not move. It is laid through the longest stretch of the past that one line explains, as
Davies, Fried and Gather do beside hospital beds (Robust signal extraction for on-line monitoring data, Journal of
Statistical Planning and Inference 122, 2004) with a window that shrinks (Schettlinger, Fried and Gather, Real-time signal
processing by adaptive repeated median filters, International Journal of Adaptive Control and Signal Processing 24, 2010):
where the newest readings all lie on one side of the line, or readings lie farther from it than their noise, the oldest
ones are left out. So a leak that has just begun is seen after some slices of the past, and memory that was freed is
forgotten as quickly. What noise is comes from neighbours alone, for otherwise a line through a step would have it.

Two things keep it from crying wolf. A slope counts only as far as it stands out of its own uncertainty, and is drawn
towards none in the manner of James and Stein: noise has no direction. And a line is carried on for at most `CARRIES`
times as long as it has been seen: a job that takes memory for a quarter of a minute is no leak of ten.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Final

SLICES: Final = 60
"""Parts of the past that a trend looks at; readings within one are averaged."""
FEWEST: Final = 5
"""Slices that make a line."""
SPARSE: Final = 12
"""Slices that are kept however old: a device that speaks every five minutes has a trend too."""
SILENCE: Final = 3.0
"""Times `ahead`; a longer silence ends a trend: nobody knows what happened meanwhile."""
CARRIES: Final = 3.0
"""Times the age of a line for which it is carried on."""
_DEPARTS: Final = 2.0  # deviations that the newest readings lie off a line that does not explain them
_ROUNDING: Final = 1e-9  # of the largest value: an exact line is off by its last digits
_NEWEST: Final = 4
_LEAVES_OUT: Final = 0.25
_DEVIATION: Final = 1.4826  # of the normal distribution, in median absolute deviations
_SLOPE_ERROR: Final = 1.25  # of the repeated median against least squares, on normal noise


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a number is expected to be.

    Args:
        value: the middle.
        low: nineteen times of twenty it is not below, if what goes on now goes on.
        high: the same, not above.
    """

    value: float
    low: float
    high: float


class _Slice:
    __slots__ = ("at", "began", "count", "value")

    def __init__(self, value: float, at: float) -> None:
        self.value, self.at, self.began, self.count = value, at, at, 1

    def add(self, value: float, at: float) -> None:
        self.count += 1
        self.value += (value - self.value) / self.count
        self.at += (at - self.at) / self.count


@dataclass(frozen=True, slots=True)
class _Line:
    """Of ``age`` seconds, through ``level`` at ``at``; ``slope`` a second, known to ``slope_error``; ``noise`` around it."""

    at: float
    level: float
    slope: float
    slope_error: float
    noise: float
    age: float


class Trend:
    """The trend of one number in one place, in bounded memory.

    Times are seconds of one clock that does not go backward; values are finite.

    Args:
        ahead: seconds into the future for which it will be asked, more than 0: it looks as far back.
    """

    def __init__(self, ahead: float) -> None:
        self._ahead = ahead
        self._width = ahead / SLICES
        self._slices: deque[_Slice] = deque()
        self._heard = -math.inf
        self._line: _Line | None = None

    def add(self, value: float, at: float) -> None:
        """Takes a reading in."""
        slices = self._slices
        if at - self._heard > SILENCE * self._ahead:
            slices.clear()
        self._heard = at
        if slices and at - slices[-1].began < self._width:
            slices[-1].add(value, at)
            return
        slices.append(_Slice(value, at))
        while len(slices) > SPARSE and at - slices[0].at > self._ahead:
            slices.popleft()
        self._line = _fitted([part.at for part in slices], [part.value for part in slices])

    def expected(self, at: float) -> Expectation | None:
        """Returns what the number is expected to be at a moment of the future.

        ``None`` while fewer than `FEWEST` slices have readings, and when there has been no reading for too long.

        Args:
            at: the moment, in seconds of the readings' clock.
        """
        line = self._line
        if line is None or at - self._heard > (1 + SILENCE) * self._ahead:
            return None
        newest = list(islice(reversed(self._slices), 3))
        level = line.level + _median([part.value - line.level - line.slope * (part.at - line.at) for part in newest])
        carried = min(max(at - line.at, 0.0), CARRIES * line.age)
        value = level + _shrunk(line.slope, line.slope_error) * carried
        single = line.noise * math.sqrt(newest[-1].count)  # of one reading: a slice is the mean of several
        spread = 2 * math.hypot(single, line.noise, line.slope_error * carried)
        if not math.isfinite(value) or not math.isfinite(spread):
            return None
        return Expectation(value, value - spread, value + spread)


def _shrunk(slope: float, error: float) -> float:
    return slope * (1 - (2 * error / slope) ** 2) if abs(slope) > 2 * error else 0.0


def _fitted(times: list[float], values: list[float]) -> _Line | None:
    """The line through the longest stretch before now that one line explains; a level one where none does."""
    if len(times) < FEWEST:
        return None
    noise = max(_noise(times, values), _grain(values), _ROUNDING * max(map(abs, values)))
    while True:
        line, explains = _through(times, values, noise)
        if explains:
            return line
        if len(times) == FEWEST:
            return replace(line, level=_median(values[-3:]), slope=0.0)
        kept = max(FEWEST, int(len(times) * (1 - _LEAVES_OUT)))
        times, values = times[-kept:], values[-kept:]


def _through(times: list[float], values: list[float], noise: float) -> tuple[_Line, bool]:
    """The repeated median line through readings, and whether it explains them."""
    count, now = len(times), times[-1]
    slope = _median([_slope_from(number, times, values) for number in range(count)])
    level = _median([value - slope * (at - now) for at, value in zip(times, values, strict=True)])
    residuals = [value - level - slope * (at - now) for at, value in zip(times, values, strict=True)]
    around = _DEVIATION * _median([abs(residual) for residual in residuals])
    newest = residuals[-_NEWEST:]
    beside = (min(newest) > 0 or max(newest) < 0) and abs(_median(newest)) > _DEPARTS * noise
    explains = not beside and around <= _DEPARTS * noise
    age, noise = now - times[0], max(noise, around)
    error = _SLOPE_ERROR * noise * math.sqrt(12 / count) / age
    return _Line(now, level, slope, error, noise, age), explains


def _noise(times: list[float], values: list[float]) -> float:
    """The deviation of single values, from how far each lies off the line between its neighbours.

    Steps and bends touch few of them: Gasser, Sroka and Jennen-Steinmetz, Residual variance and residual pattern in
    nonlinear regression, Biometrika 73, 1986.
    """
    off = []
    points = list(zip(times, values, strict=True))
    for (t0, v0), (t1, v1), (t2, v2) in zip(points, points[1:], points[2:], strict=False):
        share = (t1 - t0) / (t2 - t0)
        between = v0 + (v2 - v0) * share
        off.append(abs(v1 - between) / math.sqrt(1 + share**2 + (1 - share) ** 2))
    return _DEVIATION * _median(off)


def _grain(values: list[float]) -> float:
    """Half of the smallest step of a staircase: a battery told in whole percent goes down one, which is a line too."""
    changes = [abs(after - before) for before, after in pairwise(values)]
    steps = [change for change in changes if change]
    return min(steps) / 2 if 2 < len(steps) < len(changes) else 0.0


def _slope_from(number: int, times: list[float], values: list[float]) -> float:
    at, value = times[number], values[number]
    return _median([(v - value) / (t - at) for t, v in zip(times, values, strict=True) if t != at])


def _median(numbers: list[float]) -> float:
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

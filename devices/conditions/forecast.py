"""Where a number is heading: the straight line that its last readings follow, carried on into the future.

The line is Siegel's repeated median (Robust regression using repeated medians, Biometrika 69, 1982): nearly half of the
readings may be spikes and it does not move. It is laid through the longest stretch of the past that one line explains, as
Davies, Fried and Gather do beside hospital beds (Robust signal extraction for on-line monitoring data, Journal of
Statistical Planning and Inference 122, 2004) with a window that shrinks (Schettlinger, Fried and Gather, Real-time signal
processing by adaptive repeated median filters, International Journal of Adaptive Control and Signal Processing 24, 2010):
where the newest readings all lie on one side of the line, or readings lie farther from it than their noise, the oldest
ones are left out. So a leak that has just begun is seen after some slices of the past, and memory that was freed is
forgotten as quickly. What noise is comes from neighbours alone, for otherwise a line through a step would have it.

Three things keep it from crying wolf. A slope counts only as far as it stands out of its own uncertainty, and is drawn
towards none in the manner of James and Stein: noise has no direction. A line is carried on for at most as long as it has
been seen: a job that takes memory for half a minute is no leak of ten. And a slope that fades is expected to go on fading
(Gardner and McKenzie, Forecasting trends in time series, Management Science 31, 1985): a processor under load gets warmer
until it is warm.
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
_DEPARTS: Final = 2.0  # deviations that the newest readings lie off a line that does not explain them
_ROUNDING: Final = 1e-9  # of the largest value: an exact line is off by its last digits
_SURE: Final = 2.0  # errors below which a slope counts for nothing
_BENDS: Final = 0.05  # of what a line rises by: so far off it readings may lie for it to explain them all the same
_HALVES: Final = 4.0  # times the error of a slope, that of the difference between those of its halves
_FADED: Final = 0.05  # what is left of a slope that has turned
_NEWEST: Final = 4
_LEAVES_OUT: Final = 0.25  # of a stretch that no line explains
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
    """A line through the readings of ``age`` seconds: ``level`` at ``at``, and ``slope`` a second, known to ``error``.

    The readings lie ``noise`` around it. From the older half of them to the newer its slope became ``fades`` of what it
    was, at most 1.
    """

    at: float
    level: float
    slope: float
    error: float
    noise: float
    age: float
    fades: float = 1.0

    @property
    def certain(self) -> float:
        """The slope as far as it stands out of its error."""
        return self.slope * (1 - (_SURE * self.error / self.slope) ** 2) if self.inclined else 0.0

    @property
    def inclined(self) -> bool:
        """Whether it has a slope that counts."""
        return abs(self.slope) > _SURE * self.error

    def rise(self, seconds: float) -> float:
        """What comes in so many seconds, if the slope goes on fading as it did."""
        if self.fades >= 1:
            return self.certain * seconds
        lasts = -self.age / 2 / math.log(self.fades)
        return self.certain * self.fades * lasts * -math.expm1(-seconds / lasts)


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
        self._stretch = 0  # the newest slices, those that the line is laid through
        self._line: _Line | None = None
        self._laid = True  # through all slices; it is laid when somebody asks

    def add(self, value: float, at: float) -> None:
        """Takes a reading in."""
        slices = self._slices
        if at - self._heard > SILENCE * self._ahead:
            slices.clear()
            self._stretch = 0
        self._heard = at
        if slices and at - slices[-1].began < self._width:
            slices[-1].add(value, at)
            return
        slices.append(_Slice(value, at))
        while len(slices) > SPARSE and at - slices[0].at > self._ahead:
            slices.popleft()
        self._stretch = min(self._stretch + 1, len(slices))
        self._laid = False

    def expected(self, at: float) -> Expectation | None:
        """Returns what the number is expected to be at a moment of the future.

        ``None`` while fewer than `FEWEST` slices have readings, and when there has been no reading for too long.

        Args:
            at: the moment, in seconds of the readings' clock.
        """
        if not self._laid:
            self._line, self._laid = self._fitted(), True
        line = self._line
        if line is None or at - self._heard > (1 + SILENCE) * self._ahead:
            return None
        newest = list(islice(reversed(self._slices), 3))
        level = line.level + _median([part.value - line.level - line.slope * (part.at - line.at) for part in newest])
        carried = min(max(at - line.at, 0.0), line.age)
        value = level + line.rise(carried)
        single = line.noise * math.sqrt(newest[-1].count)  # of one reading: a slice is the mean of several
        spread = 2 * math.hypot(single, line.noise, line.error * carried)
        if not math.isfinite(value) or not math.isfinite(spread):
            return None
        return Expectation(value, value - spread, value + spread)

    def _fitted(self) -> _Line | None:
        """The line through the longest stretch before now that one line explains; a level one where none does."""
        times, values = [part.at for part in self._slices], [part.value for part in self._slices]
        if len(times) < FEWEST:
            return None
        noise = max(_noise(times, values), _grain(values), _ROUNDING * max(map(abs, values)))
        while True:
            here = slice(-self._stretch, None)
            line, explains = _through(times[here], values[here], noise)
            if explains:
                return replace(line, fades=_fading(times[here], values[here], line)) if line.inclined else line
            if self._stretch == FEWEST:
                return replace(line, level=_median(values[-3:]), slope=0.0)
            self._stretch = max(FEWEST, int(self._stretch * (1 - _LEAVES_OUT)))


def _fading(times: list[float], values: list[float], line: _Line) -> float:
    """What became of the slope from the older half of a stretch to the newer, at most 1; noise makes it no less."""
    half = len(times) // 2
    if half < FEWEST:
        return 1.0
    older, newer = (
        _repeated_median(times[part], values[part]) / line.slope for part in (slice(half), slice(half, None))
    )
    newer += _HALVES * line.error / abs(line.slope)
    return min(1.0, max(newer / older, _FADED)) if older > 0 else 1.0


def _through(times: list[float], values: list[float], noise: float) -> tuple[_Line, bool]:
    """The repeated median line through readings, and whether it explains them."""
    count, now = len(times), times[-1]
    slope = _repeated_median(times, values)
    level = _median([value - slope * (at - now) for at, value in zip(times, values, strict=True)])
    residuals = [value - level - slope * (at - now) for at, value in zip(times, values, strict=True)]
    around = _DEVIATION * _median([abs(residual) for residual in residuals])
    newest = residuals[-_NEWEST:]
    age = now - times[0]
    bound = max(_DEPARTS * noise, _BENDS * abs(slope) * age)
    beside = (min(newest) > 0 or max(newest) < 0) and abs(_median(newest)) > bound
    explains = not beside and around <= bound
    noise = max(noise, around)
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


def _repeated_median(times: list[float], values: list[float]) -> float:
    """The median, over all readings, of the median slope from a reading to the others."""
    slopes: list[list[float]] = [[] for _ in times]
    for number, (at, value) in enumerate(zip(times, values, strict=True)):
        here, later = slopes[number], number + 1
        for there, its_time, its_value in zip(slopes[later:], times[later:], values[later:], strict=True):
            slope = (its_value - value) / (its_time - at)
            here.append(slope)
            there.append(slope)
    return _median([_median(each) for each in slopes])


def _median(numbers: list[float]) -> float:
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

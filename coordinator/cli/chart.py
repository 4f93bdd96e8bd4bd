"""A metric over time for a terminal: its values, the threshold, and marks where something happened. Plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

HEIGHT: Final = 8
_MARGIN: Final = 10  # columns for the numbers on the left
_VALUE, _THRESHOLD, _BOTH, _MARK, _AXIS = "•", "─", "◆", "▲", "┤"
_SO, _NOT_SO = "█", "▁"


def chart(
    samples: Sequence[tuple[float, float]],
    threshold: float | None,
    marks: Sequence[float],
    span: tuple[float, float],
    width: int,
) -> list[str]:
    """Returns the lines of a chart: values as dots, the threshold as a line, marks below it.

    Args:
        samples: times and values; times in any unit that `span` has.
        threshold: that the values are compared with, if there is one.
        marks: times.
        span: of the whole chart, from and to.
        width: columns.
    """
    columns = max(width - _MARGIN - 1, 10)
    lows, highs = _columns(samples, span, columns)
    numbers = [*lows.values(), *highs.values(), *([] if threshold is None else [threshold])]
    if not numbers:
        return [_marks(marks, span, columns)] if marks else []
    low, high = min(numbers), max(numbers)
    if low == high:
        low, high = low - 1, high + 1
    scale = (HEIGHT - 1) / (high - low)
    rows = [[" "] * columns for _ in range(HEIGHT)]
    at_threshold = None if threshold is None else round((threshold - low) * scale)
    if at_threshold is not None:
        rows[at_threshold] = [_THRESHOLD] * columns
    for column, value in lows.items():
        for row in range(round((value - low) * scale), round((highs[column] - low) * scale) + 1):
            rows[row][column] = _BOTH if row == at_threshold else _VALUE
    labels = {0: _number(low), HEIGHT - 1: _number(high)}
    if at_threshold is not None and threshold is not None:
        labels[at_threshold] = _number(threshold)
    drawn = [
        f"{labels.get(row, ''):>{_MARGIN - 1}} {_AXIS}{''.join(rows[row])}".rstrip()
        for row in range(HEIGHT - 1, -1, -1)
    ]
    return [*drawn, _marks(marks, span, columns)] if marks else drawn


def strip(
    samples: Sequence[tuple[float, float]], marks: Sequence[float], span: tuple[float, float], width: int
) -> list[str]:
    """Returns a line for something that is either so or not, with marks below it; arguments as of `chart`."""
    columns = max(width - _MARGIN - 1, 10)
    _, highs = _columns(samples, span, columns)
    if not highs:
        return [_marks(marks, span, columns)] if marks else []
    line = "".join((_SO if highs[column] > 0 else _NOT_SO) if column in highs else " " for column in range(columns))
    drawn = f"{'holds':>{_MARGIN - 1}} {_AXIS}{line}".rstrip()
    return [drawn, _marks(marks, span, columns)] if marks else [drawn]


def axis(begins: datetime, ends: datetime, width: int) -> str:
    """Returns the line of times below a chart."""
    shape = "%H:%M:%S" if begins.date() == ends.date() else "%m-%d %H:%M"
    left, right = begins.strftime(shape), ends.strftime(shape)
    return " " * (_MARGIN + 1) + left + right.rjust(max(width - _MARGIN - 1 - len(left), len(right) + 1))


def _columns(
    samples: Sequence[tuple[float, float]], span: tuple[float, float], columns: int
) -> tuple[dict[int, float], dict[int, float]]:
    lows: dict[int, float] = {}
    highs: dict[int, float] = {}
    for at, value in samples:
        column = _column(at, span, columns)
        lows[column] = min(lows.get(column, math.inf), value)
        highs[column] = max(highs.get(column, -math.inf), value)
    return lows, highs


def _column(at: float, span: tuple[float, float], columns: int) -> int:
    length = span[1] - span[0]
    share = (at - span[0]) / length if length > 0 else 0.0
    return min(max(int(share * columns), 0), columns - 1)


def _marks(marks: Sequence[float], span: tuple[float, float], columns: int) -> str:
    line = [" "] * columns
    for at in marks:
        line[_column(at, span, columns)] = _MARK
    return " " * (_MARGIN + 1) + "".join(line).rstrip()


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.2e}"

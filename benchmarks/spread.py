"""Percentiles of a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(sample: Sequence[float], share: float) -> float:
    """Returns the nearest-rank percentile: the smallest value that at least ``share`` percent do not exceed.

    Raises:
        ValueError: an empty sample.
    """
    if not sample:
        raise ValueError("a percentile of nothing")
    ordered = sorted(sample)
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)]

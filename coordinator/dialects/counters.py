"""What a counter's step means: a fall is midnight, a reboot, a wrap, a dip or a reset, and a rise may be impossible.

Only the value before tells, and not always: a fall that nothing explains is a reset, never a wrap that adds four billion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coordinator.dialects.interpretation import Kind

_WRAPS: Final = (2**16, 2**23, 2**24, 2**31, 2**32, 2**32 / 1000)
"""Where counters wrap: widths of counters, and 2^32 milliseconds in seconds (49.7 days)."""
_NEAR: Final = 0.01
"""How much of a counter's range, at its end and at its beginning, a wrap stays within."""
_STRONGEST: Final = 100_000.0
"""Watts that no home's supply exceeds: three phases of 145 A."""
_PER_KWH: Final = {"kWh": 1.0, "Wh": 1000.0, "W.min": 60_000.0, "mWh": 1_000_000.0}
_PER_SECOND: Final = {"s": 1.0, "ms": 1000.0, "min": 1 / 60, "h": 1 / 3600}
_CORES: Final = 64
"""Times that a count of seconds may go faster than the clock: a processor's cores count theirs together."""
_SLACK: Final = 120.0
"""Seconds by which messages may be late."""


@dataclass(frozen=True, slots=True)
class Step:
    """What lies between two values of a counter: how much was counted at least, and what is odd about it, in words."""

    increase: float
    words: str = ""
    impossible: bool = False


def judge(
    before: float, after: float, seconds: float, *, kind: Kind, unit: str | None, modulus: float | None = None
) -> Step:
    """Returns what happened between two values of one counter.

    Args:
        before: the earlier value.
        after: the later one.
        seconds: between them; 0 or less if that is not known.
        kind: `Kind.DAILY` falls to zero at midnight.
        unit: of both.
        modulus: where this counter wraps, if somebody knows.
    """
    if after >= before:
        return _rise(after - before, seconds, unit)
    if modulus is not None and after < modulus and before < modulus and before - after > modulus / 2:
        return Step(modulus - before + after, f"it wrapped at {modulus:g}")
    fell = f"it fell from {before:g} to {after:g}"
    if kind is Kind.DAILY:
        return Step(max(after, 0.0), f"{fell}: a new day, or a restart")
    if before - after <= max(1.0, abs(before) * 1e-6) and after > 0:
        return Step(0.0, f"{fell}: a dip of a unit, nothing was counted")
    for wrap in _WRAPS:
        if wrap * (1 - _NEAR) <= before < wrap and 0 <= after <= wrap * _NEAR:
            return Step(wrap - before + after, f"{fell}: it wrapped at {wrap:g}")
    if 0 <= after <= before * 0.05:
        return Step(after, f"{fell}: it began anew, by a restart or by hand")
    return Step(0.0, f"{fell}: the last counts are lost, as after a loss of power; nothing was counted")


def _rise(increase: float, seconds: float, unit: str | None) -> Step:
    within = f"within {seconds:.0f} s"
    if seconds > 0 and unit in _PER_SECOND and increase / _PER_SECOND[unit] > _CORES * seconds + _SLACK:
        return Step(0.0, f"it rose by {increase:g} {unit} {within}, which time does not: not believed", impossible=True)
    if seconds > 0 and unit in _PER_KWH:
        most = _STRONGEST / 1000 * (seconds + _SLACK) / 3600
        if increase / _PER_KWH[unit] > most:
            return Step(0.0, f"it leapt by {increase:g} {unit} {within}, which no supply delivers: nothing was counted")
    return Step(increase)

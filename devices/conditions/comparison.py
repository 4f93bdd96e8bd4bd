"""One comparison of a metric with a number: ``hub.temperature > 75``.

Two sides of a threshold, and no equality: a measured 20.43 arrives as 20.43000030517578, so ``==`` would be a rule
that never fires.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Final

from devices.conditions.metrics import Unit
from devices.errors import ConfigurationError, printable

_SEEN_FROM_THE_THRESHOLD: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.le,
    "<=": operator.ge,
    ">": operator.lt,
    "<": operator.gt,
}
OPERATORS: Final = tuple(_SEEN_FROM_THE_THRESHOLD)
_OPPOSITE: Final = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_SIDES: Final = re.compile(r"\s*(.+?)\s*(>=|<=|==|!=|>|<)\s*([^<>=!]+?)\s*", re.DOTALL)
_NUMBER: Final = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%°]*)", re.ASCII | re.IGNORECASE)
_SCALES: Final[Mapping[Unit, Mapping[str, float]]] = {
    Unit.PERCENT: {"%": 1.0},
    Unit.CELSIUS: {"C": 1.0, "°C": 1.0},
    Unit.BYTES: {
        "B": 1.0,
        "KB": 1e3,
        "MB": 1e6,
        "GB": 1e9,
        "KiB": 1024.0,
        "MiB": 1024.0**2,
        "GiB": 1024.0**3,
    },
    Unit.PLAIN: {},
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric, an operator and a threshold in the metric's unit.

    Args:
        metric: its name, as in ``"hub.temperature"`` or ``"payload.ENERGY.Power"``.
        operator: one of `OPERATORS`.
        threshold: finite.
    """

    metric: str
    operator: str
    threshold: float

    def test(self) -> Callable[[float], bool]:
        """Returns the function that tells whether the comparison is true of a finite value; it runs without Python."""
        return partial(_SEEN_FROM_THE_THRESHOLD[self.operator], self.threshold)

    @property
    def upward(self) -> bool:
        """Whether it is large values of which it is true."""
        return self.operator[0] == ">"

    @property
    def opposite(self) -> Comparison:
        """The comparison that is true exactly where this one is not."""
        return Comparison(self.metric, _OPPOSITE[self.operator], self.threshold)

    def excludes(self, other: Comparison) -> bool:
        """Tells whether no value fulfils both: what a rule's `clear` owes to its `when`."""
        if self.metric != other.metric:
            return True
        if self.upward == other.upward:
            return False
        above, below = (self, other) if self.upward else (other, self)
        both_closed = above.operator == ">=" and below.operator == "<="
        return above.threshold > below.threshold if both_closed else above.threshold >= below.threshold

    def __str__(self) -> str:
        return f"{self.metric} {self.operator} {_shown(self.threshold)}"

    def words(self, value: float) -> str:
        """Returns the comparison with a value put in, for people: ``"hub.temperature 78 > 75"``."""
        return f"{self.metric} {_shown(value)} {self.operator} {_shown(self.threshold)}"


def _shown(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 1e6 else f"{number:.6g}"


def sides(text: str) -> tuple[str, str, str] | None:
    """Returns what stands left of a comparison's operator, the operator, and what stands right; ``None`` for no comparison."""
    found = _SIDES.fullmatch(text)
    return (found[1], found[2], found[3]) if found else None


def check_operator(sign: str) -> None:
    """Lets the operators of measured numbers pass.

    Raises:
        ConfigurationError: it is one for equality.
    """
    if sign not in OPERATORS:
        raise ConfigurationError(
            f"{sign!r} asks for equality, which measured numbers do not have", remedy="use >, >=, < or <="
        )


def split(text: str) -> tuple[str, str, str]:
    """Returns metric, operator and number of a comparison, as texts.

    Raises:
        ConfigurationError: it is no comparison, or one for equality.
    """
    found = sides(text)
    if found is None:
        raise ConfigurationError(
            f"{printable(text, 100)!r} is no comparison",
            remedy="write a metric, one of > >= < <= and a number, as in 'hub.temperature > 75'",
        )
    check_operator(found[1])
    return found


def threshold(text: str, unit: Unit) -> float:
    """Returns the number on the right of a comparison, in the metric's unit.

    Args:
        text: ``75``, ``90%``, ``200MB`` or ``"200MB"``; KB, MB and GB are powers of 1000, KiB, MiB and GiB of 1024.
        unit: of the metric it is compared with.

    Raises:
        ConfigurationError: it is no number, or in a unit that the metric does not have.
    """
    bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
    number = _NUMBER.fullmatch(bare.strip())
    if number is None:
        raise ConfigurationError(
            f"{printable(text, 50)!r} is no number to compare with",
            remedy="write a plain one, with a point: 21.5",
        )
    scale = 1.0
    if number[2]:
        units = {name.lower(): factor for name, factor in _SCALES[unit].items()}
        if number[2].lower() not in units:
            usable = ", ".join(_SCALES[unit])
            raise ConfigurationError(
                f"{number[2]!r} is not a unit of this metric, which counts {unit.value}",
                remedy=f"write the bare number, or use {usable}" if usable else "write the bare number",
            )
        scale = units[number[2].lower()]
    value = float(number[1]) * scale
    if not math.isfinite(value):
        raise ConfigurationError(f"{printable(text, 50)!r} is beyond the range of a number")
    return value


def parse(text: str, metrics: Mapping[str, Unit]) -> Comparison:
    """Returns the comparison in ``text``.

    Args:
        text: as in ``"hub.temperature > 75"``.
        metrics: the names that may stand on the left, with their units.

    Raises:
        ConfigurationError: it is no comparison; or the metric does not exist: the error names the nearest that does.
    """
    metric, sign, number = split(text)
    if metric not in metrics:
        raise unknown_metric(metric, metrics)
    return Comparison(metric, sign, threshold(number, metrics[metric]))


def unknown_metric(metric: str, metrics: Mapping[str, Unit]) -> ConfigurationError:
    """Returns the error for a metric that is not among ``metrics``; its remedy names the nearest one."""
    near = get_close_matches(metric, metrics, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(metrics)}"
    return ConfigurationError(f"there is no metric {printable(metric, 60)!r}", remedy=remedy)

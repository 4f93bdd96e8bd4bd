"""A condition out of its text: one plain comparison where it is one, else a formula in CEL.

Plain comparisons are nearly all that a home needs, they are judged for a thousand messages a second, and a coordinator
that has no other rules never loads the CEL library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

from coordinator.rules.condition import Condition, Scope
from coordinator.rules.names import Names
from coordinator.rules.past import Kind, Measure, measure, split_call
from coordinator.rules.scene import Calendar, Element, Reading, Reference, Scene
from devices.conditions import comparison
from devices.conditions.comparison import Comparison
from devices.conditions.metrics import HUB, INSTANCE, Unit
from devices.errors import ConfigurationError, UsageError
from devices.protocol.readings import NoNumber, Path, number_at, parse_path

_PATH: Final = re.compile(
    r"""\s*[A-Za-z_]
    (?: [^\[\]"'&|!?()=<>\s]
    | \s+(?![-+*/%]\s)                                # `payload.a / 2` is arithmetic, `payload.Inputs/A` a key
    | \[\s*(?:"[^"]*"|'[^']*'|[0-9]+)\s*\]
    )*""",
    re.VERBOSE,
)
_NUMBER: Final = re.compile(r"""["']?[+-]?[0-9.][^&|()?]*""")
_EQUALITY: Final = ("==", "!=")
_KEEPS_UNIT: Final = (Kind.AVERAGE, Kind.MOST, Kind.LEAST, Kind.FORECAST)


@dataclass(frozen=True, slots=True)
class _Compared:
    """What all plain comparisons have in common; they differ in whose number they compare."""

    comparison: Comparison

    @property
    def text(self) -> str:
        """The comparison."""
        return str(self.comparison)

    @property
    def metric(self) -> str:
        """What is compared, as it was written, without superfluous blanks."""
        return self.comparison.metric

    @property
    def threshold(self) -> float | None:
        """The number on the right."""
        return self.comparison.threshold

    def test(self) -> Callable[[float], bool]:
        """Returns the comparison."""
        return self.comparison.test()

    def values(self, _: Scene, value: float) -> dict[str, Any]:
        """Returns the number that was compared."""
        return {self.comparison.metric: value}

    def words(self, values: dict[str, Any]) -> str:
        """Returns the comparison with the value beside the metric."""
        return self.comparison.words(values[self.comparison.metric])


@dataclass(frozen=True, slots=True)
class Metric(_Compared):
    """A comparison of what a hub measures: ``hub.temperature > 75``."""

    scope: Scope
    measures: tuple[Measure, ...] = ()
    timely: bool = False

    @property
    def source(self) -> Hashable:
        """The metric."""
        return self.comparison.metric

    def value(self, scene: Scene) -> float | NoNumber:
        """Returns the metric; ``MISSING`` on a machine without it."""
        return scene.readings.get(self.comparison.metric, NoNumber.MISSING)


@dataclass(frozen=True, slots=True)
class Payload(_Compared):
    """A comparison of a number in a device's message: ``payload.ENERGY.Power > 2000``."""

    path: Path
    scope: Scope = "topic"
    measures: tuple[Measure, ...] = ()
    timely: bool = False

    @property
    def source(self) -> Hashable:
        """The path."""
        return self.path

    def value(self, scene: Scene) -> float | NoNumber:
        """Returns the number at the path."""
        return number_at(scene.payload, self.path)


@dataclass(frozen=True, slots=True)
class Derived(_Compared):
    """A comparison of something that is worked out: ``forecast(hub.memory, "10m") > 92``, ``now.hour >= 22``."""

    of: Reference | Measure
    scope: Scope

    @property
    def source(self) -> Hashable:
        """What is worked out; a `value` of the same name may lead elsewhere in another rule."""
        return (self.of,)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measure, if it is one."""
        return (self.of,) if isinstance(self.of, Measure) else ()

    @property
    def timely(self) -> bool:
        """Whether it depends on the clock."""
        return isinstance(self.of, Calendar) or (isinstance(self.of, Measure) and self.of.timely)

    def value(self, scene: Scene) -> float | NoNumber:
        """Returns it as a number."""
        return number_at(self.of.get(scene), ())


def compile_condition(text: str, names: Names) -> Condition:
    """Returns the condition that ``text`` describes.

    Args:
        text: a comparison of ``hub.*`` or ``instance.*``, in a rule with a `topic` of ``payload``, ``payload.<path>`` or
            ``value``, of a window over one of them; or any formula in CEL over these names.
        names: those that the rule may use.

    Raises:
        ConfigurationError: what is wrong, with the nearest valid name.
    """
    sides = comparison.sides(text)
    if sides is not None and _NUMBER.fullmatch(sides[2]):
        left, sign, number = sides
        call = split_call(left)
        if call is not None and _PATH.fullmatch(call[1]):
            return _measured(call, sign, number, names)
        if _PATH.fullmatch(left):
            of = _bound(left, names)
            if sign not in _EQUALITY or of.name in HUB or of.name in INSTANCE:  # a relay's 0 and 1 are exact
                return _compared(of, sign, number, names)
    from coordinator.rules.formula import compile_formula

    return compile_formula(text, names)


def _measured(call: tuple[str, str, str | None], sign: str, number: str, names: Names) -> Condition:
    function, path, span = call
    of = _bound(path, names)
    what = measure(function, of, span)
    comparison.check_operator(sign)
    unit = _unit(of) if what.kind in _KEEPS_UNIT else Unit.PLAIN
    return Derived(Comparison(what.name, sign, comparison.threshold(number, unit)), what, names.scope([of]))


def _compared(of: Reference, sign: str, number: str, names: Names) -> Condition:
    comparison.check_operator(sign)
    compared = Comparison(of.name, sign, comparison.threshold(number, _unit(of)))
    if isinstance(of, Element):
        return Payload(compared, of.path)
    scope = names.scope([of])
    if isinstance(of, Reading) and (of.name in HUB or of.name in INSTANCE):
        return Metric(compared, scope)
    return Derived(compared, of, scope)


def _bound(text: str, names: Names) -> Reference:
    """What a path in a plain comparison stands for."""
    try:
        root, *path = parse_path(text.strip())
    except UsageError as error:
        raise ConfigurationError(error.message, remedy=error.remedy) from error
    return names.bind(str(root), tuple(path), text.strip())


def _unit(of: Reference) -> Unit:
    return HUB.get(of.name) or INSTANCE.get(of.name) or Unit.PLAIN

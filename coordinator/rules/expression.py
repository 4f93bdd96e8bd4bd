"""What a rule's `when` and `clear` say, behind one interface.

A condition finds a value and tests it. Evaluation knows nothing else of it, so that richer languages than one comparison
can stand behind the same two methods.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from devices.conditions import comparison
from devices.conditions.comparison import Comparison
from devices.conditions.metrics import HUB, INSTANCE, Unit
from devices.errors import ConfigurationError, UsageError, printable
from devices.protocol.readings import NoNumber, Path, number_at, parse_path

Scope = Literal["hub", "instance", "topic"]
"""Whose values a rule compares: each hub, each instance or each topic is judged apart."""


@dataclass(slots=True)
class Scene:
    """What a condition may look at.

    Args:
        readings: the metrics of a hub and of the instance that is judged, by name.
        payload: a parsed telemetry payload (`devices.protocol.readings.parse`).
    """

    readings: Mapping[str, float] = field(default_factory=dict)
    payload: Any = NoNumber.MISSING


class Condition(Protocol):
    """A `when` or a `clear`."""

    @property
    def metric(self) -> str:
        """The value's name, for events."""

    @property
    def threshold(self) -> float | None:
        """What the value is compared with, for events."""

    @property
    def scope(self) -> Scope:
        """Whose value it is."""

    @property
    def source(self) -> Hashable:
        """What the value depends on: two conditions of one scope and source have the same value."""

    def value(self, scene: Scene) -> float | NoNumber:
        """Returns the value, finite; or why there is none, which is no news: it neither fires nor clears."""

    def test(self) -> Callable[[float], bool]:
        """Returns the function that tells whether a value fulfils it."""

    def words(self, value: float) -> str:
        """Returns the condition with a value put in, for people: ``"hub.temperature 78 > 75"``."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A comparison of what a hub measures: ``hub.temperature > 75``."""

    comparison: Comparison
    scope: Scope

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self.comparison.metric

    @property
    def threshold(self) -> float | None:
        """The number on the right."""
        return self.comparison.threshold

    @property
    def source(self) -> Hashable:
        """The metric."""
        return self.comparison.metric

    def value(self, scene: Scene) -> float | NoNumber:
        """Returns the metric; ``MISSING`` on a machine without it."""
        return scene.readings.get(self.comparison.metric, NoNumber.MISSING)

    def test(self) -> Callable[[float], bool]:
        """Returns the comparison."""
        return self.comparison.test()

    def words(self, value: float) -> str:
        """Returns the comparison with the value beside the metric."""
        return self.comparison.words(value)


@dataclass(frozen=True, slots=True)
class Payload:
    """A comparison of a number in a device's message: ``payload.ENERGY.Power > 2000``."""

    comparison: Comparison
    path: Path

    @property
    def metric(self) -> str:
        """As it was written: ``payload.ENERGY.Power``."""
        return self.comparison.metric

    @property
    def threshold(self) -> float | None:
        """The number on the right."""
        return self.comparison.threshold

    @property
    def scope(self) -> Scope:
        """Each topic is judged apart."""
        return "topic"

    @property
    def source(self) -> Hashable:
        """The path."""
        return self.path

    def value(self, scene: Scene) -> float | NoNumber:
        """Returns the number at the path."""
        return number_at(scene.payload, self.path)

    def test(self) -> Callable[[float], bool]:
        """Returns the comparison."""
        return self.comparison.test()

    def words(self, value: float) -> str:
        """Returns the comparison with the value beside the metric."""
        return self.comparison.words(value)


def compile_condition(text: str, *, topic: bool, value: Path | None) -> Condition:
    """Returns the condition that ``text`` describes.

    Args:
        text: a comparison of ``hub.*`` or ``instance.*``; in a rule with a `topic`, of ``payload``, ``payload.<path>``
            or ``value``.
        topic: whether the rule has a `topic`.
        value: where the rule's `value` points, if it has one.

    Raises:
        ConfigurationError: what is wrong, with the nearest valid name.
    """
    metric, sign, number = comparison.split(text)
    if not topic:
        if metric.startswith("payload") or metric == "value":
            remedy = 'say whose: topic = "tele/+/SENSOR"'
            raise ConfigurationError(f"{printable(metric, 60)!r} needs a topic", remedy=remedy)
        scope: Scope = "instance" if metric in INSTANCE else "hub"
        return Metric(comparison.parse(text, {**HUB, **INSTANCE}), scope)
    if metric in HUB or metric in INSTANCE:
        remedy = "write two rules: one with `topic`, one without"
        raise ConfigurationError(f"a rule on a topic cannot compare {metric}", remedy=remedy)
    path = _path(metric, value)
    return Payload(Comparison(metric, sign, comparison.threshold(number, Unit.PLAIN)), path)


def _path(metric: str, value: Path | None) -> Path:
    if metric == "value" and value is not None:
        return value
    if metric == "payload":
        return ()
    if metric.startswith(("payload.", "payload[")):
        try:
            return parse_path(metric.removeprefix("payload"))
        except UsageError as error:
            raise ConfigurationError(error.message, remedy=error.remedy) from error
    if metric == "value":
        raise ConfigurationError("'value' needs a path", remedy='say where: value = "ENERGY.Power"')
    raise ConfigurationError(
        f"there is no metric {printable(metric, 60)!r} in a rule on a topic",
        remedy=f"did you mean payload.{printable(metric, 60)}?",
    )

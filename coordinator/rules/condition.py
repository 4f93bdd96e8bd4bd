"""What evaluation knows of a rule's `when`, `clear` and `resume`, whatever language they are written in."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Literal, NamedTuple, Protocol

from coordinator.rules.past import Measure
from coordinator.rules.scene import Scene
from devices.protocol.readings import NoNumber

Scope = Literal["hub", "instance", "topic"]
"""Whose values a rule compares: each hub, each instance or each topic is judged apart."""


class Fault(NamedTuple):
    """Why a condition could not be judged on what it was shown: it is counted, and neither fires nor clears."""

    why: str


class Condition(Protocol):
    """A `when`, a `clear` or a `resume`: it finds a value and tests it."""

    @property
    def text(self) -> str:
        """As it was written, more or less."""

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

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What has to be remembered for it."""

    @property
    def timely(self) -> bool:
        """Whether it can come true by nothing but waiting."""

    def value(self, scene: Scene) -> float | NoNumber | Fault:
        """Returns the value, finite; or why there is none, which is no news: it neither fires nor clears."""

    def test(self) -> Callable[[float], bool]:
        """Returns the function that tells whether a value fulfils it."""

    def values(self, scene: Scene, value: float) -> dict[str, Any]:
        """Returns what it looked at, by name, for events; ``value`` is what `value` returned."""

    def words(self, values: dict[str, Any]) -> str:
        """Returns the condition with values put in, for people: ``"hub.temperature 78 > 75"``."""

"""The absence of messages: ``silent = "5m"``.

Wills are often wrong: a device stays online when its bridge dies, and says offline when it only sleeps. What can be
trusted is that a meter which speaks every ten seconds has not spoken for five minutes. Each topic that was heard is
watched, and one that the rule names without a wildcard from the start on. A retained message is no sign of life. After our
own connection was lost nobody knows who spoke, so all waits begin anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import le
from typing import Any, Final

from coordinator.rules.condition import Scope
from coordinator.rules.past import Measure
from coordinator.rules.scene import Scene
from devices.protocol import durations
from devices.protocol.readings import NoNumber

TOPICS: Final = 5000
"""Topics of one rule that are watched; beyond, those that have been silent longest are no longer."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No message for a while; its value is the seconds since the last one."""

    seconds: float
    scope: Scope = "topic"
    measures: tuple[Measure, ...] = ()
    timely: bool = True
    metric: str = "silent"

    @property
    def text(self) -> str:
        """How long, for people."""
        return f"silent for {durations.words(self.seconds)}"

    @property
    def threshold(self) -> float | None:
        """The seconds."""
        return self.seconds

    @property
    def source(self) -> Hashable:
        """It shares its value with no other condition."""
        return Silence, self.seconds

    def value(self, scene: Scene) -> float | NoNumber:  # noqa: ARG002 - a message that comes is the end of it
        """Returns no silence: there is a message."""
        return 0.0

    def test(self) -> Callable[[float], bool]:
        """Returns what tells whether it has lasted long enough."""
        return partial(le, self.seconds)

    def values(self, _: Scene, value: float) -> dict[str, Any]:
        """Returns how long it has lasted."""
        return {self.metric: value}

    def words(self, values: dict[str, Any]) -> str:
        """Returns how long it has lasted, for people: ``"silent for 5m"``."""
        return f"silent for {durations.words(values[self.metric])}"


class Clocks:
    """When each topic of one rule was heard last.

    Args:
        topic: the rule's filter.
    """

    def __init__(self, topic: str) -> None:
        self._last: OrderedDict[str, float] = OrderedDict()
        self._named = "" if any(sign in topic for sign in "+#{") else topic
        self._anew = True

    def heard(self, topic: str, at: float) -> None:
        """Notes a live message."""
        self._last.pop(topic, None)
        self._last[topic] = at
        if len(self._last) > TOPICS:
            self._last.popitem(last=False)

    def deaf(self) -> None:
        """Lets all waits begin anew when time passes again."""
        self._anew = True

    def silent(self, seconds: float, at: float) -> Iterator[tuple[str, float]]:
        """Gives the topics that have been silent that long, with their seconds of silence."""
        if self._anew:
            self._anew = False
            self._last = OrderedDict.fromkeys(self._last, at)
            if self._named:
                self._last.setdefault(self._named, at)
        for topic, last in self._last.items():  # in the order of when they were heard
            if at - last < seconds:
                break
            yield topic, float(at - last)

    def ages(self, at: float) -> dict[str, float]:
        """Returns for how many seconds each topic has been silent, the longest first."""
        return {topic: at - last for topic, last in self._last.items()}

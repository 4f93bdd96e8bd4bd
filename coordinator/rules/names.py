"""Names in conditions: which there are, what they are bound to, and the nearest one to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from coordinator.rules.condition import Scope
from coordinator.rules.scene import CALENDAR, Calendar, Element, Reading, Reference, Segment
from devices.conditions.comparison import unknown_metric
from devices.conditions.metrics import HUB, INSTANCE, Unit
from devices.errors import ConfigurationError, printable
from devices.protocol.readings import Path
from devices.protocol.topics import segments

FACTS: Final = ("hub.name", "hub.mains", "instance.name")
"""What is known of hubs and instances beside numbers; ``hub.mains`` is true or false."""
ROOTS: Final = ("hub", "instance", "payload", "topic", "now")
_METRICS: Final = (*HUB, *INSTANCE, *FACTS)
_CALENDAR: Final = tuple(f"now.{name}" for name in CALENDAR)


class Names:
    """The names that one rule may use.

    Args:
        topic: the rule's filter; empty for a rule on hubs and instances.
        value: where the rule's `value` points, if it has one.
    """

    def __init__(self, topic: str = "", value: Path | None = None) -> None:
        self.topic = topic
        self._value = value
        self._segments = {
            f"topic.{level[1:-1]}": position
            for position, level in enumerate(topic.split("/"))
            if segments(level, level)
        }

    def scope(self, references: Iterable[Reference]) -> Scope:
        """Returns whose values these are."""
        if self.topic:
            return "topic"
        return "instance" if any(each.name.startswith("instance.") for each in references) else "hub"

    def bind(self, root: str, path: Path, written: str) -> Reference:
        """Returns what a name stands for.

        Args:
            root: its first word.
            path: the steps behind it.
            written: the whole of it, for people.

        Raises:
            ConfigurationError: there is no such name in this rule; the remedy is the nearest that there is.
        """
        name = printable(written, 60)
        if root == "now":
            return Calendar(_one_of(f"now.{_flat(path)}", _CALENDAR))
        if root in ("payload", "value", "topic") and not self.topic:
            raise ConfigurationError(f"{name!r} needs a topic", remedy='say whose: topic = "tele/+/SENSOR"')
        if root == "payload":
            return Element(written, path)
        if root == "value" and self._value is not None:
            return Element(written, self._value + path)
        if root == "value":
            raise ConfigurationError("'value' needs a path", remedy='say where: value = "ENERGY.Power"')
        if root == "topic":
            return self._segment(f"topic.{_flat(path)}")
        if not self.topic:
            return Reading(_one_of(f"{root}.{_flat(path)}" if path else root, _METRICS))
        if root in ("hub", "instance"):
            remedy = "write two rules: one with `topic`, one without"
            raise ConfigurationError(f"a rule on a topic cannot compare {name}", remedy=remedy)
        raise ConfigurationError(
            f"there is no metric {name!r} in a rule on a topic", remedy=f"did you mean payload.{name}?"
        )

    def _segment(self, name: str) -> Reference:
        if name in self._segments:
            return Segment(name, self._segments[name])
        if not self._segments:
            raise ConfigurationError(
                f"{printable(name, 60)!r}: the topic has no named segments",
                remedy='name them in the filter: topic = "tele/{plug}/SENSOR"',
            )
        raise unknown_metric(name, dict.fromkeys(self._segments, Unit.PLAIN))


def _flat(path: Path) -> str:
    return ".".join(map(str, path))


def _one_of(name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        close = get_close_matches(name, known, n=1, cutoff=0.5)
        family = [each for each in known if each.startswith(f"{name.split('.', maxsplit=1)[0]}.")]
        remedy = f"did you mean {close[0]}?" if close else f"there are {', '.join(family or known)}"
        raise ConfigurationError(f"there is no metric {printable(name, 60)!r}", remedy=remedy)
    return name

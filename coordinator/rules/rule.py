"""A rule as it stands in force, and its firing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from coordinator.rules.condition import Condition, Scope
from coordinator.rules.quiet import Quiet
from devices.conditions.latch import Latch, Timing
from devices.errors import printable
from devices.protocol.durations import words

Action = Literal["checkpoint", "suspend", "migrate", "resume"]
ACTIONS: tuple[Action, ...] = get_args(Action)
Severity = Literal["info", "warning", "problem"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

MOST_CPU = "most cpu"
ALL = "all"
LABEL = "label:"
AT_ONCE = Timing()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One table of a rules file.

    Args:
        name: the table's, and the last level of the topic of its events.
        when: fires it.
        clear: makes it ready to fire again; ``None``: as soon as ``when`` does not hold.
        timing: `for` and `cooldown`.
        topic: filter of the messages it looks at, with named segments; empty for rules on hubs and instances.
        do: what is done, in order; empty: the event is all.
        which: the instances it is done to: `MOST_CPU`, `ALL`, `LABEL` and a label, or an instance's name.
        to: the hub they go to; empty leaves it to placement.
        hubs: the hubs it looks at, for a rule on topics those whose instances it acts on; empty for all.
        severity: of its events.
        quiet: when it does not fire.
        place: file and line, for people.
    """

    name: str
    when: Condition
    clear: Condition | None = None
    timing: Timing = AT_ONCE
    topic: str = ""
    do: tuple[Action, ...] = ()
    which: str = MOST_CPU
    to: str = ""
    hubs: tuple[str, ...] = ()
    severity: Severity = "warning"
    quiet: Quiet | None = None
    place: str = field(default="", compare=False)

    @property
    def scope(self) -> Scope:
        """Whose values it compares."""
        return self.when.scope

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that it judges."""
        return tuple(each for each in (self.when, self.clear) if each is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Firing:
    """A rule's condition came true, and stayed so for as long as the rule wants.

    Args:
        rule: which.
        subject: the hub, instance or topic of which it is true.
        hub: the hub itself, or the one that the instance is on; empty for a topic.
        instance: the instance; empty for hubs and topics.
        value: the number that was compared; of a formula 1.
        values: all that was looked at, by name.
        held: seconds for which the condition has held.
        at: when, in seconds of the facts' clock.
        latch: of this rule on this subject: whether it is still so, and whether more can be done about it.
    """

    rule: Rule
    subject: str
    hub: str = ""
    instance: str = ""
    value: float
    values: dict[str, Any] = field(default_factory=dict)
    held: float
    at: float
    latch: Latch = field(default_factory=Latch, compare=False, repr=False)

    @property
    def why(self) -> str:
        """The reason in words: ``"hub-a: hub.temperature 78 > 75 for 20s"``."""
        duration = f" for {words(self.held)}" if self.rule.timing.hold else ""
        return f"{printable(self.subject, 200)}: {self.rule.when.words(self.values or {self.rule.when.metric: self.value})}{duration}"

"""A rule as it stands in force, and its firing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from coordinator.rules.condition import Condition, Scope
from coordinator.rules.quiet import Quiet
from coordinator.rules.scene import Reference
from coordinator.rules.template import Template
from devices.conditions.latch import Latch, Timing
from devices.conditions.limit import Limit
from devices.errors import printable
from devices.protocol.durations import words

Action = Literal["checkpoint", "suspend", "migrate", "resume", "stop", "run"]
ACTIONS: tuple[Action, ...] = get_args(Action)
Severity = Literal["info", "warning", "problem"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

MOST_CPU = "most cpu"
LOWEST_PRIORITY = "lowest priority"
ONE_BY_ONE = (MOST_CPU, LOWEST_PRIORITY)
ALL = "all"
LABEL = "label:"
AT_ONCE = Timing()


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """What a rule publishes when it has fired and acted.

    Args:
        topic: with values put in.
        text: likewise.
        retain: whether the broker keeps it.
        qos: 0, 1 or 2.
    """

    topic: Template
    text: Template
    retain: bool = False
    qos: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Errand:
    """The function that a rule runs.

    Args:
        file: its main file.
        function: its name; empty for the only one.
        arguments: by parameter; texts may hold values.
        hub: where; empty leaves it to placement.
    """

    file: Path
    function: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    hub: str = ""


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
        which: the instances it is done to: `ALL`, `LABEL` and a label, an instance's name, or one of `ONE_BY_ONE`: as
            many as it takes until the metric is expected beyond the threshold.
        to: the hub they go to; empty leaves it to placement.
        hubs: the hubs it looks at, for a rule on topics those whose instances it acts on; empty for all.
        severity: of its events.
        quiet: when it does not fire.
        resume: lets what the rule has suspended because of a subject go on, when it is true of that subject.
        publish: what is published afterwards.
        run: the function for the action of that name.
        moves: how often rules may have moved an instance when this one does it once more; ``None``: as elsewhere.
        builtin: it comes with Midstream.
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
    resume: Condition | None = None
    publish: Publication | None = None
    run: Errand | None = None
    moves: Limit | None = None
    builtin: bool = False
    place: str = field(default="", compare=False)

    @property
    def scope(self) -> Scope:
        """Whose values it compares."""
        return self.when.scope

    @property
    def mentions(self) -> tuple[Reference, ...]:
        """What its texts tell of messages and metrics."""
        templates = [] if self.publish is None else [self.publish.topic, self.publish.text]
        if self.run is not None:
            templates += [value for _, value in self.run.arguments if isinstance(value, Template)]
        return tuple(dict.fromkeys(reference for each in templates for reference in each.references))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that it judges."""
        return tuple(each for each in (self.when, self.clear, self.resume) if each is not None)


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
        mentioned: what the rule's texts tell, by name.
        held: seconds for which the condition has held.
        at: when, in seconds of the facts' clock.
        elsewhere: the other hubs of which it is true, for a rule on hubs.
        latch: of this rule on this subject: whether it is still so, and whether more can be done about it.
    """

    rule: Rule
    subject: str
    hub: str = ""
    instance: str = ""
    value: float
    values: dict[str, Any] = field(default_factory=dict)
    mentioned: dict[str, Any] = field(default_factory=dict)
    held: float
    at: float
    elsewhere: tuple[str, ...] = ()
    latch: Latch = field(default_factory=Latch, compare=False, repr=False)

    @property
    def why(self) -> str:
        """The reason in words: ``"hub-a: hub.temperature 78 > 75 for 20s"``."""
        duration = f" for {words(self.held)}" if self.rule.timing.hold else ""
        return f"{printable(self.subject, 200)}: {self.rule.when.words(self.values or {self.rule.when.metric: self.value})}{duration}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """A rule's `resume` came true of a subject because of which it has suspended something.

    Args:
        rule: which.
        subject: the hub, instance or topic.
        values: all that was looked at, by name.
        at: when, in seconds of the facts' clock.
    """

    rule: Rule
    subject: str
    values: dict[str, Any]
    at: float

    @property
    def why(self) -> str:
        """The reason in words."""
        assert self.rule.resume is not None
        return f"{printable(self.subject, 200)}: {self.rule.resume.words(self.values)}"

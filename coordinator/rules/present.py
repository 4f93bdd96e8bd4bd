"""What a rule sees right now, for people: each hub's, instance's or topic's value, and how far it is from firing.

Looking changes nothing: what stands here is worked out anew from the facts, with the past as it is remembered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from coordinator.facts import Facts
from coordinator.rules.condition import Fault
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.scene import Scene
from coordinator.rules.state import RuleState
from devices.protocol.readings import NoNumber, parse

MOST: Final = 20
"""Subjects that are shown of one rule."""
LOOKED_AT: Final = 10 * MOST
"""Subjects among which those are sought."""


@dataclass(frozen=True, kw_only=True)
class Present:
    """A rule on one subject.

    Args:
        subject: the hub, instance or topic.
        value: the number that is compared; of a formula 1 or 0; ``None`` where there is none.
        values: all that is looked at, by name.
        no_value: why there is none.
        holds: whether the condition holds.
        since: seconds for which it has held.
        active: it has fired and was not cleared yet.
        retained: the message's age is unknown: it is shown and does nothing.
    """

    subject: str
    value: float | None = None
    values: dict[str, Any] = field(default_factory=dict)
    no_value: str = ""
    holds: bool = False
    since: float = 0.0
    active: bool = False
    retained: bool = False


def present(state: RuleState, evaluation: Evaluation, facts: Facts, at: float, topics: Sequence[str]) -> list[Present]:
    """Returns what a rule sees of each subject, those that are active or hold first, and not more than `MOST`.

    Args:
        state: of the rule.
        evaluation: that judges it.
        facts: that it is fed by.
        at: now, in seconds of the facts' clock.
        topics: those that it looks at.
    """
    looked = _silences(state, at) if state.clocks is not None else _scenes(state, evaluation, facts, at, topics)
    found = [_present(state, *each, at) for each in islice(looked, LOOKED_AT)]
    return sorted(found, key=lambda each: (not each.active, not each.holds, each.subject))[:MOST]


_Seen = tuple[str, Scene | float, bool]
"""A subject, what is seen of it (of a silence its seconds), and whether that is of unknown age."""


def _silences(state: RuleState, at: float) -> Iterator[_Seen]:
    assert state.clocks is not None
    for topic, age in state.clocks.ages(at).items():
        yield topic, float(age), False


def _scenes(
    state: RuleState, evaluation: Evaluation, facts: Facts, at: float, topics: Sequence[str]
) -> Iterator[_Seen]:
    rule, recall = state.rule, evaluation.recall
    if rule.scope == "topic":
        for topic in topics:
            heard = facts.topics[topic]
            scene = evaluation.topic_scene(topic, heard.payload, at, parse(heard.payload))
            yield topic, recall("topic", topic, scene), heard.retained
        return
    for hub, measured in facts.hubs.items():
        if rule.hubs and hub not in rule.hubs:
            continue
        if rule.scope == "hub":
            yield hub, recall("hub", hub, evaluation.hub_scene(hub, measured.metrics, at)), False
            continue
        for instance in measured.metrics.instances:
            scene = evaluation.instance_scene(hub, instance, measured.metrics, at)
            yield instance, recall("instance", instance, scene), False


def _present(state: RuleState, subject: str, seen: Scene | float, retained: bool, at: float) -> Present:
    scene = Scene() if isinstance(seen, float) else seen
    value = seen if isinstance(seen, float) else state.rule.when.value(scene)
    known = state.subjects.get(subject)
    active = known is not None and known.latch.active
    if not isinstance(value, float):
        return Present(subject=subject, no_value=_why(state, value), active=active, retained=retained)
    began = known.latch.since if known is not None else None
    return Present(
        subject=subject,
        value=value,
        values=state.rule.when.values(scene, value),
        holds=state.holds(value),
        since=at - began if began is not None else 0.0,
        active=active,
        retained=retained,
    )


def _why(state: RuleState, value: NoNumber | Fault) -> str:
    if isinstance(value, Fault):
        return value.why
    reason: str = value.value
    if value is NoNumber.MISSING and state.rule.when.measures:
        return "too little is known yet"
    if value is NoNumber.MISSING and state.rule.scope != "topic":
        return "it does not measure that"
    return reason

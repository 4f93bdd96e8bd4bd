"""What rules would have done on a recorded stream: the evaluation of the running coordinator, with the recording's time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from coordinator.facts import Facts
from coordinator.recording import Recorded
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.rule import Firing, Rule
from coordinator.rules.state import RuleState
from devices.errors import ProtocolError
from devices.protocol import limits, messages
from devices.protocol.messages import HubMetrics, HubStatus
from devices.protocol.topics import Topics

SAMPLES: Final = 100_000
"""Values of one rule on one subject that are kept for its chart."""
SUBJECTS: Final = 100
"""Subjects of one rule of which values are kept."""
STEP: Final = 1.0
"""Seconds between two looks at the clock, as in a running coordinator."""
UNTIMED: Final = 1.0
"""Seconds after the one before at which a message counts as heard whose time was not recorded."""


@dataclass
class Course:
    """One rule on one hub, instance or topic: its values, and when it fired."""

    samples: list[tuple[float, float]] = field(default_factory=list)  # time and value
    firings: list[Firing] = field(default_factory=list)


@dataclass
class Replayed:
    """What became of a recording.

    Args:
        states: of the rules, by name, at its end.
        courses: by rule and subject.
        count: of messages.
        begins: the time of the first, in seconds since 1970.
        ends: of the last.
        untimed: messages without a time.
        facts: what is known at its end, with what could not be read.
    """

    states: dict[str, RuleState]
    courses: dict[str, dict[str, Course]]
    facts: Facts
    count: int = 0
    begins: float = 0.0
    ends: float = 0.0
    untimed: int = 0


def replay(rules: Iterable[Rule], recording: Iterable[Recorded], zone: ZoneInfo, topics: Topics) -> Replayed:
    """Returns what rules would have done, message by message and second by second.

    A hub's own messages count as they do live. A time that goes backward stands still instead. A rule that takes one
    instance after the other fires once here: how far the first one helps, no recording can tell.

    Args:
        rules: those in force.
        recording: the messages, in order.
        zone: the site's, for what rules say of the time of day.
        topics: of the installation that was recorded.
    """
    player = _Player(rules, zone, topics)
    for message in recording:
        player.play(message)
    return player.seen


class _Player:
    def __init__(self, rules: Iterable[Rule], zone: ZoneInfo, topics: Topics) -> None:
        self._topics = topics
        facts = Facts()
        once = [replace(rule, timing=replace(rule.timing, again=0.0)) for rule in rules]
        self._evaluation = Evaluation(
            once, facts, self._fired, calendar=lambda at: datetime.fromtimestamp(at, UTC).astimezone(zone)
        )
        self._at = -math.inf
        self.seen = Replayed(self._evaluation.states, {name: {} for name in self._evaluation.states}, facts)

    def play(self, message: Recorded) -> None:
        seen, first = self.seen, self.seen.count == 0
        at = message.time
        if at is None:
            seen.untimed += 1
            at = 0.0 if first else self._at + UNTIMED
        self._pass_time(at)
        if first:
            seen.begins = at
            seen.facts.passed(at)
        seen.count += 1
        seen.ends = self._at = max(at, self._at)
        for state in self._evaluation.states.values():
            state.value = None
        self._hear(message)
        for name, state in self._evaluation.states.items():
            if state.value is not None and state.clocks is None:  # a silence is not heard of
                self._note(name, self._subject(state, message), state.value)

    def _pass_time(self, until: float) -> None:
        if self._at == -math.inf:
            return
        step = math.floor(self._at) + STEP
        while step <= until and self._evaluation.waits:
            self._at = step
            self.seen.facts.passed(step)
            step += STEP

    def _hear(self, message: Recorded) -> None:
        facts, levels = self.seen.facts, self._topics.split(message.topic)
        if len(levels) == 3 and levels[0] == "hubs" and not message.retain:
            try:
                if levels[2] == "metrics":
                    facts.hub(levels[1], messages.decode(message.payload, HubMetrics, message.topic), self._at)
                elif levels[2] == "status" and _is_away(message):
                    facts.hub_gone(levels[1])
            except ProtocolError as error:
                facts.unread(message.topic, error.message, self._at)
        if len(message.payload) > limits.TELEMETRY:
            facts.tally.oversized += 1
        else:
            facts.telemetry(message.topic, message.payload, message.qos, message.retain, self._at)

    def _subject(self, state: RuleState, message: Recorded) -> str:
        return message.topic if state.rule.scope == "topic" else self._topics.split(message.topic)[1]

    def _note(self, rule: str, subject: str, value: float) -> None:
        courses = self.seen.courses[rule]
        course = courses.get(subject)
        if course is None:
            if len(courses) >= SUBJECTS:
                return
            course = courses[subject] = Course()
        if len(course.samples) < SAMPLES:
            course.samples.append((self._at, value))

    def _fired(self, firing: Firing) -> None:
        courses = self.seen.courses[firing.rule.name]
        subject = firing.hub if firing.rule.scope == "instance" else firing.subject
        courses.setdefault(subject, Course()).firings.append(firing)


def _is_away(message: Recorded) -> bool:
    return messages.decode(message.payload, HubStatus, message.topic).state == "offline"

"""One rule at work: a latch for each subject of which there is something to remember, and what is shown of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import inf
from typing import Any, Final

from coordinator.rules.condition import Condition, Fault
from coordinator.rules.rule import Firing, Recovery, Rule
from coordinator.rules.scene import Clock, Scene
from coordinator.rules.silence import Clocks, Silence
from devices.conditions.latch import Latch, Timing
from devices.conditions.window import Window
from devices.protocol import limits
from devices.protocol.readings import NoNumber

FIRINGS: Final = 60
"""Firings of one rule within `PERIOD`; more than one a second is a flood of topics, no event for people."""
PERIOD: Final = 60.0
"""Seconds."""

MENTIONED: Final = 1000
"""Characters of a word of a message that a rule's text can tell."""


class Subject:
    """What is remembered of one rule on one hub, instance or topic."""

    __slots__ = ("hub", "latch", "mentioned", "value", "values")

    def __init__(self) -> None:
        self.latch = Latch()
        self.value = 0.0
        self.values: dict[str, Any] = {}
        self.mentioned: dict[str, Any] = {}
        self.hub = ""


class RuleState:
    """A rule at work.

    Args:
        rule: which.
        calendar: gives the time of day of a moment, for quiet times.

    Attributes:
        value: the newest number it compared, ``None`` before the first.
        fired: how often.
        held_back: firings that came too thick (`FIRINGS`) or of too many subjects, and were only counted.
        errors: how often a condition could not be judged; `error` is the newest reason, `failed` when.
        missing: how often there was no value, by reason: a path that leads nowhere shows here.
    """

    def __init__(self, rule: Rule, calendar: Clock) -> None:
        self.rule = rule
        self.value: float | None = None
        self.fired = 0
        self.held_back = 0
        self.errors = 0
        self.error = ""
        self.failed = 0.0
        self.missing: Counter[NoNumber] = Counter()
        self.subjects: dict[str, Subject] = {}
        self.holds = rule.when.test()
        self.clocks = Clocks(rule.topic) if isinstance(rule.when, Silence) else None
        self._clears = rule.clear.test() if rule.clear else None
        self._resumes = rule.resume.test() if rule.resume else None
        self._calendar = calendar
        self._recent = Window(PERIOD)
        self._held_back_at = 0.0
        self._hushed = replace(rule.timing, hold=inf, again=0.0)

    def judge(self, subject: str, hub: str, scene: Scene, value: float | NoNumber | Fault) -> Firing | None:
        """Takes in the value of one subject; returns the firing if there is one."""
        holds = self.holds(value) if isinstance(value, float) else None
        known = self.subjects.get(subject)
        if known is None:
            if not holds:
                return None
            if len(self.subjects) >= limits.TELEMETRY_TOPICS:
                self._hold_back(scene.at)
                return None
            known = self.subjects[subject] = Subject()
        known.hub = hub
        if isinstance(value, float):
            known.value, known.values = value, self.rule.when.values(scene, value)
            known.mentioned = {each.name: _brief(each.get(scene)) for each in self.rule.mentions}
        clears = self._cleared(scene, holds)
        timing, at = self._timing(scene.at), scene.at
        fires = known.latch.news(timing, holds=holds, clears=clears, at=at)
        if known.latch.idle(timing, at):
            del self.subjects[subject]
        return self._firing(subject, known, at) if fires else None

    def passed(self, at: float) -> list[Firing]:
        """Lets time pass; returns the firings that come of it."""
        firings: list[Firing | None] = []
        if not self.subjects:
            return []
        timing = self._timing(at)
        for subject, known in list(self.subjects.items()):
            if known.latch.idle(timing, at):
                del self.subjects[subject]
            elif known.latch.passed(timing, at):
                firings.append(self._firing(subject, known, at))
        return [firing for firing in firings if firing is not None]

    def recovered(self, subject: str, scene: Scene) -> Recovery | None:
        """Returns the recovery where the rule's `resume` holds of a subject."""
        resume = self.rule.resume
        if resume is None or self._resumes is None:
            return None
        value = resume.value(scene)
        if isinstance(value, Fault):
            self.fail(value, scene.at)
        if not isinstance(value, float) or not self._resumes(value):
            return None
        return Recovery(rule=self.rule, subject=subject, values=resume.values(scene, value), at=scene.at)

    def fail(self, fault: Fault, at: float) -> None:
        """Counts a condition that could not be judged."""
        self.errors += 1
        self.error, self.failed = fault.why, at

    def attention(self, at: float, lately: float) -> list[str]:
        """Returns what people should know of it: errors and firings held back within the last seconds."""
        name, sentences = self.rule.name, []
        if self.errors and at - self.failed < lately:
            sentences.append(f"rule {name} could not be judged {self.errors} times: {self.error}")
        if self.held_back and at - self._held_back_at < lately:
            sentences.append(f"rule {name} would have fired {self.held_back} times more: too often in a minute")
        return sentences

    def quiet(self, at: float) -> bool:
        """Tells whether the rule may not fire now: what holds then fires when the quiet time is over."""
        if self.rule.quiet is None:
            return False
        now = self._calendar(at)
        return now is None or self.rule.quiet.covers(now)  # with a clock that is wrong it may be night

    def _hold_back(self, at: float) -> None:
        self.held_back += 1
        self._held_back_at = at

    def _timing(self, at: float) -> Timing:
        return self._hushed if self.quiet(at) else self.rule.timing

    def _cleared(self, scene: Scene, holds: bool | None) -> bool | None:
        clear: Condition | None = self.rule.clear
        if clear is None or self._clears is None:
            return None if holds is None else not holds
        value = clear.value(scene)
        if isinstance(value, Fault):
            self.fail(value, scene.at)
        return self._clears(value) if isinstance(value, float) else None

    def _firing(self, subject: str, known: Subject, at: float) -> Firing | None:
        if self._recent.count(at) >= FIRINGS:
            self._hold_back(at)
            return None
        self._recent.add(1.0, at)
        self.fired += 1
        others = ((name, each) for name, each in self.subjects.items() if self.rule.scope == "hub" and name != subject)
        return Firing(
            rule=self.rule,
            subject=subject,
            hub=known.hub,
            instance=subject if self.rule.scope == "instance" else "",
            value=known.value,
            values=known.values,
            mentioned=known.mentioned,
            held=at - known.latch.since if known.latch.since is not None else 0.0,
            at=at,
            elsewhere=tuple(name for name, each in others if each.latch.active),
            latch=known.latch,
        )


def _brief(value: Any) -> Any:
    """A value as a text tells it: of a list or an object as much as a line holds."""
    if isinstance(value, (list, dict)):
        value = repr(value)
    return value[:MENTIONED] if isinstance(value, str) else value

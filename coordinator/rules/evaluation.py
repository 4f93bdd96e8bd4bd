"""From facts to firings: each rule judged for each hub, instance or topic apart.

This is the way of every telemetry message, so it makes no task, takes no lock and waits for nothing: a dictionary says
which rules look at a topic, the payload is parsed once for all of them, and a latch is kept only for a subject of which
there is something to remember. A subject that is quietly below its threshold costs one comparison and no memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Final

from coordinator.facts import Facts
from coordinator.rules.expression import Scene
from coordinator.rules.rule import Firing, Rule
from devices.conditions.latch import Latch
from devices.conditions.metrics import hub_readings, instance_readings
from devices.conditions.window import Window
from devices.protocol import limits
from devices.protocol.messages import HubMetrics
from devices.protocol.readings import NoNumber, parse
from devices.protocol.topics import matches

FIRINGS: Final = 60
"""Firings of one rule within `PERIOD`; more than one a second is a flood of topics, no event for people."""
PERIOD: Final = 60.0
"""Seconds."""
_FLAWS: Final = frozenset({NoNumber.BINARY, NoNumber.MALFORMED, NoNumber.DEEP})


class _Subject:
    """What is remembered of one rule on one subject."""

    __slots__ = ("hub", "latch", "value")

    def __init__(self) -> None:
        self.latch = Latch()
        self.value = 0.0
        self.hub = ""


class RuleState:
    """A rule at work: its latches, and what is shown of it.

    Args:
        rule: which.

    Attributes:
        value: the newest number it compared, ``None`` before the first.
        fired: how often.
        held_back: firings that came too thick (`FIRINGS`) or of too many subjects, and were only counted.
        missing: how often there was no number, by reason: a path that leads nowhere shows here.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.value: float | None = None
        self.fired = 0
        self.held_back = 0
        self.missing: Counter[NoNumber] = Counter()
        self.subjects: dict[str, _Subject] = {}
        self.holds = rule.when.test()
        self._clears = rule.clear.test() if rule.clear else None
        self._recent = Window(PERIOD)

    def judge(self, subject: str, hub: str, scene: Scene, value: float | NoNumber, at: float) -> Firing | None:
        """Takes in the value of one subject; returns the firing if there is one."""
        rule = self.rule
        holds = None if isinstance(value, NoNumber) else self.holds(value)
        known = self.subjects.get(subject)
        if known is None:
            if not holds:
                return None
            if len(self.subjects) >= limits.TELEMETRY_TOPICS:
                self.held_back += 1
                return None
            known = self.subjects[subject] = _Subject()
        known.hub = hub
        if not isinstance(value, NoNumber):
            known.value = value
        clears = self._cleared(scene, holds)
        fires = known.latch.news(rule.timing, holds=holds, clears=clears, at=at)
        if known.latch.idle(rule.timing, at):
            del self.subjects[subject]
        return self._firing(subject, known, at) if fires else None

    def passed(self, at: float) -> list[Firing]:
        """Lets time pass; returns the firings that come of it."""
        firings: list[Firing | None] = []
        for subject, known in list(self.subjects.items()):
            if known.latch.idle(self.rule.timing, at):
                del self.subjects[subject]
            elif known.latch.passed(self.rule.timing, at):
                firings.append(self._firing(subject, known, at))
        return [firing for firing in firings if firing is not None]

    def _cleared(self, scene: Scene, holds: bool | None) -> bool | None:
        if self.rule.clear is None or self._clears is None:
            return None if holds is None else not holds
        value = self.rule.clear.value(scene)
        return None if isinstance(value, NoNumber) else self._clears(value)

    def _firing(self, subject: str, known: _Subject, at: float) -> Firing | None:
        if self._recent.count(at) >= FIRINGS:
            self.held_back += 1
            return None
        self._recent.add(1.0, at)
        self.fired += 1
        return Firing(
            rule=self.rule,
            subject=subject,
            hub=known.hub,
            instance=subject if self.rule.scope == "instance" else "",
            value=known.value,
            held=at - known.latch.since if known.latch.since is not None else 0.0,
            at=at,
        )


class _Group:
    """Rules whose `when` has the same value: it is looked up once for all of them."""

    __slots__ = ("condition", "states")

    def __init__(self, states: list[RuleState]) -> None:
        self.condition = states[0].rule.when
        self.states = states

    def judge(self, subject: str, hub: str, scene: Scene, at: float) -> list[Firing]:
        value = self.condition.value(scene)
        if isinstance(value, NoNumber):
            for state in self.states:
                state.missing[value] += 1
            concerned = [state for state in self.states if subject in state.subjects]
        else:
            for state in self.states:
                state.value = value
            concerned = [state for state in self.states if state.holds(value) or subject in state.subjects]
        firings = [state.judge(subject, hub, scene, value, at) for state in concerned]  # nearly always none
        return [firing for firing in firings if firing is not None]


def _grouped(states: Iterable[RuleState]) -> tuple[_Group, ...]:
    groups: dict[Hashable, list[RuleState]] = {}
    for state in states:
        groups.setdefault(state.rule.when.source, []).append(state)
    return tuple(_Group(members) for members in groups.values())


class Evaluation:
    """The rules in force, fed by facts (it is a `coordinator.facts.Watcher`).

    Args:
        rules: those in force at first.
        facts: where it counts what it could not read.
        fire: called with each firing, at once; it must not wait.
    """

    def __init__(self, rules: Iterable[Rule], facts: Facts, fire: Callable[[Firing], None]) -> None:
        self._facts = facts
        self._fire = fire
        self.states: dict[str, RuleState] = {}
        self._exact: dict[str, list[RuleState]] = {}
        self._wild: dict[str, list[RuleState]] = {}
        self._by_topic: dict[str, tuple[_Group, ...]] = {}
        self._by_hub: dict[str, tuple[tuple[_Group, ...], tuple[_Group, ...]]] = {}
        self.replace(rules)
        facts.watchers.append(self)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Puts other rules in force. One that is unchanged keeps its latches; a changed one starts anew."""
        before = self.states
        self.states = {}
        for rule in rules:
            known = before.get(rule.name)
            self.states[rule.name] = known if known is not None and known.rule == rule else RuleState(rule)
        self._exact, self._wild, self._by_topic, self._by_hub = {}, {}, {}, {}
        for state in self._of("topic"):
            topic = state.rule.topic
            routes = self._wild if any(sign in topic for sign in "+#{") else self._exact
            routes.setdefault(topic, []).append(state)

    # What facts tell ----------------------------------------------------------------------------------------------

    def measured(self, hub: str, metrics: HubMetrics, at: float) -> None:
        """Judges the rules on hubs and instances."""
        readings = hub_readings(metrics)
        on_hub, on_instances = self._rules_for(hub)
        self._judge(on_hub, hub, hub, Scene(readings), at)
        if not on_instances:
            return
        for instance, use in metrics.instances.items():
            self._judge(on_instances, instance, hub, Scene(readings | instance_readings(metrics, use)), at)
        for state in self._of("instance"):
            for instance, known in state.subjects.items():
                if known.hub == hub and instance not in metrics.instances:  # suspended, or on its way
                    known.latch.deaf()

    def heard(self, topic: str, payload: bytes, *, retained: bool, at: float) -> None:
        """Judges the rules on a topic. A retained message is no news: nobody knows how old it is."""
        groups = self._by_topic.get(topic)
        if groups is None:
            groups = self._route(topic)
        if not groups or retained:
            return
        value = parse(payload)
        if isinstance(value, NoNumber) and value in _FLAWS:
            self._facts.unread(topic, value.value, at)
        self._judge(groups, topic, "", Scene(payload=value), at)

    def hub_gone(self, hub: str) -> None:
        """Forgets since when conditions held on a hub that is offline, and on its instances."""
        for state in self._of("hub", "instance"):
            for known in state.subjects.values():
                if known.hub == hub:
                    known.latch.deaf()

    def instance_gone(self, instance: str) -> None:
        """Forgets an instance that ended for good: another of the same name starts anew."""
        for state in self._of("instance"):
            state.subjects.pop(instance, None)

    def deaf(self) -> None:
        """Forgets since when conditions on topics held: while telemetry could not be heard nobody could deny them."""
        for state in self._of("topic"):
            for known in state.subjects.values():
                known.latch.deaf()

    def passed(self, at: float) -> None:
        """Lets time pass, for devices that publish on change alone.

        Rules on hubs and instances wait for the next metrics instead: a hub that has fallen silent proves nothing.
        """
        for state in self._of("topic"):
            for firing in state.passed(at):
                self._fire(firing)

    # Routes -------------------------------------------------------------------------------------------------------

    def _of(self, *scopes: str) -> list[RuleState]:
        return [state for state in self.states.values() if state.rule.scope in scopes]

    def _judge(self, groups: Iterable[_Group], subject: str, hub: str, scene: Scene, at: float) -> None:
        for group in groups:
            for firing in group.judge(subject, hub, scene, at):
                self._fire(firing)

    def _rules_for(self, hub: str) -> tuple[tuple[_Group, ...], tuple[_Group, ...]]:
        """The rules on a hub, and on its instances."""
        if hub not in self._by_hub:
            here = {
                scope: [state for state in self._of(scope) if not state.rule.hubs or hub in state.rule.hubs]
                for scope in ("hub", "instance")
            }
            self._by_hub[hub] = (_grouped(here["hub"]), _grouped(here["instance"]))
        return self._by_hub[hub]

    def _route(self, topic: str) -> tuple[_Group, ...]:
        found = list(self._exact.get(topic, ()))
        for topic_filter, states in self._wild.items():
            if matches(topic_filter, topic):
                found.extend(states)
        if len(self._by_topic) >= limits.TELEMETRY_TOPICS:
            self._by_topic.clear()
        self._by_topic[topic] = groups = _grouped(found)
        return groups

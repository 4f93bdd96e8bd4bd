"""From facts to firings: each rule judged for each hub, instance or topic apart.

This is the way of every telemetry message, so it makes no task, takes no lock and waits for nothing: a dictionary says
which rules look at a topic, the payload is parsed once for all of them, and a latch is kept only for a subject of which
there is something to remember. A subject that is quietly below its threshold costs one comparison and no memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
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
    """A rule at work: its latches, and what `rules` shows of it.

    Args:
        rule: which.

    Attributes:
        value: the newest number it compared, ``None`` before the first.
        fired: how often.
        held_back: firings that came too thick (`FIRINGS`) and were only counted.
        missing: how often there was no number, by reason: a path that leads nowhere shows here.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.value: float | None = None
        self.fired = 0
        self.held_back = 0
        self.missing: Counter[NoNumber] = Counter()
        self.subjects: dict[str, _Subject] = {}
        self.recent = Window(PERIOD)

    def judge(self, subject: str, hub: str, scene: Scene, at: float) -> Firing | None:
        """Looks at a reading of one subject; returns the firing if there is one."""
        rule = self.rule
        value = rule.when.value(scene)
        if isinstance(value, NoNumber):
            self.missing[value] += 1
            holds = None
        else:
            self.value = value
            holds = rule.when.holds(value)
        known = self.subjects.get(subject)
        if known is None:
            if not holds:
                return None
            if len(self.subjects) >= limits.TELEMETRY_TOPICS:
                self.held_back += 1
                return None
            known = self.subjects[subject] = _Subject()
        if rule.clear is None:
            clears = None if holds is None else not holds
        else:
            other = rule.clear.value(scene)
            clears = None if isinstance(other, NoNumber) else rule.clear.holds(other)
        known.hub = hub
        if not isinstance(value, NoNumber):
            known.value = value
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

    def _firing(self, subject: str, known: _Subject, at: float) -> Firing | None:
        if self.recent.count(at) >= FIRINGS:
            self.held_back += 1
            return None
        self.recent.add(1.0, at)
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
        self._routes: dict[str, tuple[RuleState, ...]] = {}
        self.replace(rules)
        facts.watchers.append(self)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Puts other rules in force. One that is unchanged keeps its latches; a changed one starts anew."""
        before = self.states
        self.states = {}
        for rule in rules:
            known = before.get(rule.name)
            self.states[rule.name] = known if known is not None and known.rule == rule else RuleState(rule)
        self._exact, self._wild, self._routes = {}, {}, {}
        for state in self._of("topic"):
            topic = state.rule.topic
            routes = self._wild if any(sign in topic for sign in "+#{") else self._exact
            routes.setdefault(topic, []).append(state)

    # What facts tell ----------------------------------------------------------------------------------------------

    def measured(self, hub: str, metrics: HubMetrics, at: float) -> None:
        """Judges the rules on hubs and instances."""
        readings = hub_readings(metrics)
        scene = Scene(readings)
        for state in self._of("hub"):
            if not state.rule.hubs or hub in state.rule.hubs:
                self._tell(state.judge(hub, hub, scene, at))
        by_instance = [state for state in self._of("instance") if not state.rule.hubs or hub in state.rule.hubs]
        for instance, use in metrics.instances.items() if by_instance else ():
            scene = Scene(readings | instance_readings(metrics, use))
            for state in by_instance:
                self._tell(state.judge(instance, hub, scene, at))
        for state in by_instance:
            for instance, known in state.subjects.items():
                if known.hub == hub and instance not in metrics.instances:  # suspended, or on its way
                    known.latch.deaf()

    def heard(self, topic: str, payload: bytes, *, retained: bool, at: float) -> None:
        """Judges the rules on a topic. A retained message is no news: nobody knows how old it is."""
        states = self._routes.get(topic)
        if states is None:
            states = self._route(topic)
        if not states or retained:
            return
        scene = Scene(payload=parse(payload))
        if scene.payload in _FLAWS if isinstance(scene.payload, NoNumber) else False:
            self._facts.tally.malformed += 1
        for state in states:
            firing = state.judge(topic, "", scene, at)
            if firing is not None:
                self._fire(firing)

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
        """Forgets since when conditions held: while the connection was lost nobody could deny them."""
        for state in self.states.values():
            for known in state.subjects.values():
                known.latch.deaf()

    def passed(self, at: float) -> None:
        """Lets time pass, for devices that publish on change alone; to be called each second or so.

        Rules on hubs and instances wait for the next metrics instead: a hub that has fallen silent proves nothing.
        """
        for state in self._of("topic"):
            if state.subjects:
                for firing in state.passed(at):
                    self._fire(firing)

    # Routes -------------------------------------------------------------------------------------------------------

    def _of(self, *scopes: str) -> list[RuleState]:
        return [state for state in self.states.values() if state.rule.scope in scopes]

    def _route(self, topic: str) -> tuple[RuleState, ...]:
        found = list(self._exact.get(topic, ()))
        for topic_filter, states in self._wild.items():
            if matches(topic_filter, topic):
                found.extend(states)
        if len(self._routes) >= limits.TELEMETRY_TOPICS:
            self._routes.clear()
        self._routes[topic] = route = tuple(found)
        return route

    def _tell(self, firing: Firing | None) -> None:
        if firing is not None:
            self._fire(firing)

"""From facts to firings: each rule judged for each hub, instance or topic apart.

This is the way of every telemetry message, so it makes no task, takes no lock and waits for nothing: a dictionary says
which rules look at a topic, the payload is parsed once for all of them, and a latch is kept only for a subject of which
there is something to remember. A subject that is quietly below its threshold costs one comparison and no memory; a rule
that looks back has its past kept (`coordinator.rules.past`), within bounds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from coordinator.facts import Facts
from coordinator.rules.condition import Fault, Scope
from coordinator.rules.past import SUBJECTS, Measure, Pasts
from coordinator.rules.rule import Firing, Recovery, Rule
from coordinator.rules.scene import NO_PAST, Clock, Scene
from coordinator.rules.silence import Silence
from coordinator.rules.state import FIRINGS, PERIOD, RuleState
from devices.conditions.metrics import hub_readings, instance_readings
from devices.protocol import limits
from devices.protocol.messages import HubMetrics
from devices.protocol.readings import NoNumber, parse
from devices.protocol.topics import matches

__all__ = ["FIRINGS", "PERIOD", "Evaluation", "RuleState"]
LARGEST: Final = 4 * limits.MIB
"""Bytes of payload of the topics that are judged again as time passes; parsed they take several times as much."""
ATTENTION: Final = 600.0
"""Seconds for which a rule that could not be judged deserves attention."""
_FLAWS: Final = frozenset({NoNumber.BINARY, NoNumber.MALFORMED, NoNumber.DEEP})


def _wall(_: float) -> datetime:
    return datetime.now().astimezone()


def _nobody(_: Recovery) -> None:
    """Where nothing is ever suspended nothing recovers."""


def _facts_of(hub: str, metrics: HubMetrics) -> dict[str, str | bool]:
    known: dict[str, str | bool] = {"hub.name": hub}
    if metrics.mains is not None:
        known["hub.mains"] = metrics.mains
    return known


class _Group:
    """Rules whose `when` has the same value: it is looked up once for all of them."""

    __slots__ = ("condition", "states", "timely")

    def __init__(self, states: list[RuleState]) -> None:
        self.condition = states[0].rule.when
        self.states = states
        self.timely = states[0].clocks is None and any(  # silence has clocks of its own
            each.timely for state in states for each in (state.rule.when, state.rule.clear) if each is not None
        )

    def judge(self, subject: str, hub: str, scene: Scene, *, news: bool) -> list[Firing]:
        value = self.condition.value(scene)
        if isinstance(value, float):
            for state in self.states:
                state.value = value
            concerned = [state for state in self.states if state.holds(value) or subject in state.subjects]
        else:
            if news:
                self._count(value, scene.at)
            concerned = [state for state in self.states if subject in state.subjects]
        firings = [state.judge(subject, hub, scene, value) for state in concerned]  # nearly always none
        return [firing for firing in firings if firing is not None]

    def _count(self, value: NoNumber | Fault, at: float) -> None:
        for state in self.states:
            if isinstance(value, Fault):
                state.fail(value, at)
            else:
                state.missing[value] += 1


class _Route:
    """The rules on one subject, with what has to be remembered for them."""

    __slots__ = ("clocked", "groups", "measures", "resuming", "states", "timely", "waits")

    def __init__(self, states: Sequence[RuleState]) -> None:
        self.states = states
        groups: dict[Hashable, list[RuleState]] = {}
        measures: dict[Measure, None] = {}
        self.clocked: list[RuleState] = []
        self.resuming: list[RuleState] = []
        for state in states:
            rule = state.rule
            if state.clocks is not None:
                self.clocked.append(state)
            if rule.resume is not None:
                self.resuming.append(state)
            groups.setdefault(rule.when.source, []).append(state)
            for condition in rule.conditions:
                measures.update(dict.fromkeys(condition.measures))
        self.groups = tuple(_Group(members) for members in groups.values())
        self.measures = tuple(measures)
        self.timely = tuple(group for group in self.groups if group.timely)
        resumes = [state.rule.resume for state in self.resuming]
        self.waits = bool(self.timely) or any(each is not None and each.timely for each in resumes)


class Evaluation:
    """The rules in force, fed by facts (it is a `coordinator.facts.Watcher`).

    Args:
        rules: those in force at first.
        facts: where it counts what it could not read.
        fire: called with each firing, at once; it must not wait.
        calendar: gives the time of day of a moment of the facts' clock, in the site's zone.
        recover: called when a rule's `resume` holds of a subject that is `awaited`, until it no longer is.
        awaited: by rule the subjects because of which it has suspended something; others change it.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        facts: Facts,
        fire: Callable[[Firing], None],
        *,
        calendar: Clock = _wall,
        recover: Callable[[Recovery], None] = _nobody,
        awaited: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self._facts = facts
        self._fire = fire
        self._calendar = calendar
        self._recover = recover
        self._awaited = awaited
        self.states: dict[str, RuleState] = {}
        self._exact: dict[str, list[RuleState]] = {}
        self._wild: dict[str, list[RuleState]] = {}
        self._by_topic: dict[str, _Route] = {}
        self._by_hub: dict[str, tuple[_Route, _Route]] = {}
        self._pasts = Pasts()
        self._live: OrderedDict[str, Scene] = OrderedDict()  # of topics with rules that time alone can fulfil
        self._kept = 0  # bytes of payload in them
        self.replace(rules)
        facts.watchers.append(self)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Puts other rules in force. One that is unchanged keeps its latches; a changed one starts anew."""
        before = self.states
        self.states = {}
        for rule in rules:
            known = before.get(rule.name)
            kept = known is not None and known.rule == rule
            self.states[rule.name] = known if kept and known else RuleState(rule, self._calendar)
        self._exact, self._wild, self._by_topic, self._by_hub = {}, {}, {}, {}
        self._forget_live()
        for state in self._of("topic"):
            topic = state.rule.topic
            routes = self._wild if any(sign in topic for sign in "+#{") else self._exact
            routes.setdefault(topic, []).append(state)

    @property
    def waits(self) -> bool:
        """Whether time alone could change anything now."""
        return bool(self._live) or any(state.subjects or state.clocks is not None for state in self._of("topic"))

    # What facts tell ----------------------------------------------------------------------------------------------

    def measured(self, hub: str, metrics: HubMetrics, at: float) -> None:
        """Judges the rules on hubs and instances."""
        on_hub, on_instances = self._rules_for(hub)
        self._judge(on_hub, ("hub", hub), hub, self.hub_scene(hub, metrics, at))
        if not on_instances.groups:
            return
        for instance in metrics.instances:
            scene = self.instance_scene(hub, instance, metrics, at)
            self._judge(on_instances, ("instance", instance), hub, scene)
        for state in self._of("instance"):
            for instance, subject in state.subjects.items():
                if subject.hub == hub and instance not in metrics.instances:  # suspended, or on its way
                    subject.latch.deaf()

    def heard(self, topic: str, payload: bytes, *, retained: bool, at: float) -> None:
        """Judges the rules on a topic. A retained message is no news: nobody knows how old it is."""
        route = self._by_topic.get(topic)
        if route is None:
            route = self._route(topic)
        if not route.groups or retained:
            return
        value = parse(payload)
        if isinstance(value, NoNumber) and value in _FLAWS:
            self._facts.unread(topic, value.value, at)
        scene = self.topic_scene(topic, payload, at, value)
        for state in route.clocked:
            if state.clocks is not None:
                state.clocks.heard(topic, at)
        if route.waits:
            self._remember(topic, scene)
        self._judge(route, ("topic", topic), "", scene)

    def hub_gone(self, hub: str) -> None:
        """Forgets since when conditions held on a hub that is offline, and on its instances."""
        self._pasts.forget(("hub", hub))
        for state in self._of("hub", "instance"):
            for known in state.subjects.values():
                if known.hub == hub:
                    known.latch.deaf()

    def instance_gone(self, instance: str) -> None:
        """Forgets an instance that ended for good: another of the same name starts anew."""
        self._pasts.forget(("instance", instance))
        for state in self._of("instance"):
            state.subjects.pop(instance, None)

    def deaf(self) -> None:
        """Forgets since when conditions on topics held: while telemetry could not be heard nobody could deny them."""
        self._forget_live()
        self._pasts.clear("topic")
        for state in self._of("topic"):
            if state.clocks is not None:
                state.clocks.deaf()
            for known in state.subjects.values():
                known.latch.deaf()

    def passed(self, at: float) -> None:
        """Lets time pass, for devices that publish on change alone, for silence, and for what the clock decides.

        Rules on hubs and instances wait for the next metrics instead: a hub that has fallen silent proves nothing.
        """
        for topic, scene in list(self._live.items()):
            scene.at = at
            self._judge_again(topic, scene)
        for state in self._of("topic"):
            for firing in state.passed(at):
                self._fire(firing)
            if state.clocks is not None and isinstance(state.rule.when, Silence):
                for topic, age in state.clocks.silent(state.rule.when.seconds, at):
                    scene = Scene(topic=topic, at=at, calendar=self._calendar)
                    fired = state.judge(topic, "", scene, age)
                    if fired is not None:
                        self._fire(fired)

    # Looking on ---------------------------------------------------------------------------------------------------

    def topics(self, most: int) -> dict[str, list[str]]:
        """Returns by rule the topics that it looks at, the ones heard last first, and not more than so many of each."""
        found: dict[str, list[str]] = {}
        for topic in reversed(self._facts.topics):
            route = self._by_topic.get(topic)
            for state in route.states if route is not None else ():
                mine = found.setdefault(state.rule.name, [])
                if len(mine) < most:
                    mine.append(topic)
        return found

    def attention(self, at: float) -> list[str]:
        """Returns what people should know of rules that could not be judged, or would have fired too often, of late."""
        return [sentence for state in self.states.values() for sentence in state.attention(at, ATTENTION)]

    # Scenes -------------------------------------------------------------------------------------------------------

    def hub_scene(self, hub: str, metrics: HubMetrics, at: float) -> Scene:
        """Returns what rules may look at of a hub."""
        return Scene(hub_readings(metrics), facts=_facts_of(hub, metrics), at=at, calendar=self._calendar)

    def instance_scene(self, hub: str, instance: str, metrics: HubMetrics, at: float) -> Scene:
        """Returns what rules may look at of an instance that a hub has measured."""
        readings = hub_readings(metrics) | instance_readings(metrics, metrics.instances[instance])
        known = _facts_of(hub, metrics) | {"instance.name": instance}
        return Scene(readings, facts=known, at=at, calendar=self._calendar)

    def topic_scene(self, topic: str, payload: bytes, at: float, value: Any) -> Scene:
        """Returns what rules may look at of a message; ``value`` is what it was parsed to."""
        return Scene(payload=value, topic=topic, size=len(payload), at=at, calendar=self._calendar)

    def recall(self, scope: Scope, subject: str, scene: Scene) -> Scene:
        """Returns a scene with the past as it is remembered, for who only looks."""
        scene.past = self._pasts.known((scope, subject)) or NO_PAST
        return scene

    # Judging ------------------------------------------------------------------------------------------------------

    def _judge(self, route: _Route, key: tuple[str, str], hub: str, scene: Scene) -> None:
        if route.measures:
            scene.past = past = self._pasts.of(key, route.measures)
            past.add(scene)
        for group in route.groups:
            for firing in group.judge(key[1], hub, scene, news=True):
                self._fire(firing)
        self._resume(route, key[1], scene)

    def _resume(self, route: _Route, subject: str, scene: Scene) -> None:
        for state in route.resuming:
            if subject in self._awaited.get(state.rule.name, ()):
                recovery = state.recovered(subject, scene)
                if recovery is not None:
                    self._recover(recovery)

    def _judge_again(self, topic: str, scene: Scene) -> None:
        """Judges what time alone can change about a topic."""
        route = self._by_topic[topic]
        for group in route.timely:
            for firing in group.judge(topic, "", scene, news=False):
                self._fire(firing)
        self._resume(route, topic, scene)

    def _remember(self, topic: str, scene: Scene) -> None:
        before = self._live.pop(topic, None)
        self._live[topic] = scene
        self._kept += scene.size - (before.size if before else 0)
        while len(self._live) > SUBJECTS or self._kept > LARGEST:
            _, gone = self._live.popitem(last=False)
            self._kept -= gone.size

    def _forget_live(self) -> None:
        self._live.clear()
        self._kept = 0

    # Routes -------------------------------------------------------------------------------------------------------

    def _of(self, *scopes: str) -> list[RuleState]:
        return [state for state in self.states.values() if state.rule.scope in scopes]

    def _rules_for(self, hub: str) -> tuple[_Route, _Route]:
        """The rules on a hub, and on its instances."""
        if hub not in self._by_hub:
            here = {
                scope: [state for state in self._of(scope) if not state.rule.hubs or hub in state.rule.hubs]
                for scope in ("hub", "instance")
            }
            self._by_hub[hub] = (_Route(here["hub"]), _Route(here["instance"]))
            self._pasts.expect(("hub", hub), self._by_hub[hub][0].measures)
        return self._by_hub[hub]

    def _route(self, topic: str) -> _Route:
        found = list(self._exact.get(topic, ()))
        for topic_filter, states in self._wild.items():
            if matches(topic_filter, topic):
                found.extend(states)
        if len(self._by_topic) >= limits.TELEMETRY_TOPICS:
            self._by_topic.clear()
            self._forget_live()
        self._by_topic[topic] = route = _Route(found)
        self._pasts.expect(("topic", topic), route.measures)
        return route

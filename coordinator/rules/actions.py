"""From a firing to what is wanted: which instances, what is done to them, and what is left undone and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from coordinator.intents import Checkpoint, Intent, Migrate, Resume, Stop, Suspend
from coordinator.rules.expression import Derived
from coordinator.rules.past import Measure
from coordinator.rules.rule import ALL, LABEL, LOWEST_PRIORITY, MOST_CPU, ONE_BY_ONE, Action, Firing, Rule
from devices.conditions.limit import Limit, Tally
from devices.protocol.messages import InstanceStateName

MOVES: Final = Limit(4)
"""Moves of one instance that rules may want, where nobody says anything else: two hot hubs must not play ping-pong."""
RUNS: Final = Limit(60)
"""Functions that one rule may start."""
_LEAST_EFFECT: Final = 1.0
"""Percent points that taking an instance away must bring: what uses nothing is not moved for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An instance as rules see it.

    Args:
        instance: its name.
        hub: where it is.
        state: as the store knows it.
        labels: those it was given.
        priority: its function's.
        cpu: percent of its hub's cores that it uses; 0 where that is not known.
        memory: percent of its hub's memory.
    """

    instance: str
    hub: str
    state: InstanceStateName
    labels: frozenset[str] = frozenset()
    priority: int = 0
    cpu: float = 0.0
    memory: float = 0.0


@dataclass
class Decision:
    """What a firing asks for, and in sentences what it does not, and why."""

    intents: list[Intent] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    runs: bool = False  # its errand, which is read from its file when it is carried out


class Actions:
    """Turns firings into intents.

    Args:
        candidates: gives all instances that have not ended.
        moves: of one instance by rules, where a rule says nothing else.

    Attributes:
        moved: how often rules have moved each instance, or suspended it.
    """

    def __init__(self, candidates: Callable[[], Iterable[Candidate]], *, moves: Limit = MOVES) -> None:
        self._candidates = candidates
        self._moves = moves
        self.moved = Tally()
        self._ran = Tally()

    def decide(self, firing: Firing) -> Decision:
        """Returns what a firing asks for."""
        decision = Decision()
        for action in firing.rule.do:
            if action == "run":
                self._run(firing, decision)
            else:
                self._act(action, firing, decision)
        return decision

    def _act(self, action: Action, firing: Firing, decision: Decision) -> None:
        rule = firing.rule
        wanted = "suspended" if action == "resume" else "running"
        chosen = self._choose(action, firing, wanted)
        if not chosen:
            decision.left.append(f"{action}: {_nobody(firing, wanted)}")
        for each in chosen:
            if action == "migrate" and rule.to == each.hub:
                decision.left.append(f"{each.instance} is at {rule.to} already")
            elif action in ("migrate", "suspend") and not self._may_move(each.instance, firing):
                limit = rule.moves or self._moves
                decision.left.append(f"{each.instance} stays: rules have moved it {limit.times} times in {_in(limit)}")
            else:
                decision.intents.append(_intent(action, each.instance, firing))

    def _run(self, firing: Firing, decision: Decision) -> None:
        name = firing.rule.name
        decision.runs = self._ran.allows(name, RUNS, firing.at)
        if decision.runs:
            self._ran.note(name, firing.at)
        else:
            decision.left.append(f"run: the rule has started {RUNS.times} functions in {_in(RUNS)}")

    def _choose(self, action: Action, firing: Firing, state: str) -> list[Candidate]:
        rule = firing.rule
        found = [each for each in self._candidates() if each.state == state or (action == "stop" and each.hub)]
        if firing.instance:
            return [each for each in found if each.instance == firing.instance]
        if firing.hub:
            found = [each for each in found if each.hub == firing.hub]
        elif rule.hubs:
            found = [each for each in found if each.hub in rule.hubs]
        if rule.which == ALL:
            return found
        if rule.which == MOST_CPU:
            return _enough(firing, sorted(found, key=lambda each: (-each.cpu, each.instance)))
        if rule.which == LOWEST_PRIORITY:
            return _enough(firing, sorted(found, key=lambda each: (each.priority, -each.memory, each.instance)))
        if rule.which.startswith(LABEL):
            return [each for each in found if rule.which.removeprefix(LABEL) in each.labels]
        return [each for each in found if each.instance == rule.which]

    def _may_move(self, instance: str, firing: Firing) -> bool:
        if not self.moved.allows(instance, firing.rule.moves or self._moves, firing.at):
            return False
        self.moved.note(instance, firing.at)
        return True


def _enough(firing: Firing, ordered: list[Candidate]) -> list[Candidate]:
    """As many as it takes until the metric is expected beyond the threshold; one, where nobody knows what it would do."""
    effect = _effect(firing.rule)
    if effect is None:
        return ordered[:1]
    holds, expected = firing.rule.when.test(), firing.value
    chosen: list[Candidate] = []
    for each in ordered:
        gain = effect(each)
        if chosen and (not holds(expected) or gain < _LEAST_EFFECT):
            break
        chosen.append(each)
        expected -= gain
    return chosen


def _effect(rule: Rule) -> Callable[[Candidate], float] | None:
    """What taking an instance away does to the metric of a rule; ``None``: nobody knows."""
    metric = rule.when.metric
    if isinstance(rule.when, Derived) and isinstance(rule.when.of, Measure):
        metric = rule.when.of.of.name
    if metric == "hub.cpu":
        return lambda each: each.cpu
    if metric == "hub.memory":
        return lambda each: each.memory
    return None


def _in(limit: Limit) -> str:
    return f"{'an' if limit.period == 'hour' else 'a'} {limit.period}"


def _nobody(firing: Firing, state: str) -> str:
    if firing.instance:
        return f"{firing.instance} is not {state}"
    where = firing.hub or " and ".join(firing.rule.hubs)
    which = "" if firing.rule.which in (ALL, *ONE_BY_ONE) else f" that is {firing.rule.which!r}"
    return f"there is no {state} instance{which}{f' on {where}' if where else ''}"


def _intent(action: Action, instance: str, firing: Firing) -> Intent:
    rule, why = firing.rule, firing.why
    by = f"rule {rule.name}"
    match action:
        case "checkpoint":
            return Checkpoint(by=by, why=why, instance=instance)
        case "suspend":
            return Suspend(by=by, why=why, instance=instance)
        case "migrate":
            shuns = dict.fromkeys(firing.elsewhere, f"is no better off: rule {rule.name}")
            return Migrate(by=by, why=why, instance=instance, hub=rule.to, shuns=shuns)
        case "resume":
            return Resume(by=by, why=why, instance=instance, hub=rule.to)
        case "stop":
            return Stop(by=by, why=why, instance=instance)
    raise AssertionError(action)

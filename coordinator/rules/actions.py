"""From a firing to what is wanted: which instances, what is done to them, and what is left undone and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from coordinator.facts import Facts
from coordinator.intents import Checkpoint, Intent, Migrate, Resume, Suspend
from coordinator.rules.rule import ALL, LABEL, MOST_CPU, Action, Firing, Rule
from devices.conditions.window import Window
from devices.protocol.messages import InstanceStateName

MOVES: Final = 4
"""Moves of one instance that rules may want within `HOUR`: two hot hubs must not play ping-pong with it."""
HOUR: Final = 3600.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An instance as rules see it.

    Args:
        instance: its name.
        hub: where it is.
        state: as the store knows it.
        labels: those it was given.
    """

    instance: str
    hub: str
    state: InstanceStateName
    labels: frozenset[str] = frozenset()


@dataclass
class Decision:
    """What a firing asks for, and in sentences what it does not, and why."""

    intents: list[Intent] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class Actions:
    """Turns firings into intents.

    Args:
        facts: for the cpu that each instance uses.
        candidates: gives all instances that have not ended.
        moves: of one instance within an hour.
    """

    def __init__(self, facts: Facts, candidates: Callable[[], Iterable[Candidate]], *, moves: int = MOVES) -> None:
        self._facts = facts
        self._candidates = candidates
        self._moves = moves
        self._moved: dict[str, Window] = {}

    def decide(self, firing: Firing) -> Decision:
        """Returns what a firing asks for."""
        decision = Decision()
        rule = firing.rule
        for action in rule.do:
            wanted = "suspended" if action == "resume" else "running"
            chosen = self._choose(firing, wanted)
            if not chosen:
                decision.left.append(f"{action}: {_nobody(firing, wanted)}")
            for each in chosen:
                if action == "migrate" and rule.to == each.hub:
                    decision.left.append(f"{each.instance} is at {rule.to} already")
                elif action == "migrate" and not self._may_move(each.instance, firing.at):
                    decision.left.append(f"{each.instance} stays: rules have moved it {self._moves} times in an hour")
                else:
                    decision.intents.append(_intent(action, each.instance, rule, firing.why))
        return decision

    def _choose(self, firing: Firing, state: str) -> list[Candidate]:
        rule = firing.rule
        found = [each for each in self._candidates() if each.state == state]
        if firing.instance:
            return [each for each in found if each.instance == firing.instance]
        if firing.hub:
            found = [each for each in found if each.hub == firing.hub]
        elif rule.hubs:
            found = [each for each in found if each.hub in rule.hubs]
        if rule.which == ALL:
            return found
        if rule.which == MOST_CPU:
            return sorted(found, key=self._least_idle)[:1]
        if rule.which.startswith(LABEL):
            return [each for each in found if rule.which.removeprefix(LABEL) in each.labels]
        return [each for each in found if each.instance == rule.which]

    def _least_idle(self, candidate: Candidate) -> tuple[float, str]:
        return -self._facts.instance_cpu(candidate.instance, candidate.hub), candidate.instance

    def _may_move(self, instance: str, at: float) -> bool:
        self._moved = {name: window for name, window in self._moved.items() if window.count(at)}
        moved = self._moved.setdefault(instance, Window(HOUR))
        if moved.count(at) >= self._moves:
            return False
        moved.add(1.0, at)
        return True


def _nobody(firing: Firing, state: str) -> str:
    if firing.instance:
        return f"{firing.instance} is not {state}"
    where = firing.hub or " and ".join(firing.rule.hubs)
    which = "" if firing.rule.which in (ALL, MOST_CPU) else f" that is {firing.rule.which!r}"
    return f"there is no {state} instance{which}{f' on {where}' if where else ''}"


def _intent(action: Action, instance: str, rule: Rule, why: str) -> Intent:
    by = f"rule {rule.name}"
    match action:
        case "checkpoint":
            return Checkpoint(by=by, why=why, instance=instance)
        case "suspend":
            return Suspend(by=by, why=why, instance=instance)
        case "migrate":
            return Migrate(by=by, why=why, instance=instance, hub=rule.to)
        case "resume":
            return Resume(by=by, why=why, instance=instance, hub=rule.to)

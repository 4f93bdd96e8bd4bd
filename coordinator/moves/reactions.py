"""What a rule's firing does: the event at once, then what is wanted because of it, each with its own outcome."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Collection, Coroutine
from math import inf
from typing import Any, Final, cast

from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.facts import Facts
from coordinator.moment import now
from coordinator.moves import errands
from coordinator.moves.actions import Actions
from coordinator.moves.ground import Ground
from coordinator.moves.moving import Moves
from coordinator.moves.pause import Pause
from coordinator.placement.choice import NowhereError
from coordinator.rules.actions import Actions as RuleActions
from coordinator.rules.actions import Candidate, Decision
from coordinator.rules.rule import ONE_BY_ONE, Firing, Recovery
from coordinator.store import instances, suspensions
from coordinator.store.schema import Suspension
from devices.conditions.limit import Limit
from devices.conditions.metrics import instance_readings
from devices.errors import MidstreamError
from devices.protocol.messages import Event, InstanceStateName
from devices.runtime.settings import Settings

REST: Final = 30.0
"""Seconds between two attempts to let the same instances go on."""
_DAY: Final = 86400.0
_AWAY = (intents.Migrate, intents.Suspend, intents.Stop)


class Reactions:
    """Reacts to firings.

    Args:
        ground: the coordinator's parts.
        actions: carries out what is wanted.
        moves: those under way; a rule does not queue behind one, it was about the place of before.
        facts: for what instances use.
        pause: while it lasts rules make checkpoints, tell and publish only.
        limit: of the moves of one instance by rules.

    Attributes:
        awaited: by rule the subjects because of which it has suspended something, for the rules' evaluation.
    """

    def __init__(
        self, ground: Ground, actions: Actions, moves: Moves, facts: Facts, *, pause: Pause, limit: Limit
    ) -> None:
        self._ground = ground
        self._pause = pause
        self._actions = actions
        self._moves = moves
        self._facts = facts
        self._candidates: list[Candidate] = []
        self._rules = RuleActions(lambda: self._candidates, moves=limit)
        self._tasks: set[asyncio.Task[None]] = set()
        self._tried: dict[tuple[str, str], float] = {}
        self.awaited: dict[str, set[str]] = {}

    async def load(self) -> None:
        """Remembers what rules did in an earlier life of this coordinator."""
        self.awaited.update(await self._ground.store.read(suspensions.awaited))
        at = time.monotonic()
        for instance, age in await self._ground.store.read(suspensions.moves_by_rules, _DAY):
            self._rules.moved.note(instance, at - age)

    def fire(self, firing: Firing) -> None:
        """Begins to react; returns at once."""
        self._begin(self._react(firing), f"rule {firing.rule.name}")

    def recover(self, recovery: Recovery) -> None:
        """Begins to let go on what a rule has suspended; returns at once."""
        key = (recovery.rule.name, recovery.subject)
        if not self._pause.since and recovery.at - self._tried.get(key, -inf) >= REST:
            self._tried[key] = recovery.at
            self._begin(self._resume(recovery), f"rule {recovery.rule.name} resume")

    async def attention(self, rules: Collection[str]) -> list[str]:
        """Returns a sentence for each instance that waits for a rule that is no longer there."""
        rows = await self._ground.store.read(suspensions.of_rules)
        return [
            f"{instance} was suspended by rule {rule}, which is not there any more: midstream resume {instance}"
            for instance, rule in rows
            if rule not in rules
        ]

    async def close(self) -> None:
        """Stops reacting; moves that were begun are in the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # A firing --------------------------------------------------------------------------------------------------------

    async def _react(self, firing: Firing) -> None:
        self._candidates = self._with_use(await self._ground.store.read(_candidates))
        decision = self._rules.decide(firing)
        self._leave_out(decision)
        wanted = [_in_words(intent) for intent in decision.intents]
        if decision.runs and firing.rule.run is not None:
            wanted.append(f"run {firing.rule.run.file.name}")
        if firing.rule.publish is not None:
            wanted.append("publish")
        await self._ground.journal.record(_event(firing, [*wanted, *decision.left], decision.intents))
        acted_on = await self._carry_out_all(firing, decision)
        known = errands.values(firing, list(dict.fromkeys(acted_on)))
        if firing.rule.run is not None and decision.runs:
            await self._run(firing, known)
        if firing.rule.publish is not None:
            await self._publish(firing, known)

    def _leave_out(self, decision: Decision) -> None:
        """Moves what cannot be done now from what is wanted to what is left."""
        for intent in list(decision.intents):
            instance = getattr(intent, "instance", "")
            if self._pause.since and not isinstance(intent, intents.Checkpoint):
                decision.left.append(f"not {_in_words(intent)}: it is paused, midstream pause --off")
            elif self._moves.under_way(instance) is not None:
                decision.left.append(f"{instance} is being moved already")
            else:
                continue
            decision.intents.remove(intent)
            self._did_not(intent)
        if decision.runs and self._pause.since:
            decision.runs = False
            decision.left.append("not run: it is paused, midstream pause --off")

    async def _carry_out_all(self, firing: Firing, decision: Decision) -> list[str]:
        """Carries out one after the other what is wanted; returns the instances with which that worked."""
        acted_on: list[str] = []
        away = 0
        for intent in decision.intents:
            leaves = isinstance(intent, _AWAY)
            if leaves and away and firing.rule.which in ONE_BY_ONE and not firing.latch.active:
                self._did_not(intent)
                why = "the rule has cleared meanwhile"
                await self._ground.journal.tell(firing.rule.name, did=f"did not {_in_words(intent)}", why=why)
            elif await self._carry_out(firing, intent):
                acted_on.append(getattr(intent, "instance", ""))
                away += leaves
            else:
                self._did_not(intent)
        if not away:
            firing.latch.in_vain()
        return acted_on

    async def _carry_out(self, firing: Firing, intent: intents.Intent) -> bool:
        try:
            carried = await self._actions.carry_out(intent)
        except NowhereError:
            return False  # whoever looked for a place has told it, with the reason for each hub
        except MidstreamError as error:
            await self._failed(firing, intent, error)
            return False
        rule = firing.rule
        if isinstance(intent, intents.Suspend) and rule.resume is not None:
            epoch, instance = carried.instance.epoch, intent.instance
            row = Suspension(instance=instance, rule=rule.name, subject=firing.subject, epoch=epoch, at=now())
            await self._ground.store.write(suspensions.note, row)
            self.awaited.setdefault(rule.name, set()).add(firing.subject)
        return True

    def _did_not(self, intent: intents.Intent) -> None:
        if isinstance(intent, intents.Migrate | intents.Suspend):
            self._rules.moved.undo(intent.instance)

    async def _run(self, firing: Firing, known: dict[str, Any]) -> None:
        errand = firing.rule.run
        assert errand is not None
        try:
            carried = await self._actions.carry_out(await errands.errand(errand, firing, known))
        except MidstreamError as error:
            await self._ground.journal.tell(
                firing.rule.name, did=f"could not run {errand.file.name}", why=str(error), severity="warning"
            )
            return
        started = carried.instance
        await self._ground.journal.tell(
            firing.rule.name,
            did=f"started {started.id} on {started.hub}",
            why=firing.why,
            instance=started.id,
            hub=started.hub,
        )

    async def _publish(self, firing: Firing, known: dict[str, Any]) -> None:
        intent = errands.publication(firing, known)
        try:
            errands.publish(self._ground, intent)
        except MidstreamError as error:
            await self._failed(firing, intent, error)

    async def _failed(self, firing: Firing, intent: intents.Intent, error: MidstreamError) -> None:
        await self._ground.journal.tell(
            firing.rule.name,
            did=f"could not {_in_words(intent)}",
            why=str(error),
            severity="warning",
            instance=getattr(intent, "instance", ""),
            hub=firing.hub,
        )

    # A recovery ------------------------------------------------------------------------------------------------------

    async def _resume(self, recovery: Recovery) -> None:
        store, rule, subject = self._ground.store, recovery.rule, recovery.subject
        left = False
        for instance in await store.write(suspensions.take, rule.name, subject):
            resume = intents.Resume(by=f"rule {rule.name}", why=recovery.why, instance=instance)
            try:
                carried = await self._actions.carry_out(resume)
            except MidstreamError as error:
                left = True  # it is tried again while the condition holds
                await self._ground.journal.tell(
                    rule.name, did=f"could not resume {instance}", why=str(error), severity="warning", instance=instance
                )
                continue
            await store.write(suspensions.forget, instance)
            await self._ground.journal.tell(
                rule.name,
                did=f"resumed {instance} on {carried.instance.hub}",
                why=recovery.why,
                severity=rule.severity,
                instance=instance,
                hub=carried.instance.hub,
                details={"values": recovery.values},
            )
        if not left and subject not in (await store.read(suspensions.awaited)).get(rule.name, ()):
            self.awaited.get(rule.name, set()).discard(subject)
            self._tried.pop((rule.name, subject), None)

    # Candidates ------------------------------------------------------------------------------------------------------

    def _with_use(self, rows: list[Candidate]) -> list[Candidate]:
        return [self._used(row) for row in rows]

    def _used(self, row: Candidate) -> Candidate:
        measured = self._facts.hubs.get(row.hub)
        use = measured.metrics.instances.get(row.instance) if measured else None
        if measured is None or use is None:
            return row
        info = self._ground.hubs[row.hub].info if self._ground.hubs.known(row.hub) else None
        memory = instance_readings(measured.metrics, use).get("instance.memory_percent", 0.0)
        return Candidate(
            instance=row.instance,
            hub=row.hub,
            state=row.state,
            labels=row.labels,
            priority=row.priority,
            cpu=use.cpu / max(info.cores, 1) if info else use.cpu,
            memory=memory,
        )


def _event(firing: Firing, did: list[str], wanted: list[intents.Intent]) -> Event:
    condition = firing.rule.when
    concerned: list[Any] = [intent.instance for intent in wanted if hasattr(intent, "instance")]
    return Event(
        id=uuid.uuid4().hex[:12],
        at=now(),
        rule=firing.rule.name,
        severity=firing.rule.severity,
        subject=firing.subject,
        metric=condition.metric,
        value=firing.value if condition.threshold is not None else None,
        threshold=condition.threshold,
        did="; ".join(did),
        why=firing.why,
        instance=firing.instance or (concerned[0] if len(set(concerned)) == 1 else ""),
        hub=firing.hub,
        details={"values": firing.values},
    )


def _in_words(intent: intents.Intent) -> str:
    if isinstance(intent, intents.Publish):
        return f"publish on {intent.topic}"
    words = [type(intent).__name__.lower(), getattr(intent, "instance", "")]
    if hub := getattr(intent, "hub", ""):
        words += ["to", hub]
    return " ".join(words)


def _candidates(session: Session) -> list[Candidate]:
    return [_candidate(*row) for row in instances.every(session) if row[0].state not in instances.ENDED]


def _candidate(instance: Any, function: Any) -> Candidate:
    settings = Settings.from_plain(instances.settings_of(instance, function))
    return Candidate(
        instance=instance.id,
        hub=instance.hub,
        state=cast("InstanceStateName", instance.state),
        labels=frozenset({*settings.labels, *settings.needs.labels}),
        priority=settings.priority,
    )

"""What a rule's firing does: the event at once, then what is wanted because of it, each with its own outcome."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, cast

from sqlalchemy.orm import Session

from coordinator import intents
from coordinator.facts import Facts
from coordinator.journal import Journal
from coordinator.moment import now
from coordinator.moves.actions import Actions
from coordinator.moves.moving import Moves
from coordinator.moves.pause import Pause
from coordinator.placement.choice import NowhereError
from coordinator.rules.actions import Actions as RuleActions
from coordinator.rules.actions import Candidate
from coordinator.rules.rule import Firing
from coordinator.store import instances
from coordinator.store.database import Store
from devices.errors import MidstreamError
from devices.protocol.messages import Event, InstanceStateName
from devices.runtime.settings import Settings


class Reactions:
    """Reacts to firings.

    Args:
        store: knows which instances there are.
        journal: is told.
        actions: carries out what is wanted.
        moves: those under way; a rule does not queue behind one, it was about the place of before.
        facts: for the cpu that instances use.
        pause: while it lasts rules make checkpoints only.
    """

    def __init__(
        self, store: Store, journal: Journal, actions: Actions, moves: Moves, facts: Facts, *, pause: Pause
    ) -> None:
        self._pause = pause
        self._store = store
        self._journal = journal
        self._actions = actions
        self._moves = moves
        self._candidates: list[Candidate] = []
        self._rules = RuleActions(facts, lambda: self._candidates)
        self._tasks: set[asyncio.Task[None]] = set()

    def fire(self, firing: Firing) -> None:
        """Begins to react; returns at once."""
        task = asyncio.create_task(self._react(firing), name=f"rule {firing.rule.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _react(self, firing: Firing) -> None:
        self._candidates = await self._store.read(_candidates)
        decision = self._rules.decide(firing)
        for intent in list(decision.intents):
            instance = getattr(intent, "instance", "")
            if self._pause.since and not isinstance(intent, intents.Checkpoint):
                decision.intents.remove(intent)
                decision.left.append(f"not {_in_words(intent)}: it is paused, midstream pause --off")
            elif self._moves.under_way(instance) is not None:
                decision.intents.remove(intent)
                decision.left.append(f"{instance} is being moved already")
        wanted = [_in_words(intent) for intent in decision.intents]
        await self._journal.record(_event(firing, [*wanted, *decision.left], decision.intents))
        for intent in decision.intents:
            await self._carry_out(firing, intent)

    async def _carry_out(self, firing: Firing, intent: intents.Intent) -> None:
        try:
            await self._actions.carry_out(intent)
        except NowhereError:
            return  # whoever looked for a place has told it, with the reason for each hub
        except MidstreamError as error:
            await self._journal.tell(
                firing.rule.name,
                did=f"could not {_in_words(intent)}",
                why=str(error),
                severity="warning",
                instance=getattr(intent, "instance", ""),
                hub=firing.hub,
            )

    async def close(self) -> None:
        """Stops reacting; moves that were begun are in the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


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
    words = [type(intent).__name__.lower(), getattr(intent, "instance", "")]
    if hub := getattr(intent, "hub", ""):
        words += ["to", hub]
    return " ".join(words)


def _candidates(session: Session) -> list[Candidate]:
    return [
        Candidate(
            instance=instance.id,
            hub=instance.hub,
            state=cast("InstanceStateName", instance.state),
            labels=frozenset(Settings.from_plain(function.settings).needs.labels),
        )
        for instance, function in instances.every(session)
        if instance.state not in instances.ENDED
    ]

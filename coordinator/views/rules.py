"""The rules in force: what each sees now, when it fired last, what keeps it from doing so."""

from __future__ import annotations

import time
from difflib import get_close_matches
from typing import Any

from sqlalchemy.orm import Session

from coordinator.facts import Facts
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.present import LOOKED_AT, Present, present
from coordinator.rules.state import RuleState
from coordinator.store import events, suspensions
from coordinator.store.database import Store
from coordinator.views.ruled import RuleRow, RuleSubject
from devices.errors import RefusedError


async def rows(store: Store, evaluation: Evaluation, facts: Facts, rule: str = "") -> list[RuleRow]:
    """Returns the rules in force, in the order of their files.

    Args:
        store: knows when they fired last, and what they have suspended.
        evaluation: that judges them.
        facts: that it is fed by.
        rule: only this one; empty for all.

    Raises:
        RefusedError: there is none of that name; the nearest one is told.
    """
    states = evaluation.states
    if rule and rule not in states:
        near = get_close_matches(rule, states, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(states) or 'none'}"
        raise RefusedError(f"there is no rule {rule!r} in force", remedy=remedy)
    wanted = [states[rule]] if rule else list(states.values())
    kept, suspended = await store.read(_kept, [state.rule.name for state in wanted])
    at, topics = time.monotonic(), evaluation.topics(LOOKED_AT)
    return [
        _row(
            state,
            present(state, evaluation, facts, at, topics.get(state.rule.name, ())),
            at,
            kept.get(state.rule.name),
            suspended.get(state.rule.name),
        )
        for state in wanted
    ]


def _kept(session: Session, names: list[str]) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    fired = {name: found for name in names if (found := events.last_firing(session, name)) is not None}
    suspended: dict[str, list[str]] = {}
    for instance, rule in suspensions.of_rules(session):
        suspended.setdefault(rule, []).append(instance)
    return fired, suspended


def _row(
    state: RuleState, subjects: list[Present], at: float, last: dict[str, Any] | None, suspended: list[str] | None
) -> RuleRow:
    rule = state.rule
    last = last or {}
    return RuleRow(
        rule=rule.name,
        place=rule.place,
        scope=rule.scope,
        when=rule.when.text,
        threshold=rule.when.threshold,
        hold=rule.timing.hold,
        clear=rule.clear.text if rule.clear is not None else "",
        resume=rule.resume.text if rule.resume is not None else "",
        topic=rule.topic,
        hubs=list(rule.hubs),
        do=list(rule.do),
        which=rule.which if set(rule.do) - {"run"} and rule.scope != "instance" else "",
        severity=rule.severity,
        quiet=str(rule.quiet or ""),
        quiet_now=state.quiet(at),
        builtin=rule.builtin,
        subjects=[
            RuleSubject(
                subject=each.subject,
                value=each.value,
                values=each.values,
                no_value=each.no_value,
                holds=each.holds,
                held=round(each.since, 1),
                active=each.active,
                retained=each.retained,
            )
            for each in subjects
        ],
        fired=state.fired,
        last_fired=last.get("at", ""),
        last_subject=last.get("subject", ""),
        last_did=last.get("did", ""),
        errors=state.errors,
        error=state.error,
        missing={reason.value: count for reason, count in state.missing.items()},
        held_back=state.held_back,
        suspended=suspended or [],
    )

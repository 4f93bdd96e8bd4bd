"""What a replay says: as a document, and for people with a chart of metric, threshold and events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from coordinator.cli import chart, render
from coordinator.rules.replay import Course, Replayed
from coordinator.rules.state import RuleState
from coordinator.views.ruled import Firing, TestedRule, TestedRules
from devices.errors import printable

CHARTS: Final = 3
"""Subjects of one rule that are drawn: those on which it fired first."""
_WIDEST: Final = 100
_SENTENCES: Final = 10


def tested(seen: Replayed, recording: str, zone: ZoneInfo) -> TestedRules:
    """Returns the document of a replay."""
    tally = seen.facts.tally
    return TestedRules(
        recording=recording,
        messages=seen.count,
        retained=tally.retained,
        unread=tally.malformed + tally.oversized,
        untimed=seen.untimed,
        begins=_moment(seen.begins, zone).isoformat(timespec="milliseconds") if seen.count else "",
        ends=_moment(seen.ends, zone).isoformat(timespec="milliseconds") if seen.count else "",
        rules=[_tested(state, seen.courses[name], zone) for name, state in seen.states.items()],
    )


def _tested(state: RuleState, courses: dict[str, Course], zone: ZoneInfo) -> TestedRule:
    rule = state.rule
    fired = sorted((firing for course in courses.values() for firing in course.firings), key=lambda each: each.at)
    return TestedRule(
        rule=rule.name,
        place=rule.place,
        scope=rule.scope,
        when=rule.when.text,
        threshold=rule.when.threshold,
        do=list(rule.do),
        which=rule.which if set(rule.do) - {"run"} else "",
        builtin=rule.builtin,
        fired=[
            Firing(
                at=_moment(firing.at, zone).isoformat(timespec="milliseconds"),
                subject=firing.subject,
                why=firing.why,
                hub=firing.hub,
                instance=firing.instance,
                value=firing.value if rule.when.threshold is not None else None,
                values=firing.values,
            )
            for firing in fired
        ],
        subjects=len(courses),
        values=sum(len(course.samples) for course in courses.values()),
        missing={reason.value: count for reason, count in state.missing.items()},
        errors=state.errors,
        error=state.error,
        held_back=state.held_back,
    )


def show(seen: Replayed, zone: ZoneInfo) -> None:
    """Writes what would have fired and when, each rule with a chart of its values."""
    found = tested(seen, "", zone)
    if not seen.count:
        render.line("there is no message in the recording")
        return
    render.line(
        f"{found.messages} messages from {_moment(seen.begins, zone):%Y-%m-%d %H:%M:%S} "
        f"to {_moment(seen.ends, zone):%Y-%m-%d %H:%M:%S}, {found.retained} retained, {found.unread} not readable"
    )
    if found.untimed:
        render.line(f"{found.untimed} without a time: each counts as heard a second after the one before")
    for rule in found.rules:
        if rule.values or rule.fired or not rule.builtin:
            _show(rule, seen, zone)


def _show(rule: TestedRule, seen: Replayed, zone: ZoneInfo) -> None:
    render.line("")
    times = {0: "would not have fired", 1: "would have fired once"}
    render.line(
        f"{rule.rule}: {times.get(len(rule.fired), f'would have fired {len(rule.fired)} times')}  [{rule.when}]"
    )
    for firing in rule.fired[:_SENTENCES]:
        then = f"; {' and '.join(rule.do)}{f' ({rule.which})' if rule.which else ''}" if rule.do else ""
        render.line(f"  {_clock(firing.at)}  {firing.why}{then}")
    if len(rule.fired) > _SENTENCES:
        render.line(f"  and {len(rule.fired) - _SENTENCES} times more; --json lists them all")
    _show_trouble(rule)
    width = min(render.console().width, _WIDEST)
    for subject, course in _drawn(seen.courses[rule.rule]):
        span, marks = (seen.begins, seen.ends), [firing.at for firing in course.firings]
        if rule.threshold is None:
            lines = chart.strip(course.samples, marks, span, width)
        else:
            lines = chart.chart(course.samples, _drawn_threshold(rule), marks, span, width)
        if lines:
            render.line(f"  {printable(subject, 80)}")
            for line in lines:
                render.line(line)
            render.line(chart.axis(_moment(seen.begins, zone), _moment(seen.ends, zone), width))


def _show_trouble(rule: TestedRule) -> None:
    if not rule.values and not rule.fired:
        render.line("  nothing in the recording has a value for it")
    for reason, count in rule.missing.items():
        render.line(f"  {count} times no value: {reason}")
    if rule.errors:
        render.line(f"  {rule.errors} errors, the last one: {rule.error}")
    if rule.held_back:
        render.line(f"  {rule.held_back} firings held back: too many in a minute")


def _drawn(courses: dict[str, Course]) -> list[tuple[str, Course]]:
    ordered = sorted(courses.items(), key=lambda each: (-len(each[1].firings), -len(each[1].samples), each[0]))
    return ordered[:CHARTS]


def _drawn_threshold(rule: TestedRule) -> float | None:
    return rule.threshold if not rule.when.startswith("silent") else None


def _moment(at: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone)


def _clock(time: str) -> str:
    return f"{datetime.fromisoformat(time):%m-%d %H:%M:%S}"

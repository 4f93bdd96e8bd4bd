"""Rules for people: a line for each hub, instance or topic that one looks at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.text import Text

from coordinator.cli import wording
from coordinator.cli.render import Column
from coordinator.views.ruled import RuleRow, RuleSubject
from devices.protocol import durations

RULE_COLUMNS: Final = (
    Column("RULE"),
    Column("CONDITION", flexible=True),
    Column("ABOUT", flexible=True),
    Column("NOW", right=True),
    Column("FOR"),
    Column("LAST FIRED"),
    Column("", flexible=True),
)
SUBJECT_COLUMNS: Final = (
    Column("ABOUT", flexible=True),
    Column("NOW", right=True),
    Column("FOR"),
    Column("", flexible=True),
)
_SUBJECTS: Final = 3
"""Subjects of one rule in the table of all."""


def rule_cells(row: RuleRow) -> Iterator[list[Text | str]]:
    """Gives the lines of one rule."""
    last = f"{wording.since(row.last_fired)} ago" if row.last_fired else wording.NOTHING
    shown = row.subjects[:_SUBJECTS] or [RuleSubject(subject=row.topic or "any hub")]
    for number, subject in enumerate(shown):
        first = number == 0
        notes = [*_subject_notes(row, subject), *(_rule_notes(row) if first else [])]
        yield [
            row.rule if first else "",
            row.when if first else "",
            subject.subject,
            _value(row, subject),
            _held(row, subject),
            last if first else "",
            Text("; ".join(notes), style="yellow" if subject.active or row.errors else ""),
        ]
    if len(row.subjects) > _SUBJECTS:
        yield ["", "", f"and {len(row.subjects) - _SUBJECTS} more", "", "", "", ""]


def subject_cells(row: RuleRow) -> Iterator[list[Text | str]]:
    """Gives a line for each subject of one rule."""
    for each in row.subjects:
        looked = ", ".join(f"{name} {_word(value)}" for name, value in each.values.items())
        notes = [*_subject_notes(row, each), *([looked] if row.threshold is None and looked else [])]
        yield [each.subject, _value(row, each), _held(row, each), "; ".join(notes)]


def rule_facts(row: RuleRow) -> Iterator[tuple[str, Text | str]]:
    """Gives all that is known of one rule."""
    yield "rule", f"{row.rule} ({row.place})"
    yield "condition", row.when
    yield "for", durations.words(row.hold) if row.hold else ""
    yield "clear", row.clear
    yield "resume", row.resume
    yield "topic", row.topic
    yield "hubs", ", ".join(row.hubs)
    yield "does", f"{', '.join(row.do)}{f' ({row.which})' if row.which else ''}" if row.do else "only tells"
    yield "severity", row.severity
    yield "quiet", f"{row.quiet}{', now' if row.quiet_now else ''}" if row.quiet else ""
    yield "fired", f"{'once' if row.fired == 1 else f'{row.fired} times'} since the coordinator's start"
    did = f": {row.last_did}" if row.last_did else ""
    yield "last fired", f"{wording.clock(row.last_fired)}, {row.last_subject}{did}" if row.last_fired else "never"
    yield "no value", "; ".join(f"{count} times {reason}" for reason, count in row.missing.items())
    yield "errors", f"{row.errors}, the last one: {row.error}" if row.errors else ""
    yield "held back", f"{row.held_back} firings: too many in a minute" if row.held_back else ""
    yield "suspended", ", ".join(row.suspended)


def _value(row: RuleRow, subject: RuleSubject) -> str:
    if subject.value is None:
        return wording.NOTHING
    if row.when.startswith("silent"):
        return durations.words(subject.value)
    return _word(subject.value) if row.threshold is not None else ("holds" if subject.holds else "no")


def _held(row: RuleRow, subject: RuleSubject) -> str:
    if not subject.holds or not row.hold:
        return durations.words(row.hold) if row.hold else ""
    return f"{durations.words(subject.held)} of {durations.words(row.hold)}"


def _subject_notes(row: RuleRow, subject: RuleSubject) -> list[str]:
    notes = []
    if subject.active:
        notes.append("fired, not cleared yet")
    if subject.retained:
        notes.append("retained: of unknown age")
    if subject.value is None and row.subjects:
        notes.append(subject.no_value)
    return notes


def _rule_notes(row: RuleRow) -> list[str]:
    notes = []
    if not row.subjects:
        notes.append("nothing heard yet")
    if row.quiet_now:
        notes.append(f"quiet, {row.quiet}")
    if row.errors:
        notes.append(f"{row.errors} errors: {row.error}")
    if row.held_back:
        notes.append(f"{row.held_back} held back")
    if row.suspended:
        notes.append(f"has suspended {', '.join(row.suspended)}")
    if row.builtin:
        notes.append("built in")
    return notes


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, (int, float)) else repr(value)

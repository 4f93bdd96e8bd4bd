"""What is asked and answered about rules: `rules`, and of a recording `rules test`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from coordinator.views.question import Question

Scope = Literal["hub", "instance", "topic"]


class RulesAsk(Question, kw_only=True):
    """``rules``: the rules in force."""

    rule: str = ""  # empty: all


class RuleSubject(msgspec.Struct, kw_only=True):
    """A rule on one hub, instance or topic, as it is now."""

    subject: str
    value: float | None = None  # what is compared; of a formula 1 or 0
    values: dict[str, Any] = {}  # all that is looked at, by name
    no_value: str = ""  # why there is none
    holds: bool = False
    held: float = 0.0  # seconds for which it has held
    active: bool = False  # it has fired, and was not cleared yet
    retained: bool = False  # of unknown age: it is shown, and neither fires nor clears


class RuleRow(msgspec.Struct, kw_only=True):
    """``rules``: one rule. Counts are since the coordinator's start."""

    rule: str
    place: str  # file and line
    scope: Scope
    when: str
    threshold: float | None = None
    hold: float = 0.0  # seconds, of `for`
    clear: str = ""
    resume: str = ""
    topic: str = ""
    hubs: list[str] = []
    do: list[str] = []
    which: str = ""
    severity: str = "warning"
    quiet: str = ""
    quiet_now: bool = False  # it does not fire now
    builtin: bool = False
    subjects: list[RuleSubject] = []  # those that are active or hold first, and not more than 20
    fired: int = 0
    last_fired: str = ""  # RFC 3339; also of an earlier life of the coordinator
    last_subject: str = ""
    last_did: str = ""
    errors: int = 0  # the condition could not be judged
    error: str = ""  # the newest reason
    missing: dict[str, int] = {}  # messages without a value, by reason
    held_back: int = 0  # firings that came too thick
    suspended: list[str] = []  # instances that it has suspended and will resume by itself


class Firing(msgspec.Struct, kw_only=True):
    """``rules test``: a rule would have fired."""

    at: str
    subject: str
    why: str
    hub: str = ""
    instance: str = ""
    value: float | None = None
    values: dict[str, Any] = {}


class TestedRule(msgspec.Struct, kw_only=True):
    """``rules test``: what became of one rule."""

    rule: str
    place: str
    scope: Scope
    when: str
    threshold: float | None = None
    do: list[str] = []
    which: str = ""
    builtin: bool = False
    fired: list[Firing] = []
    subjects: int = 0  # hubs or topics of which it saw a value
    values: int = 0
    missing: dict[str, int] = {}
    errors: int = 0
    error: str = ""
    held_back: int = 0


class TestedRules(msgspec.Struct, kw_only=True):
    """``rules test``: what rules would have done on a recording."""

    recording: str
    messages: int
    retained: int  # they neither fire nor clear
    unread: int  # could not be read
    untimed: int  # counted as heard a second after the one before
    begins: str
    ends: str
    rules: list[TestedRule]


class CheckedRules(msgspec.Struct, kw_only=True):
    """``rules check``: the rules of a folder, all in order."""

    folder: str
    rules: list[str]
    disabled: list[str]
    builtin: list[str]  # those that come with Midstream, and that the folder neither replaces nor turns off
    topics: list[str]  # filters that they listen to

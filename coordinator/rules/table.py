"""One rule out of its TOML table, with errors that name file, line and the nearest valid word."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from coordinator.rules import outputs, quiet
from coordinator.rules.condition import Condition
from coordinator.rules.expression import compile_condition
from coordinator.rules.names import Names
from coordinator.rules.rule import ACTIONS, ALL, LABEL, LOWEST_PRIORITY, MOST_CPU, ONE_BY_ONE, SEVERITIES, Rule
from coordinator.rules.silence import Silence
from devices.conditions import limit
from devices.conditions.comparison import Comparison
from devices.conditions.latch import Timing
from devices.errors import ConfigurationError, MidstreamError, printable
from devices.protocol import durations
from devices.protocol.readings import parse_path
from devices.protocol.topics import check_name, wire_filter

COOLDOWN: Final = 60.0
"""Seconds between two firings of a rule on one subject, where the rule says nothing else."""
KEYS: Final = (
    "when",
    "for",
    "clear",
    "silent",
    "cooldown",
    "topic",
    "value",
    "hubs",
    "do",
    "which",
    "to",
    "resume",
    "run",
    "publish",
    "moves",
    "severity",
    "quiet",
    "enabled",
)
SETTLES: Final = 30.0
"""Seconds that the metrics of a hub are given before one more instance is taken from it."""

T = TypeVar("T")


class Table:
    """One rule's table, with the text that it stands in: errors name lines, which the TOML reader does not keep.

    Args:
        file: its name, for errors.
        text: the file.
        name: the table's.
        table: what the TOML reader made of it.
        places: folders in which the functions lie that it runs.
    """

    def __init__(self, file: str, text: str, name: str, table: Any, places: tuple[Path, ...] = ()) -> None:
        self.places = places
        self.file = file
        self.text = text
        self.name = name
        self.table: Mapping[str, Any] = table if isinstance(table, dict) else {}
        if not isinstance(table, dict):
            raise ConfigurationError(
                f"{printable(name, 60)!r} stands outside of a rule",
                place=self._place(name, top=True),
                remedy="put it below its rule's name: [hot]",
            )

    def rule(self) -> Rule:
        """Returns the rule that the table describes.

        Raises:
            ConfigurationError: with ``file:line``, what is wrong, and the nearest valid word.
        """
        try:
            check_name("rule", self.name)
        except MidstreamError as error:
            raise ConfigurationError(error.message, place=self._place(), remedy=error.remedy) from error
        for key in self.table:
            if key not in KEYS:
                near = get_close_matches(key, KEYS, n=1)
                remedy = f"did you mean {near[0]!r}?" if near else f"a rule has {', '.join(KEYS)}"
                raise self._error(key, f"there is no key {printable(key, 60)!r}", remedy)
        topic = self._topic()
        value = self._within("value", lambda: parse_path(self._text("value"))) if "value" in self.table else None
        if value is not None and not topic:
            raise self._error("value", "`value` is a path into a topic's messages", "add `topic`")
        names = Names(topic, value)
        when, clear = self._when(names), self._condition("clear", names)
        self._check_clear(when, clear)
        do = self._do()
        which = self._which(when, do)
        return Rule(
            name=self.name,
            when=when,
            clear=clear,
            timing=self._timing(when, do, which),
            topic=topic,
            do=do,
            which=which,
            to=self._to(do),
            hubs=self._hubs(),
            severity=self._severity(),
            resume=self._resume(when, do, names),
            run=self._read("run", lambda value: outputs.errand(value, names, self.places)),
            publish=self._read("publish", lambda value: outputs.publication(value, names)),
            moves=self._read("moves", lambda value: limit.parse(str(value))),
            quiet=self._read("quiet", lambda value: quiet.parse(str(value))),
            place=self._place(),
        )

    # Keys ---------------------------------------------------------------------------------------------------------

    def _topic(self) -> str:
        topic = self._text("topic")
        if "topic" in self.table:
            self._within("topic", lambda: wire_filter(topic))
        return topic

    def _when(self, names: Names) -> Condition:
        if "silent" in self.table:
            return self._silence(names)
        when = self._condition("when", names)
        if when is None:
            raise self._error("", "a rule needs `when` or `silent`", 'write when = "hub.temperature > 75"')
        return when

    def _silence(self, names: Names) -> Silence:
        for key in ("when", "for", "clear", "value"):
            if key in self.table:
                remedy = "a message that comes clears it; for more write two rules"
                raise self._error(key, f"`{key}` does not go with `silent`", remedy)
        if not names.topic:
            raise self._error("silent", "`silent` needs a topic", 'say whose: topic = "evcc/site/gridPower"')
        seconds = self._seconds("silent", 0.0)
        if seconds < 1:
            raise self._error("silent", "nobody is silent for less than a second", 'write silent = "5m"')
        return Silence(seconds)

    def _condition(self, key: str, names: Names) -> Condition | None:
        text = self._text(key)
        if key not in self.table:
            return None
        return self._within(key, lambda: compile_condition(text, names))

    def _check_clear(self, when: Condition, clear: Condition | None) -> None:
        if clear is None:
            return
        if clear.scope != when.scope:
            raise self._error("clear", f"`when` is about a {when.scope}, `clear` about a {clear.scope}", "use one kind")
        comparisons = [getattr(each, "comparison", None) for each in (when, clear)]  # a formula has none
        first, second = (each if isinstance(each, Comparison) else None for each in comparisons)
        if first is not None and second is not None and not first.excludes(second):
            raise self._error(
                "clear",
                "a value can fulfil `when` and `clear` at once, so the rule would fire at each message",
                "let `clear` begin where `when` ends, or leave a gap: when > 75, clear < 65",
            )

    def _do(self) -> tuple[Any, ...]:
        do = self._words("do", ACTIONS)
        if "run" in do and "run" not in self.table:
            raise self._error("do", "`do` says run, and nothing says what", 'write run = "notify.py"')
        return (*do, "run") if "run" in self.table and "run" not in do else do

    def _timing(self, when: Condition, do: tuple[str, ...], which: str) -> Timing:
        hold, cooldown = self._seconds("for", 0.0), self._seconds("cooldown", COOLDOWN)
        one_by_one = which in ONE_BY_ONE and when.scope == "hub" and {"migrate", "suspend", "stop"} & set(do)
        return Timing(hold, cooldown, max(hold, cooldown, SETTLES) if one_by_one else 0.0)

    def _resume(self, when: Condition, do: tuple[str, ...], names: Names) -> Condition | None:
        resume = self._condition("resume", names)
        if resume is None:
            return None
        if "suspend" not in do:
            raise self._error("resume", "`resume` lets go on what the rule suspends", 'write do = "suspend"')
        if when.scope == "instance":
            remedy = 'write a rule on hubs, with do = "resume"'
            raise self._error("resume", "a suspended instance has no metrics that could tell", remedy)
        if resume.scope != when.scope:
            raise self._error(
                "resume", f"`when` is about a {when.scope}, `resume` about a {resume.scope}", "use one kind"
            )
        return resume

    def _which(self, when: Condition, do: tuple[str, ...]) -> str:
        which = self._text("which")
        if "which" not in self.table:
            if set(do) - {"run"} and when.scope == "topic":
                raise self._error("", "a rule on a topic has to say which instances", 'write which = "all"')
            return MOST_CPU if do != ("resume",) else ALL
        if not set(do) - {"run"}:
            raise self._error("which", "`which` without `do`", f"add `do`: {', '.join(ACTIONS)}")
        if when.scope == "instance":
            raise self._error("which", "a rule on instances acts on the one that it is about", "leave `which` out")
        if which == MOST_CPU and "resume" in do:
            raise self._error("which", "a suspended instance uses no cpu", 'write which = "all"')
        if which in (*ONE_BY_ONE, ALL) or (which.startswith(LABEL) and which != LABEL):
            return which
        remedy = f'write "{MOST_CPU}", "{LOWEST_PRIORITY}", "{ALL}", "{LABEL}batch", or an instance\'s name'
        try:
            return check_name("instance", which)
        except MidstreamError as error:
            raise self._error("which", f"{printable(which, 60)!r} selects nothing", remedy) from error

    def _to(self, do: tuple[str, ...]) -> str:
        to = self._text("to")
        if "to" not in self.table:
            return ""
        if not {"migrate", "resume"} & set(do):
            raise self._error("to", "`to` goes with do = 'migrate' or 'resume'", "leave it out")
        return self._within("to", lambda: check_name("hub", to))

    def _hubs(self) -> tuple[str, ...]:
        named = self._words("hubs", None)
        return self._within("hubs", lambda: tuple(check_name("hub", hub) for hub in named))

    def _severity(self) -> Any:
        chosen = self._words("severity", SEVERITIES)
        if len(chosen) > 1:
            raise self._error("severity", "a rule has one severity", f"write one of {', '.join(SEVERITIES)}")
        return chosen[0] if chosen else "warning"

    @property
    def enabled(self) -> bool:
        """Whether the rule is in force at all.

        Raises:
            ConfigurationError: it says neither yes nor no.
        """
        value = self.table.get("enabled", True)
        if not isinstance(value, bool):
            raise self._error("enabled", "`enabled` is true or false", "write enabled = false")
        return value

    # Values -------------------------------------------------------------------------------------------------------

    def _text(self, key: str) -> str:
        value = self.table.get(key, "")
        if not isinstance(value, str) or (key in self.table and not value.strip()):
            raise self._error(key, f"`{key}` has to be a text that is not empty", f'write {key} = "..."')
        return value

    def _read(self, key: str, read: Callable[[Any], T]) -> T | None:
        return self._within(key, lambda: read(self.table[key])) if key in self.table else None

    def _seconds(self, key: str, default: float) -> float:
        if key not in self.table:
            return default
        value = self.table[key]
        if not isinstance(value, str | int | float):
            raise self._error(key, f"`{key}` has to be a duration", f'write {key} = "20s"')
        return self._within(key, lambda: durations.seconds(value))

    def _words(self, key: str, known: tuple[str, ...] | None) -> tuple[Any, ...]:
        given = self.table.get(key, [])
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise self._error(key, f"`{key}` has to be a text or a list of texts", f'write {key} = ["..."]')
        for word in words:
            if known is not None and word not in known:
                near = get_close_matches(word, known, n=1)
                remedy = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
                raise self._error(key, f"{printable(word, 60)!r} cannot be `{key}`", remedy)
        return tuple(dict.fromkeys(words))

    # Errors -------------------------------------------------------------------------------------------------------

    def _within(self, key: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except MidstreamError as error:
            raise self._error(key, error.message, error.remedy) from error

    def _error(self, key: str, message: str, remedy: str | None) -> ConfigurationError:
        return ConfigurationError(f"[{self.name}] {message}", place=self._place(key), remedy=remedy)

    def _place(self, key: str = "", *, top: bool = False) -> str:
        """``file:line`` of a key of this table, else of the table, else of the file."""
        header = re.compile(rf"""\s*\[\s*["']?{re.escape(self.name)}["']?\s*\]""")
        dotted = re.compile(rf"""\s*["']?{re.escape(self.name)}["']?\s*[.=]""")
        wanted = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""") if key else None
        inside, line_of_table = top, 0
        for number, line in enumerate(self.text.splitlines(), start=1):
            if not top and line.lstrip().startswith("["):
                inside = header.match(line) is not None
            if not line_of_table and (inside or dotted.match(line)):
                line_of_table = number
            if wanted is not None and inside and wanted.match(line):
                return f"{self.file}:{number}"
        return f"{self.file}:{line_of_table or 1}"

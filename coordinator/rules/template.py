"""Texts with values in them: ``"${topic.host} on battery: ${acted_on} suspended"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from coordinator.rules.names import Names
from coordinator.rules.scene import Reference
from devices.errors import ConfigurationError, MidstreamError, printable
from devices.protocol.readings import NoNumber, parse_path

WORDS: Final = (
    *(
        "rule",
        "severity",
        "subject",
        "hub",
        "instance",
        "value",
        "threshold",
        "age",
        "why",
        "acted_on",
        "time",
        "topic",
    ),
)
"""What can be told of every firing; ``age`` is how long it has been so, ``acted_on`` the instances that were acted on."""
LONGEST: Final = 4096
"""Characters of a text, before and after its values were put in."""
_MARK: Final = re.compile(r"\$\{([^{}]*)\}|\$\$")
_UNKNOWN: Final = "?"


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places for values.

    Args:
        text: as it was written.
        references: what it mentions of messages and metrics.
    """

    text: str
    references: tuple[Reference, ...] = ()

    def filled(self, values: Mapping[str, Any]) -> str:
        """Returns the text with values put in; ``?`` stands for what is not known."""
        filled = _MARK.sub(lambda mark: "$" if mark[0] == "$$" else _word(values.get(mark[1].strip())), self.text)
        return filled[:LONGEST]


def _word(value: Any) -> str:
    if value is None or isinstance(value, NoNumber):
        return _UNKNOWN
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value), LONGEST)


def template(text: str, names: Names) -> Template:
    """Returns a text with its names checked.

    Args:
        text: ``${name}`` stands for a value, ``$$`` for a dollar sign.
        names: those that the rule may use, beside `WORDS`.

    Raises:
        ConfigurationError: it is too long, or mentions what there is not; the nearest name is told.
    """
    if len(text) > LONGEST:
        raise ConfigurationError(f"a text of {len(text)} characters", remedy=f"at most {LONGEST}")
    words = [mark[1].strip() for mark in _MARK.finditer(text) if mark[0] != "$$"]
    references = [_reference(word, names) for word in words if word not in WORDS]
    return Template(text, tuple(references))


def _reference(word: str, names: Names) -> Reference:
    try:
        root, *path = parse_path(word) or ("",)
        return names.bind(str(root), tuple(path), word)
    except MidstreamError as error:
        near = get_close_matches(word, WORDS, n=1, cutoff=0.7)
        remedy = f"did you mean ${{{near[0]}}}?" if near else error.remedy
        raise ConfigurationError(f"${{{printable(word, 60)}}}: {error.message}", remedy=remedy) from error

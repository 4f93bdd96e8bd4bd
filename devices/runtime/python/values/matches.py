"""A match of a regular expression that has travelled.

CPython cannot make a `re.Match` but by matching, and matching again would run the expression of a blob on the text of a
blob, for as long as the sender likes. So a match comes back as this twin: the same answers, from the spans that were
found.
"""

from __future__ import annotations

import re
from typing import Any


class TravelledMatch:
    """Answers like the `re.Match` it was; ``isinstance(it, re.Match)`` is true."""

    __slots__ = ("_plain", "endpos", "lastindex", "pos", "re", "regs", "string")

    __class__ = property(lambda _: re.Match)

    def __init__(
        self, pattern: re.Pattern[Any], string: Any, bounds: tuple[int, int], regs: Any, lastindex: Any
    ) -> None:
        self.re = pattern
        self.string = string
        self._plain: Any = next(kind for kind in (str, bytes, bytearray) if kind in type.mro(type(string)))
        self.pos, self.endpos = bounds
        self.regs: tuple[tuple[int, int], ...] = regs
        self.lastindex: int | None = lastindex

    @property
    def lastgroup(self) -> str | None:
        """The name of the last matched group."""
        return next((name for name, number in self.re.groupindex.items() if number == self.lastindex), None)

    def _number(self, group: Any) -> int:
        number: Any = self.re.groupindex.get(group, group) if isinstance(group, str) else group
        try:
            number = number.__index__()
        except AttributeError:
            number = -1
        if not 0 <= number < len(self.regs):
            raise IndexError("no such group")
        return int(number)

    def _text(self, number: int, default: Any = None) -> Any:
        start, end = self.regs[number]
        if start < 0:
            return default
        found = self._plain.__getitem__(self.string, slice(start, end))  # of a class of the program's too
        return bytes(found) if self._plain is bytearray else found

    def group(self, *groups: Any) -> Any:
        """Returns one or more groups, the whole match without arguments."""
        texts = tuple(self._text(self._number(group)) for group in groups or (0,))
        return texts[0] if len(texts) == 1 else texts

    def __getitem__(self, group: Any) -> Any:
        return self._text(self._number(group))

    def groups(self, default: Any = None) -> tuple[Any, ...]:
        """Returns all groups but the whole match."""
        return tuple(self._text(number, default) for number in range(1, len(self.regs)))

    def groupdict(self, default: Any = None) -> dict[str, Any]:
        """Returns the named groups."""
        return {name: self._text(number, default) for name, number in self.re.groupindex.items()}

    def span(self, group: Any = 0) -> tuple[int, int]:
        """Returns where a group starts and ends."""
        start, end = self.regs[self._number(group)]
        return start, end

    def start(self, group: Any = 0) -> int:
        """Returns where a group starts."""
        return self.span(group)[0]

    def end(self, group: Any = 0) -> int:
        """Returns where a group ends."""
        return self.span(group)[1]

    def expand(self, template: Any) -> Any:
        """Returns the template with groups put in.

        The rules of templates are `re`'s own: they are applied to a real match that has the same groups, of a pattern
        of fixed widths (``.{3}(?=(.{1})(.{2}))``) over the texts of the groups one behind the other.
        """
        names = {number: name for name, number in self.re.groupindex.items()}
        nothing: Any = "" if self._plain is str else b""
        parts, texts = [], [self._text(0)]
        for number in range(1, len(self.regs)):
            text = self._text(number)
            inside = "(?!)" if text is None else f".{{{len(text)}}}"
            parts.append(f"({f'?P<{names[number]}>' if number in names else ''}{inside}){'?' if text is None else ''}")
            texts.append(nothing if text is None else text)
        source = f"(?s).{{{len(texts[0])}}}(?={''.join(parts)})"
        pattern: Any = source if self._plain is str else source.encode()
        found: Any = re.match(pattern, nothing.join(texts))
        return found.expand(template)

    def __copy__(self) -> TravelledMatch:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TravelledMatch:
        return self

    def __repr__(self) -> str:
        return f"<re.Match object; span={self.span()!r}, match={self._text(0)!r}>"

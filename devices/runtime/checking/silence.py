"""Comments that take a finding back: ``# midstream: ok``, or of some kinds only ``# midstream: ok[path, host]``."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Final

_COMMENT: Final = re.compile(r"#\s*midstream:\s*ok\b(?:\s*\[([^\]]*)\])?")


class Silence:
    """The comments of one file; ``kinds`` by line, empty: all of them."""

    def __init__(self, text: str) -> None:
        self.kinds: Mapping[int, frozenset[str]] = dict(_comments(text))

    def covers(self, kind: str, first: int, last: int) -> bool:
        """Tells whether a finding of a kind, in these lines, is taken back."""
        return any(
            not self.kinds[line] or kind in self.kinds[line] for line in range(first, last + 1) if line in self.kinds
        )


def _comments(text: str) -> Iterator[tuple[int, frozenset[str]]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        found = _COMMENT.search(token.string) if token.type == tokenize.COMMENT else None
        if found is not None:
            yield token.start[0], frozenset(filter(None, re.split(r"[,\s]+", found[1] or "")))

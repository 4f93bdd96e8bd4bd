"""What a call of the command line said."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Said(NamedTuple):
    status: int
    out: str
    err: str

    def is_one_clear_error(self, status: int, *words: str) -> None:
        """One sentence and at most one remedy on stderr, nothing on stdout, and no traceback."""
        assert (self.status, self.out) == (status, ""), self
        lines = self.err.splitlines()
        assert lines[0].startswith("error: "), self.err
        assert len(lines) <= 2, self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err


Midstream = Callable[..., Said]

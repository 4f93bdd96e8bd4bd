"""Where frames and generators stand: an image counts steps of the normal form, and the source tells what these are.

The source is parsed, as it is before a function runs; nothing of it is compiled or executed.
"""

from __future__ import annotations

import warnings
from functools import cached_property

from devices.errors import MidstreamError
from devices.runtime.python import form
from devices.runtime.python.module import ModuleCode, ProgramCode, code_of
from devices.runtime.source import Source


class Places:
    """Finds lines in a source, which is brought to normal form when it is first asked."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def where(self, module: str, function: int, number: int) -> str:
        """Returns ``file:line`` of a step, by module, number of its function, and its own; empty if it has none."""
        code, step = self._found(module, function, number)
        return f"{code.shape.filename}:{step.line}" if code is not None and step is not None else ""

    def handled(self, module: str, function: int, number: int) -> list[str]:
        """Returns the names that hold the exceptions being handled at a step, the outermost first."""
        _, step = self._found(module, function, number)
        names = []
        while step is not None:
            block, step = step.block, step.block.parent
            if isinstance(step, form.Try):
                names += [handler.saved for handler in step.handlers if handler.body is block]
        return names[::-1]

    def _found(self, module: str, function: int, number: int) -> tuple[ModuleCode | None, form.Step | None]:
        code = self._code.modules.get(module) if self._code is not None else None
        found = code.function(function) if code is not None else None
        return code, found.steps.get(number) if found is not None else None

    @cached_property
    def _code(self) -> ProgramCode | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the author's backslashes
                return code_of(self._source)
        except (MidstreamError, RecursionError, MemoryError):  # of a newer Python, or hostile
            return None

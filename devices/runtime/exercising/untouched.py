"""A program as plain Python runs it: the same files and the same way to import, the user's own code objects."""

from __future__ import annotations

from types import CodeType
from typing import Self

from devices.runtime.python.library import Library
from devices.runtime.python.module import ModuleCode, ProgramCode, code_of
from devices.runtime.python.program import Program
from devices.runtime.source import Source


class _AsWritten(ProgramCode):
    @classmethod
    def of(cls, code: ProgramCode) -> Self:
        """Returns the same modules; only what is executed is another."""
        found = cls.__new__(cls)
        vars(found).update(vars(code))
        return found

    def compiled(self, module: ModuleCode) -> CodeType:
        return compile(module.text, module.shape.filename, "exec", dont_inherit=True)


class UntouchedProgram(Program):
    """A `Program` whose functions are as they were written: they cannot be stopped."""

    def __init__(self, source: Source, library: Library) -> None:
        super().__init__(source, library)
        self.code = _AsWritten.of(code_of(source))

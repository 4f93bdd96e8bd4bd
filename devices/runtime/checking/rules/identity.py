"""Numbers that stand for an object in one process."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from devices.runtime.checking.code import Code
from devices.runtime.checking.findings import Found, Rule
from devices.runtime.checking.program import CheckedProgram
from devices.runtime.checking.use import kept_in


def _identity(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if name == "builtins.hash" and not (call.args and isinstance(call.args[0], ast.Constant | ast.Tuple)):
            keeper = kept_in(program, code, call)
            if keeper:
                yield Found(
                    call,
                    "warning",
                    f"hash() is kept in {keeper}: of texts and bytes it is another one in every process",
                    "use zlib.crc32 or hashlib for a number that stays",
                )


RULES: Final = (Rule("identity", "`hash()` kept in a variable or used as a key.", _identity),)

"""What of the language cannot be stopped in, or sees how a function is moved."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from devices.runtime.checking.code import Code
from devices.runtime.checking.findings import Found, Rule
from devices.runtime.checking.program import CheckedProgram

_EVENT_LOOPS: Final = frozenset({"asyncio.run", "asyncio.Runner", "trio.run", "anyio.run", "curio.run"})
_FRAMES: Final = frozenset(
    {
        "sys._getframe", "sys._current_frames", "inspect.currentframe", "inspect.stack", "inspect.trace",
        "inspect.getouterframes",
    }
)  # fmt: skip
_TRACING: Final = frozenset({"sys.settrace", "sys.setprofile", "threading.settrace", "sys.monitoring.use_tool_id"})
_ENDS: Final = frozenset({"os._exit", "os.abort", "os.fork", "os.forkpty", "pty.fork"})


def _async(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for entry in program.entries if code is program.main else ():
        if isinstance(entry, ast.AsyncFunctionDef):
            yield Found(
                entry,
                "error",
                f"{entry.name} is async: it cannot be stopped and moved",
                "write an ordinary function: waiting calls such as ctx.next() and ctx.sleep() need no await",
            )
    for call, name in program.calls(code):
        if name in _EVENT_LOOPS:
            yield Found(
                call,
                "warning",
                f"{name}() runs until all is done: in that time the function cannot be stopped",
                "write it without async: ctx.next() waits for whichever message comes first",
            )


def _exec(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        function = code.function_of(call)
        if name not in ("builtins.exec", "builtins.eval") or function is None:
            continue
        entry = program.certain and function in program.entries
        who = getattr(function, "name", "a lambda")
        yield Found(
            call,
            "error" if entry else "warning",
            f"{who} uses {name.removeprefix('builtins.')}(), whose code cannot be seen beforehand: "
            + ("it can never be moved" if entry else "while it runs, nothing can be moved"),
            "put it into a function of its own, which has returned when the rest is stopped"
            if entry
            else "let it do nothing else and return soon",
        )


def _frames(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if name in _FRAMES:
            yield Found(
                call,
                "warning",
                f"{name}() shows how Midstream runs the function: more variables, other callers after a move",
                "give what is needed as an argument; a frame itself cannot travel",
            )
        elif name in _TRACING:
            yield Found(
                call,
                "warning",
                f"{name}() takes from Midstream what it stops functions with on some Pythons, and is undone by a move",
                "leave it out of what is deployed",
            )


def _process(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if name in _ENDS or name.startswith("os.exec"):
            yield Found(
                call,
                "error",
                f"{name}() ends or doubles the process, which is Midstream's to start and end",
                "return from the function, or raise an error; other programs are started with subprocess.run",
            )


def _stdin(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if name in ("builtins.input", "getpass.getpass") or name.startswith("sys.stdin."):
            yield Found(
                call,
                "warning",
                f"{name.removeprefix('builtins.')}() finds no standard input: nobody sits at the hub",
                "make it a parameter (--arg NAME=VALUE), or wait for a message with ctx.next()",
            )


RULES: Final = (
    Rule("async", "A function that is `async`, and event loops run by one that is not.", _async),
    Rule("exec", "`exec` and `eval`.", _exec),
    Rule("frames", "Looking at frames; tracing.", _frames),
    Rule("process", "Ending, replacing or forking the process.", _process),
    Rule("stdin", "Reading standard input.", _stdin),
)

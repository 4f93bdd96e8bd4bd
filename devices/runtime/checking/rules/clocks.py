"""Clocks that mean something else on the next hub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from devices.runtime.checking.code import Code
from devices.runtime.checking.findings import Found, Rule
from devices.runtime.checking.program import CheckedProgram
from devices.runtime.checking.use import kept_in

_MONOTONIC: Final = frozenset(
    f"time.{name}{unit}"
    for name in ("monotonic", "perf_counter", "process_time", "thread_time")
    for unit in ("", "_ns")
)
_NAIVE: Final = {
    "datetime.datetime.now": 0, "datetime.datetime.today": 0, "datetime.datetime.utcnow": 0, "datetime.date.today": 0,
    "datetime.datetime.fromtimestamp": 1, "datetime.datetime.utcfromtimestamp": 1, "datetime.date.fromtimestamp": 1,
    "time.localtime": 1, "time.ctime": 1, "time.strftime": 1,
}  # fmt: skip
"""Calls that give the hub's own time of day, and how many arguments they have when they do."""
_ALWAYS_NAIVE: Final = frozenset({"time.localtime", "time.ctime"})


def _monotonic(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        if name not in _MONOTONIC:
            continue
        keeper = kept_in(program, code, call, differences=False)
        if keeper:
            yield Found(
                call,
                "warning",
                f"{name}() is kept in {keeper}: each computer counts from another start, so a span over a move is wrong",
                "use time.time() or ctx.now(), which all hubs agree on",
            )


def _naive(program: CheckedProgram, code: Code) -> Iterator[Found]:
    for call, name in program.calls(code):
        most = _NAIVE.get(name)
        zone = any(keyword.arg in ("tz", None) for keyword in call.keywords)
        if most is None or zone or (len(call.args) > most and name not in _ALWAYS_NAIVE):
            continue
        yield Found(
            call,
            "warning",
            f"{name}() without a time zone is the hub's own time of day: the next hub may have another zone",
            "use ctx.now(), which is the same on every hub, or datetime.now(UTC)",
        )


RULES: Final = (
    Rule("monotonic", "`time.monotonic()`, `perf_counter()` ... kept in a variable.", _monotonic),
    Rule("naive-time", "`datetime.now()`, `date.today()`, `time.localtime()` ...: times without a zone.", _naive),
)

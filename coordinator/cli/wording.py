"""Sizes, times and states in words: the same everywhere the command line speaks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

STATE_STYLES: Final = {
    "running": "green", "online": "green", "finished": "cyan",
    "starting": "yellow", "capturing": "yellow", "held": "yellow", "moving": "yellow", "restarting": "yellow",
    "suspended": "yellow", "draining": "yellow", "drained": "yellow",
    "failed": "bold red", "offline": "bold red", "silent": "red", "stopped": "dim",
}  # fmt: skip
NOTHING: Final = "-"
ACTIONS: Final = {
    "start": "start", "begin": "start anew", "upgrade": "change", "mend": "go on", "move": "move",
    "take over": "take over", "choose": "choose", "stop": "stop", "nothing": "as it is", "refused": "refused",
}  # fmt: skip
"""What `apply` does, by its name in answers."""


def size(amount: float | None) -> str:
    """Bytes as people read them: ``1.9 KB``."""
    if amount is None:
        return NOTHING
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def duration(seconds: float | None) -> str:
    """A span of time: ``8 s``, ``12 min``, ``3 h``, ``2 d``."""
    if seconds is None:
        return NOTHING
    for limit, unit, divisor in ((100, "s", 1), (100 * 60, "min", 60), (48 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{max(seconds, 0) / divisor:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def milliseconds(span: float) -> str:
    """A span in ms: two digits that matter."""
    return f"{span:.1f} ms" if span < 10 else f"{span:.0f} ms"


def since(time: str, now: datetime | None = None) -> str:
    """How long ago an RFC 3339 time was; ``-`` where there is none."""
    moment = parse_time(time)
    return NOTHING if moment is None else duration(((now or datetime.now(UTC)) - moment).total_seconds())


def clock(time: str) -> str:
    """An RFC 3339 time as local date and clock: ``2026-11-25 02:14:09``."""
    moment = parse_time(time)
    return NOTHING if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def parse_time(time: str) -> datetime | None:
    """Reads an RFC 3339 time; ``None`` if it is none or has no zone."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def percent(value: float | None) -> str:
    """``41 %``."""
    return NOTHING if value is None else f"{value:.0f} %"


def degrees(value: float | None) -> str:
    """``61.5 °C``."""
    return NOTHING if value is None else f"{value:.1f} °C"


def pairs(values: dict[str, Any]) -> str:
    """An author's status values in one line: ``highest=2104.0 minutes=3``."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def phases(spans: dict[str, float]) -> str:
    """A move's phases in their order: ``freeze 0.1  capture 0.4 ...`` in ms."""
    return "  ".join(f"{name} {span:.1f}" for name, span in spans.items())

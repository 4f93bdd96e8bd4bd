"""The function that all are given: three frames, and a state of so many readings. ``PAUSE`` is where it is captured."""

from __future__ import annotations

from typing import Final

READINGS: Final = {"1 KB": 40, "1 MB": 42_000}
"""By size of the state as plain data: how many readings it has."""
FRAMES: Final = 3
TASK: Final = """
def inner(readings, limit):
    total = 0.0
    for number in range(len(readings)):
        total += readings[f"sensor-{number}"]
        if number == 5:
            PAUSE
    return min(total, limit)


def middle(readings):
    highest = 0.0
    for limit in (10.0, 20.0, 30.0)[:1]:
        highest = max(highest, inner(readings, limit))
    return highest


def main(count):
    readings = {f"sensor-{number}": number * 1.5 for number in range(count)}
    return middle(readings), len(readings)
"""


def task(pause: str, *, awaits: bool = False) -> str:
    """Returns its source.

    Args:
        pause: the statement at which it is captured.
        awaits: as coroutines, each a ``durable`` one.
    """
    text = TASK.replace("PAUSE", pause)
    if not awaits:
        return text
    for call in ("inner(readings, limit))", "middle(readings),"):
        text = text.replace(call, f"await {call}")
    return text.replace("def ", "@durable\nasync def ")


def result(count: int) -> tuple[float, int]:
    """Returns what it returns."""
    return 10.0, count

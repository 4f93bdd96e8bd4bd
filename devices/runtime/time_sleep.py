"""``time.sleep`` of a function: the sleep that is saved and taken up."""

from __future__ import annotations

import time
from typing import Final, SupportsIndex

from devices.runtime import deadline, instance
from devices.runtime.effects import Sleep

_system_sleep: Final = time.sleep


def sleep(seconds: float | SupportsIndex, /) -> None:
    """Sleeps, by the wall clock; what is overdue after a move is the function's ``catch_up``.

    Raises:
        ValueError: ``seconds`` is negative, as in `time.sleep`.
        UsageError: it is no duration: not finite, or longer than a century.
    """
    if not instance.is_running():
        _system_sleep(seconds)
        return
    duration = float(seconds)
    if duration < 0:
        raise ValueError("sleep length must be non-negative")
    own = instance.running()
    with own.attention:
        Sleep(own, deadline=deadline.after(duration, own.catch_up)).run()


def install() -> None:
    """Puts `sleep` in the place of ``time.sleep``, before any code of a user is imported."""
    time.sleep = sleep

"""The demo's one simulated sensor: a file with a temperature, written as Linux writes a thermal zone.

``/sys/class/thermal/thermal_zone0/temp`` holds thousandths of a degree Celsius and a line break (the kernel's
sysfs-api documentation of the thermal subsystem).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

COOL: Final = 40.0
HOT: Final = 85.0
"""Degrees Celsius: a small computer at rest, and one that has begun to throttle."""
_STEP: Final = 0.25
"""Seconds between two readings: a thermal zone is polled about as often."""


def show(file: Path, celsius: float) -> None:
    """Makes the sensor show a temperature; who reads at the same time sees the old or the new one, never half."""
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(f"{round(celsius * 1000)}\n")
    fresh.replace(file)


async def ramp(file: Path, start: float = COOL, end: float = HOT, seconds: float = 3.0) -> None:
    """Lets the temperature go evenly from ``start`` to ``end``, in degrees Celsius, and stay there."""
    steps = max(1, round(seconds / _STEP))
    show(file, start)
    for step in range(1, steps + 1):
        await asyncio.sleep(seconds / steps)
        show(file, start + (end - start) * step / steps)

"""What this hub runs on: the machine's own battery, another one in a folder, or a UPS of which a bridge tells over MQTT.

A UPS is this hub's battery if its settings say so. Its words are those of NUT's ``ups.status`` and apcupsd; what is not
known of it, or has not been said for a while, is not known: a message that the broker had kept may be of last year.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from devices.protocol import readings

FRESH: Final = 900.0
"""Seconds for which what a UPS has said is believed; bridges tell it each few seconds or minutes."""
_LONGEST: Final = 200  # bytes of a message that are looked at
_WORDS: Final = re.compile(r"[A-Za-z0-9]+")
_ON_BATTERY: Final = frozenset({"OB", "ONBATT", "OFF", "FALSE"})
_ON_MAINS: Final = frozenset({"OL", "ONLINE", "ON", "TRUE"})


class Power(NamedTuple):
    """Charge of the battery in percent, and whether there is mains; ``None``: not known, or no battery."""

    battery: float | None = None
    mains: bool | None = None


Source = Callable[[], Power]


def own() -> Power:
    """Returns what the machine says of itself."""
    battery = psutil.sensors_battery()
    return Power(round(battery.percent, 1), battery.power_plugged) if battery else Power()


def from_folder(folder: Path) -> Power:
    """Returns what the files ``capacity`` and ``status`` say, as in ``/sys/class/power_supply/BAT0``."""
    try:
        charge, status = float((folder / "capacity").read_text()), (folder / "status").read_text().strip()
    except (OSError, ValueError):
        return Power()
    return Power(charge, status != "Discharging") if math.isfinite(charge) else Power()


class Ups:
    """A UPS by its messages.

    Args:
        charge: the topic of its charge, a number of percent.
        mains: the topic of its status; empty for none.
    """

    def __init__(self, charge: str, mains: str) -> None:
        self._charge, self._mains = charge, mains
        self._power = Power()
        self._heard = {charge: -math.inf, mains: -math.inf}

    @property
    def topics(self) -> list[str]:
        """Those that must be listened to."""
        return [topic for topic in (self._charge, self._mains) if topic]

    def take(self, topic: str, payload: bytes, *, retained: bool, at: float) -> None:
        """Takes a message; what says nothing that is understood leaves what was known before.

        Args:
            topic: any.
            payload: of the message.
            retained: whether the broker had kept it.
            at: when it came, in seconds of a clock that does not go backward.
        """
        if retained or topic not in self.topics:
            return
        if topic == self._charge and (charge := _percent(payload)) is not None:
            self._power, self._heard[topic] = self._power._replace(battery=charge), at
        elif topic == self._mains and (mains := _mains(payload)) is not None:
            self._power, self._heard[topic] = self._power._replace(mains=mains), at

    def power(self, at: float) -> Power:
        """Returns what is known."""
        fresh = {topic: at - heard <= FRESH for topic, heard in self._heard.items()}
        return Power(
            self._power.battery if fresh[self._charge] else None, self._power.mains if fresh[self._mains] else None
        )


def _percent(payload: bytes) -> float | None:
    number = readings.number_at(readings.parse(payload[:_LONGEST]), ())
    return number if isinstance(number, float | int) and 0 <= number <= 100 else None


def _mains(payload: bytes) -> bool | None:
    words = {word.upper() for word in _WORDS.findall(payload[:_LONGEST].decode(errors="replace"))}
    if words & _ON_BATTERY:
        return False
    return True if words & _ON_MAINS else None

"""What a message means: its readings, the device that speaks, and whether that device is there."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

Value = float | int | str | bool | None
"""Of a reading: a finite number, a word, true or false; ``None`` if there is no news of it."""


class Kind(enum.StrEnum):
    """What sort of thing a reading is, which decides what may be done with it."""

    GAUGE = "gauge"
    COUNTER = "counter"  # rises, until it is reset
    DAILY = "counter-daily"  # falls to zero at midnight
    STATE = "state"
    LIVENESS = "liveness"  # says whether the device, or what it speaks through, is there
    EVENT = "event"  # happened; does not last
    CONFIG = "config"
    TIMESTAMP = "timestamp"
    DELETION = "deletion"  # what was kept on the topic has been taken away


NUMERIC = frozenset({Kind.GAUGE, Kind.COUNTER, Kind.DAILY})
"""Kinds whose value is a number or nothing."""


class Reading(NamedTuple):
    """One value. ``why`` says why there is no number, or what is odd about it; ``raw`` is what came if that is no value."""

    value: Value
    unit: str | None = None
    kind: Kind = Kind.GAUGE
    why: str = ""
    raw: str = ""


class Signal(enum.Enum):
    """What a device says, or others say, about its being there."""

    UP = "online"
    DOWN = "offline"
    ASLEEP = "asleep"  # away by plan: it is expected to be silent
    UNKNOWN = "unknown"  # a word that nobody has explained


@dataclass(slots=True)
class Interpretation:
    """What one message means.

    `path` of a reading is dotted and quoted as `devices.protocol.readings.parse_path` reads it; "" is the whole payload.
    """

    dialect: str
    device: str = ""
    """Whom it is about; empty if nobody in particular."""
    readings: dict[str, Reading] = field(default_factory=dict)
    error: str = ""
    """Why the message, or a part of it, cannot be read."""
    bridge: str = ""
    """The device through which this one speaks, of the same dialect; its end is the end of all that is known of them."""
    part: str = ""
    """Which of several like things on one topic it is about, as a processor's core."""
    signal: Signal | None = None
    word: str = ""
    """By which the signal was given, if that is not the reading of its liveness."""
    measured: float | None = None
    """When, in seconds since 1970, if the message says so beyond doubt."""
    stale: str = ""
    """Why it is no news: kept by the broker, a repeat, history. Empty if it tells what is so now."""
    sign_of_life: bool = True
    """Whether a live message of this sort shows that the device is there: a will does not, nor what a hub repeats of it."""

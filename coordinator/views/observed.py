"""What is asked and answered about devices: `devices`, of those that were heard and of a recording."""

from __future__ import annotations

import msgspec

from coordinator.dialects.interpretation import Interpretation
from coordinator.views.question import Question


class DevicesAsk(Question, kw_only=True):
    """``devices``: which devices were heard, and what is known of them."""

    device: str = ""  # its name or the end of it; empty: all


class ReadingRow(msgspec.Struct, kw_only=True):
    """One reading of a device."""

    topic: str
    path: str  # into the JSON, as rules write it; empty: the whole payload
    value: float | int | str | bool | None  # None: there has been no number yet, `why` says why
    unit: str | None
    kind: str  # gauge, counter, counter-daily, state, liveness, event, config or timestamp
    age: float | None  # seconds; None: nobody knows, the broker had kept it
    why: str = ""  # why there is no number, or what is odd about it
    raw: str = ""  # what came, if that is no value
    part: str = ""  # which of several like things on the topic, as a processor's core


class DeviceRow(msgspec.Struct, kw_only=True):
    """One device."""

    device: str
    dialect: str
    bridge: str = ""  # the device that it speaks through
    liveness: str  # online, offline, asleep, silent, inconsistent or unknown
    why: str  # that is thought
    heard: float | None  # seconds since its last live message; None: none yet
    messages: int
    readings: list[ReadingRow]
    unreadable: int = 0  # messages that could not be read
    error: str = ""  # why the last of them could not
    forgotten: int = 0  # readings that had to go because there are too many
    same_as: str = ""  # another device whose name looks the same and is spelt with other characters


class ReadingOfMessage(msgspec.Struct, kw_only=True):
    """What a message of a recording says at one path."""

    value: float | int | str | bool | None
    unit: str | None
    kind: str  # as above, or "deletion"


class InterpretedMessage(msgspec.Struct, kw_only=True):
    """``devices --from-recording``: what one message means."""

    topic: str
    dialect: str
    device: str
    readings: dict[str, ReadingOfMessage]
    error: str | None  # why the message, or a part of it, cannot be read
    liveness: str = ""  # what it says of the device's being there: online, offline, asleep or unknown
    age: float | None = None  # seconds between its own time and that of the recording, where both are known
    stale: str = ""  # why it is no news: kept by the broker, a repeat, history
    why: dict[str, str] = {}  # path => why there is no number, or what is odd about it


def interpreted(topic: str, found: Interpretation, at: float | None = None) -> InterpretedMessage:
    """Returns a message's meaning as it is shown.

    Args:
        topic: the message's.
        found: its meaning.
        at: when it came, in seconds since 1970, if that is known.
    """
    return InterpretedMessage(
        topic=topic,
        dialect=found.dialect,
        device=found.device,
        readings={
            path: ReadingOfMessage(value=r.value, unit=r.unit, kind=r.kind) for path, r in found.readings.items()
        },
        error=found.error or None,
        liveness="" if found.signal is None else found.signal.value,
        age=None if at is None or found.measured is None else round(max(0.0, at - found.measured), 3),
        stale=found.stale,
        why={path: reading.why for path, reading in found.readings.items() if reading.why},
    )

"""One device: what is known of it. A reading stays until a better one comes.

Null and "no number" are no news; what the broker had kept does not take the place of what was heard live; and a word where
there was a number is told, not taken for one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from coordinator.dialects.interpretation import NUMERIC, Interpretation, Kind, Reading, Signal, Value
from coordinator.ingest.liveness import Signs

READINGS: Final = 300
"""Readings of one device."""
_SAME: Final = 1.0
"""Seconds within which messages are one utterance."""

Place = tuple[str, str, str]
"""Topic, part and path of a reading."""


class Known(NamedTuple):
    """A reading as it is known.

    ``at`` is when it came, ``measured`` its own time in seconds since 1970; ``kept`` of the broker, so that its age is
    unknown; ``news`` says why what came since has no number, and ``mixed`` that words and numbers alternate.
    """

    reading: Reading
    at: float
    measured: float | None
    kept: bool
    news: str = ""
    mixed: bool = False


@dataclass(slots=True)
class Device:
    """One device."""

    dialect: str
    name: str
    bridge: str
    at: float = 0.0
    messages: int = 0
    utterances: int = 0
    error: str = ""  # why its last message that could not be read could not
    unreadable: int = 0
    forgotten: int = 0  # readings that had to go because there are too many
    signs: Signs = field(default_factory=Signs)
    readings: OrderedDict[Place, Known] = field(default_factory=OrderedDict)

    @property
    def nothing(self) -> bool:
        """Whether nothing is known of it any more: all that was kept of it has been taken away."""
        return not self.readings and self.signs.signal is None and not self.error

    def take(self, topic: str, found: Interpretation, *, retained: bool, at: float, times: int = 1) -> bool:
        """Takes in a message about it; returns whether it shows that the device is there.

        Args:
            topic: where it came.
            found: what it means.
            retained: whether the broker had kept it.
            at: when it came.
            times: how many messages it stands for.
        """
        self.dialect, self.bridge = found.dialect, found.bridge
        self.messages += times
        if at - self.at > _SAME or not self.utterances:
            self.utterances += 1
        self.at = at
        if found.error:
            self.error, self.unreadable = found.error, self.unreadable + 1
        if found.signal is not None:
            word = found.word or next((r.value for r in found.readings.values() if r.kind is Kind.LIVENESS), "")
            self.signs.told(found.signal, str(word).lower() if isinstance(word, bool) else str(word), at, kept=retained)
        for path, reading in found.readings.items():
            if reading.kind is Kind.DELETION:
                self._delete(topic)
            else:
                self._merge((topic, found.part, path), reading, found, at, retained=retained)
        while len(self.readings) > READINGS:
            self.readings.popitem(last=False)
            self.forgotten += 1
        alive = found.sign_of_life or (found.signal is Signal.UP and not retained)
        if not alive or found.stale:
            return False
        self.signs.heard(at)
        return True

    def _delete(self, topic: str) -> None:
        """What was kept on a topic is gone."""
        for place in [place for place in self.readings if place[0] == topic]:
            del self.readings[place]

    def _merge(self, place: Place, reading: Reading, found: Interpretation, at: float, *, retained: bool) -> None:
        """Puts a reading in the place of the one before, where it says more."""
        before = self.readings.get(place)
        if found.stale and not retained and any(other[1:] == place[1:] for other in self.readings):
            return  # a repeat, perhaps by another way, or history: the newer one is known
        if before is None:
            self.readings[place] = Known(reading, at, found.measured, retained)
            return
        if retained and not before.kept:
            return
        if reading.value is None and before.reading.value is not None:
            self.readings[place] = before._replace(news=reading.why)
            return
        if _is_number(before.reading.value) and isinstance(reading.value, str):
            self.readings[place] = before._replace(mixed=True)
            return
        mixed = before.mixed or (reading.kind in NUMERIC and isinstance(before.reading.value, str))
        self.readings[place] = Known(reading, at, found.measured, retained, mixed=mixed)
        self.readings.move_to_end(place)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

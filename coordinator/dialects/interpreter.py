"""From a message to its meaning: the dialect is found, told units are put in, counters are looked at, and nothing raises."""

from __future__ import annotations

import logging
from typing import Final

from coordinator.dialects.counters import judge
from coordinator.dialects.interpretation import NUMERIC, Interpretation, Kind, Reading
from coordinator.dialects.memory import Counted, Memory
from coordinator.dialects.message import Message
from coordinator.dialects.table import Read, readers_of
from devices.protocol import limits

_TOPIC: Final = 65_535
"""Bytes of a topic (MQTT 5.0, 1.5.4)."""
INVENTORY: Final = 4 * limits.MIB
"""Bytes of what a bridge tells of all its devices: real networks reach 1 MB."""
_INVENTORY: Final = "/bridge/devices"
_HEAD: Final = 64
"""Bytes of a message that is too large, by which its dialect is found."""
_KEPT_READERS: Final = 1000
"""First levels whose dialects are remembered."""
_RECENT: Final = 300.0
"""Seconds for which a message that carries its own time is news although the broker had kept it."""
RETAINED: Final = "the broker had kept it: its age is unknown"
_log = logging.getLogger(__name__)


class Interpreter:
    """Says what messages mean; remembers, within bounds, what earlier ones told of later ones.

    One interpreter sees the messages of one broker in the order in which they came.
    """

    def __init__(self) -> None:
        self.memory = Memory()
        self.mistakes = 0
        """Messages on which a dialect failed: a mistake of ours, told once in the log."""
        self._readers: dict[str, tuple[Read, ...]] = {}

    def interpret(self, topic: str, payload: bytes, *, retained: bool, at: float) -> Interpretation:
        """Returns what a message means; whatever is wrong with it stands in its ``error``.

        Args:
            topic: byte for byte as it came.
            payload: of any content.
            retained: the retain flag as it arrived: set on what the broker had kept.
            at: when it arrived, in seconds since 1970; 0 if that is not known.
        """
        large = len(payload) > (INVENTORY if topic.endswith(_INVENTORY) else limits.TELEMETRY)
        message = Message(topic, payload[:_HEAD] if large else payload, retained, at, self.memory)
        try:
            found = self._read(message)
        except Exception:  # noqa: BLE001 - strangers' bytes must not end the ingest; counted, and told in the log
            if not self.mistakes:
                _log.exception("a message of %s could not be interpreted; further ones are only counted", topic)
            self.mistakes += 1
            return Interpretation(
                "generic", topic, error="it could not be interpreted, which is a mistake of Midstream's"
            )
        if large:
            pictures = {path: reading for path, reading in found.readings.items() if reading.kind is Kind.EVENT}
            found.readings, found.error = pictures, f"{len(payload)} bytes: so large a message is not looked into"
        if retained:
            found.sign_of_life = False
            if all(reading.kind is not Kind.LIVENESS for reading in found.readings.values()):
                found.signal = None  # it was taken from the message's coming, and that is long ago
            if not found.stale and (found.measured is None or not at or at - found.measured > _RECENT):
                found.stale = RETAINED if found.measured is None else "the broker had kept it, and its own time is past"
        for path, reading in found.readings.items():
            found.readings[path] = self._completed(message, found, path, reading)
        return found

    def _read(self, message: Message) -> Interpretation:
        root = message.levels[0]
        readers = self._readers.get(root)
        if readers is None:
            if len(self._readers) >= _KEPT_READERS:
                self._readers.clear()
            readers = self._readers[root] = readers_of(root)
        for read in readers:
            found = read(message)
            if found is not None:
                return found
        raise AssertionError("the generic dialect knows every message")

    def _completed(self, message: Message, found: Interpretation, path: str, reading: Reading) -> Reading:
        """A reading with the unit that a discovery or a description told, and a word about a counter's odd step."""
        told = self.memory.told.get((message.topic, path))
        if told is not None and reading.kind in NUMERIC:
            reading = reading._replace(unit=told.unit or reading.unit)
            if told.kind is Kind.COUNTER and reading.kind is Kind.GAUGE:
                reading = reading._replace(kind=Kind.COUNTER)
        if told is not None and told.device and found.dialect == "generic":
            found.device = told.device
        if reading.kind in (Kind.COUNTER, Kind.DAILY) and not found.stale:
            return self._counted((message.topic, found.part, path), reading, message.at)
        return reading

    def _counted(self, key: tuple[str, str, str], reading: Reading, at: float) -> Reading:
        """A counter's reading with a word about its step; without its value where no time can have passed for that."""
        value = reading.value
        if isinstance(value, str | bool | None):
            return reading
        before = self.memory.counted.get(key)
        if before is not None:
            seconds = at - before.at if before.at else 0.0
            step = judge(before.value, float(value), seconds, kind=reading.kind, unit=reading.unit)
            if step.impossible:
                return reading._replace(value=None, why=step.words, raw=str(value))
            if step.words:
                reading = reading._replace(why=step.words)
        self.memory.counted[key] = Counted(float(value), at)
        return reading

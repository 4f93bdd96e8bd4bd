"""Every device that was heard: its readings, and whether it is there. A watcher of the facts, within bounds.

Rules come first: a message is interpreted at once only while there is time for it in this second, and a topic that
speaks more often than once a second only then; of what has to wait the newest of each topic counts.

Beacons and neighbours' sensors bring new names without end, most of them heard once. So a device that was heard a few
times only gives way to others of its sort, never to one that is at home here; and each device has so many readings.

A reading stays until a better one comes: null and "no number" are no news, and what the broker had kept does not take
the place of what was heard live.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from coordinator.dialects.interpretation import NUMERIC, Interpretation, Kind, Reading, Signal, Value
from coordinator.dialects.interpreter import Interpreter
from coordinator.dialects.memory import Recent
from coordinator.ingest.liveness import Liveness, Signs, judge
from devices.protocol import limits
from devices.protocol.messages import HubMetrics

RESIDENTS: Final = 2000
"""Devices that were heard often enough to be at home here."""
NEWCOMERS: Final = 500
"""Devices that were heard less often."""
READINGS: Final = 300
"""Readings of one device."""
EACH_SECOND: Final = 500
"""Messages that are interpreted within a second: some tenth of one core."""
WAITING: Final = 5000
"""Topics whose newest message waits for its turn; of more, which no home has, nothing is told here."""
WAITING_BYTES: Final = 8 * limits.MIB
"""Bytes of all of them."""
_PAUSE: Final = 1.0  # seconds between two messages of one topic that are interpreted at once
_EVERY_ONE: Final = "spBv1.0/"  # births and sequence numbers: each message counts
_AT_HOME: Final = 3  # messages, of which none came within the same second as the one before
_SAME: Final = 1.0
_ROAMING: Final = frozenset({"meshtastic", "openmqttgateway", "rtl_433"})
"""Dialects whose devices are on the air, and heard by whichever bridge is near: one and the same through all of them."""

Key = tuple[str, str, str]
"""Dialect, bridge and name of a device."""
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
    first: float
    at: float = 0.0
    messages: int = 0
    utterances: int = 0
    error: str = ""  # why its last message that could not be read could not
    unreadable: int = 0
    forgotten: int = 0  # readings that had to go because there are too many
    signs: Signs = field(default_factory=Signs)
    readings: OrderedDict[Place, Known] = field(default_factory=OrderedDict)


class _Waiting(NamedTuple):
    """A topic's newest message that waits, and for how many it stands."""

    payload: bytes
    retained: bool
    at: float
    times: int


class Devices:
    """All devices.

    Args:
        own: the first levels of topics that are no device's: Midstream's.
        wall: the time of day in seconds since 1970.
    """

    def __init__(self, own: str, wall: Callable[[], float] = time.time) -> None:
        self.forgotten = 0
        """Devices that had to go because there are too many."""
        self._own = f"{own}/"
        self._wall = wall
        self._interpreter = Interpreter()
        self._residents: OrderedDict[Key, Device] = OrderedDict()
        self._newcomers: OrderedDict[Key, Device] = OrderedDict()
        self._listening: float | None = None
        self._left = EACH_SECOND  # in this second
        self._looked: Recent[str, float] = Recent()  # by topic, when its last message was interpreted
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._waiting_bytes = 0

    def heard(self, topic: str, payload: bytes, *, retained: bool, at: float) -> None:
        """A telemetry message came."""
        if topic.startswith(self._own):
            return
        if self._listening is None:
            self._listening = at
        before = self._waiting.pop(topic, None)
        count = 1
        if before is not None:
            self._waiting_bytes -= len(before.payload)
            count += before.times
        last = self._looked.get(topic)
        soon = last is not None and at - last < _PAUSE and not topic.startswith(_EVERY_ONE)
        if soon or self._left <= 0:
            self._put_off(topic, _Waiting(payload, retained, at, count))
        else:
            self._look(topic, _Waiting(payload, retained, at, count))

    def deaf(self) -> None:
        """Telemetry's connection was lost: silence proves nothing until it is back."""
        self._listening = None

    def passed(self, at: float) -> None:
        """Time has passed while everything could be heard: what waits has its turn, what came first first."""
        if self._listening is None:
            self._listening = at
        self._left = EACH_SECOND
        self.catch_up()

    def catch_up(self) -> None:
        """Interprets what waits, as far as there is time for it in this second."""
        while self._waiting and self._left > 0:
            topic, message = self._waiting.popitem(last=False)
            self._waiting_bytes -= len(message.payload)
            self._look(topic, message)

    def measured(self, hub: str, metrics: HubMetrics, at: float) -> None:
        """Hubs are no devices."""

    def hub_gone(self, hub: str) -> None:
        """Hubs are no devices."""

    def instance_gone(self, instance: str) -> None:
        """Nor are instances."""

    def every(self) -> Iterator[Device]:
        """Gives each device."""
        yield from self._residents.values()
        yield from self._newcomers.values()

    def liveness(self, device: Device, now: float) -> tuple[Liveness, str]:
        """Returns whether a device is there, and why that is thought.

        Args:
            device: it.
            now: the present on the clock of the messages.
        """
        listening = now if self._listening is None else self._listening
        bridge = None
        if device.bridge:
            key = (device.dialect, "", device.bridge)
            through = self._residents.get(key) or self._newcomers.get(key)
            if through is not None and through is not device:
                bridge = through.name, judge(through.signs, now, listening, None)[0]
        return judge(device.signs, now, listening, bridge)

    def age(self, known: Known, now: float) -> float | None:
        """Returns how old a reading is in seconds; ``None`` if nobody knows."""
        if known.measured is not None:
            return max(0.0, self._wall() - known.measured)
        return None if known.kept else max(0.0, now - known.at)

    def _put_off(self, topic: str, message: _Waiting) -> None:
        self._waiting[topic] = message
        self._waiting_bytes += len(message.payload)
        while len(self._waiting) > WAITING or self._waiting_bytes > WAITING_BYTES:
            _, gone = self._waiting.popitem(last=False)
            self._waiting_bytes -= len(gone.payload)

    def _look(self, topic: str, message: _Waiting) -> None:
        self._left -= 1
        self._looked[topic] = message.at
        retained = message.retained
        found = self._interpreter.interpret(topic, message.payload, retained=retained, at=self._wall())
        if found.device:
            self._take(topic, found, retained=retained, at=message.at, count=message.times)

    def _take(self, topic: str, found: Interpretation, *, retained: bool, at: float, count: int) -> None:
        device = self._device(found, at)
        device.dialect, device.bridge = found.dialect, found.bridge
        device.messages += count
        if at - device.at > _SAME or device.utterances == 0:
            device.utterances += 1
        device.at = at
        if found.error:
            device.error, device.unreadable = found.error, device.unreadable + 1
        if found.signal is not None:
            word = next((r.value for r in found.readings.values() if r.kind is Kind.LIVENESS), "")
            device.signs.told(found.signal, str(word), at, kept=retained)
        live = found.sign_of_life or (found.signal is Signal.UP and not retained)
        if live and not found.stale:
            device.signs.heard(at)
        for path, reading in found.readings.items():
            if reading.kind is Kind.DELETION:
                _delete(device, topic)
            else:
                _merge(device, (topic, found.part, path), reading, found, at, retained=retained)
        while len(device.readings) > READINGS:
            device.readings.popitem(last=False)
            device.forgotten += 1
        if not device.readings and device.signs.signal is None and not device.error:
            self._residents.pop(_key(found), None)
            self._newcomers.pop(_key(found), None)

    def _device(self, found: Interpretation, at: float) -> Device:
        """Returns whom a message is about, as the one that was heard last."""
        key = _key(found)
        device = self._residents.get(key)
        if device is not None:
            self._residents.move_to_end(key)
            return device
        device = self._newcomers.pop(key, None) or Device(found.dialect, found.device, found.bridge, at)
        if device.utterances >= _AT_HOME:
            self._residents[key] = device
            self._forget(self._residents, RESIDENTS)
        else:
            self._newcomers[key] = device
            self._forget(self._newcomers, NEWCOMERS)
        return device

    def _forget(self, devices: OrderedDict[Key, Device], most: int) -> None:
        if len(devices) > most:
            devices.popitem(last=False)
            self.forgotten += 1


def _key(found: Interpretation) -> Key:
    dialect = "homie" if found.dialect.startswith("homie") else found.dialect  # of which version, is heard later
    return dialect, "" if dialect in _ROAMING else found.bridge, found.device


def _delete(device: Device, topic: str) -> None:
    """What was kept on a topic is gone."""
    for place in [place for place in device.readings if place[0] == topic]:
        del device.readings[place]


def _merge(device: Device, place: Place, reading: Reading, found: Interpretation, at: float, *, retained: bool) -> None:
    """Puts a reading in the place of the one before, where it says more."""
    before = device.readings.get(place)
    if before is not None and retained and not before.kept:
        return
    if found.stale and not retained and any(other[1:] == place[1:] for other in device.readings):
        return  # a repeat, perhaps by another way, or history: the newer one is known
    if before is not None and reading.value is None and before.reading.value is not None:
        device.readings[place] = before._replace(news=reading.why)
        return
    mixed = before is not None and before.mixed
    if before is not None and _is_number(before.reading.value) and isinstance(reading.value, str):
        device.readings[place] = before._replace(mixed=True)
        return
    if before is not None and reading.kind in NUMERIC and isinstance(before.reading.value, str):
        mixed = True
    device.readings[place] = Known(reading, at, found.measured, retained, mixed=mixed)
    device.readings.move_to_end(place)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""Every device that was heard: its readings, and whether it is there. A watcher of the facts, within bounds.

Beacons and neighbours' sensors bring new names without end, most of them heard once. So a device that was heard a few
times only gives way to others of its sort, never to one that is at home here.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.interpreter import Interpreter
from coordinator.ingest.device import Device, Known
from coordinator.ingest.liveness import Liveness, judge
from coordinator.ingest.turns import Turns, Waiting
from devices.protocol.messages import HubMetrics

RESIDENTS: Final = 2000
"""Devices that were heard often enough to be at home here."""
NEWCOMERS: Final = 500
"""Devices that were heard less often."""
TOGETHER: Final = 50_000
"""Readings of all devices, at some 500 bytes each."""
_AT_HOME: Final = 3  # messages, of which none came within the same second as the one before
_BY_NAME_ALONE: Final = frozenset({"meshtastic", "openmqttgateway", "rtl_433", "homie5"})
"""Dialects whose devices are the same whatever they speak through: on the air whichever bridge is near hears them."""

Key = tuple[str, str, str]
"""Dialect, bridge and name of a device."""


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
        self._turns = Turns()
        self._residents: OrderedDict[Key, Device] = OrderedDict()
        self._newcomers: OrderedDict[Key, Device] = OrderedDict()
        self._readings = 0  # of all devices
        self._listening: float | None = None

    def heard(self, topic: str, payload: bytes, *, retained: bool, at: float) -> None:
        """A telemetry message came."""
        if topic.startswith(self._own):
            return
        if self._listening is None:
            self._listening = at
        message = self._turns.turn(topic, Waiting(payload, retained, at))
        if message is not None:
            self._look(topic, message)

    def deaf(self) -> None:
        """Telemetry's connection was lost: silence proves nothing until it is back."""
        self._listening = None

    def passed(self, at: float) -> None:
        """Time has passed while everything could be heard: what waits has its turn."""
        if self._listening is None:
            self._listening = at
        self._turns.next_second()
        self.catch_up()

    def catch_up(self) -> None:
        """Looks into what waits, as far as there is time for it."""
        for topic, message in self._turns.due():
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
        bridge, through = None, self._bridge_of(device)
        if through is not None:
            bridge = through.name, judge(through.signs, now, listening, None)[0]
        return judge(device.signs, now, listening, bridge)

    def age(self, known: Known, now: float) -> float | None:
        """Returns how old a reading is in seconds; ``None`` if nobody knows."""
        if known.measured is not None:
            return max(0.0, self._wall() - known.measured)
        return None if known.kept else max(0.0, now - known.at)

    def _look(self, topic: str, message: Waiting) -> None:
        retained, at = message.retained, message.at
        found = self._interpreter.interpret(topic, message.payload, retained=retained, at=self._wall())
        if not found.device or (_only_describes(found) and not self._is_known(found)):
            return
        device = self._device(found)
        before = len(device.readings)
        alive = device.take(topic, found, retained=retained, at=at, times=message.times)
        self._readings += len(device.readings) - before
        through = self._bridge_of(device)
        if alive and through is not None:
            through.signs.heard(at)  # it has passed this on
        if device.nothing:
            self._residents.pop(_key(found), None)
            self._newcomers.pop(_key(found), None)
        while self._readings > TOGETHER:
            self._forget(self._newcomers or self._residents)

    def _is_known(self, found: Interpretation) -> bool:
        key = _key(found)
        return key in self._residents or key in self._newcomers

    def _bridge_of(self, device: Device) -> Device | None:
        """Returns what a device speaks through, if that has spoken itself."""
        key = (device.dialect, "", device.bridge)
        through = (self._residents.get(key) or self._newcomers.get(key)) if device.bridge else None
        return None if through is device else through

    def _device(self, found: Interpretation) -> Device:
        """Returns whom a message is about, as the one that was heard last."""
        key = _key(found)
        device = self._residents.get(key)
        if device is not None:
            self._residents.move_to_end(key)
            return device
        device = self._newcomers.pop(key, None) or Device(found.dialect, found.device, found.bridge)
        at_home = device.utterances >= _AT_HOME
        devices, most = (self._residents, RESIDENTS) if at_home else (self._newcomers, NEWCOMERS)
        devices[key] = device
        if len(devices) > most:
            self._forget(devices)
        return device

    def _forget(self, devices: OrderedDict[Key, Device]) -> None:
        _, gone = devices.popitem(last=False)
        self._readings -= len(gone.readings)
        self.forgotten += 1


def _only_describes(found: Interpretation) -> bool:
    """Whether a message tells of settings and units alone: nobody has spoken yet."""
    kinds = {reading.kind for reading in found.readings.values()}
    return found.signal is None and not found.error and kinds <= {Kind.CONFIG, Kind.DELETION}


def _key(found: Interpretation) -> Key:
    dialect = "homie" if found.dialect in ("homie3", "homie4") else found.dialect  # which of them, is heard later
    return dialect, "" if dialect in _BY_NAME_ALONE else found.bridge, found.device

"""The devices that were heard, as rows."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable

from coordinator.ingest.device import Device, Known, Place
from coordinator.ingest.devices import Devices
from coordinator.views.observed import DeviceRow, ReadingRow
from devices.errors import RefusedError, printable


def rows(devices: Devices, named: str = "") -> list[DeviceRow]:
    """Returns the devices that were heard, by name.

    Args:
        devices: all of them.
        named: only that one: its name, its bridge and name with a slash between, or the last levels of its name.

    Raises:
        RefusedError: none of that name was heard.
    """
    devices.catch_up()
    now = time.monotonic()
    every = sorted(devices.every(), key=lambda device: (device.dialect, device.bridge, device.name))
    wanted = [device for device in every if _is_called(device, named)] if named else every
    if named and not wanted:
        raise RefusedError(
            f"no device {printable(named, 100)!r} has been heard",
            remedy="midstream devices lists those that were; docs/devices.md says which topics are listened to",
        )
    twins = _twins(every)
    return [
        _row(devices, device, now, twins.get((device.dialect, device.bridge, device.name), "")) for device in wanted
    ]


def _is_called(device: Device, named: str) -> bool:
    name = device.name
    return named in (name, f"{device.bridge}/{name}") or name.endswith(f"/{named}")


def _twins(every: Iterable[Device]) -> dict[tuple[str, str, str], str]:
    """Devices whose names look the same: composed and decomposed letters, which are different topics."""
    seen: dict[tuple[str, str, str], Device] = {}
    twins = {}
    for device in every:
        look = (device.dialect, device.bridge, unicodedata.normalize("NFC", device.name))
        if look in seen:
            twins[device.dialect, device.bridge, device.name] = seen[look].name
        seen.setdefault(look, device)
    return twins


def _row(devices: Devices, device: Device, now: float, twin: str) -> DeviceRow:
    liveness, why = devices.liveness(device, now)
    alive = device.signs.alive
    return DeviceRow(
        device=device.name,
        dialect=device.dialect,
        bridge=device.bridge,
        liveness=liveness,
        why=why,
        heard=None if alive is None else round(max(0.0, now - alive), 1),
        messages=device.messages,
        readings=[_reading(devices, place, known, now) for place, known in sorted(device.readings.items())],
        unreadable=device.unreadable,
        error=device.error,
        forgotten=device.forgotten,
        same_as=twin,
    )


def _reading(devices: Devices, place: Place, known: Known, now: float) -> ReadingRow:
    topic, part, path = place
    reading, age = known.reading, devices.age(known, now)
    notes = [reading.why] if reading.why else []
    if known.news:
        notes.append(f"since then: {known.news}")
    if known.mixed:
        notes.append("numbers and words alternate here")
    return ReadingRow(
        topic=topic,
        path=path,
        value=reading.value,
        unit=reading.unit,
        kind=reading.kind,
        age=None if age is None else round(age, 1),
        why="; ".join(notes),
        raw=reading.raw,
        part=part,
    )

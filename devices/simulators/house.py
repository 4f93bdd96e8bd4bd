"""A house full of simulated devices: what there is, who speaks, and what a message of theirs is the number of."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from devices.errors import UnreachableError, UsageError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.device import DeviceConnection
from devices.mqtt.kind import BrokerKind, probe
from devices.mqtt.session import Session
from devices.simulators.device import Device, Publication
from devices.simulators.esphome import EsphomeNode
from devices.simulators.pace import Pace
from devices.simulators.shelly import ShellyMeter
from devices.simulators.tasmota import TasmotaPlug
from devices.simulators.zigbee2mqtt import ZigbeeMotionSensor

FIRMWARES: Final[Mapping[str, Callable[[str], Device]]] = MappingProxyType(
    {"tasmota": TasmotaPlug, "zigbee2mqtt": ZigbeeMotionSensor, "shelly": ShellyMeter, "esphome": EsphomeNode}
)
"""By the names that `simulate` takes; each is made with its site."""

EVERY: Final = 10.0
"""Seconds between two readings of a device: the shortest TelePeriod of Tasmota."""

Sent = dict[str, list[int]]
"""The numbers of the readings that each device has sent, by the device's name."""


def furnish(site: str = "", firmwares: Iterable[str] = FIRMWARES) -> list[Device]:
    """Returns a device of each firmware.

    Args:
        site: the levels before all topics; see `Device`.
        firmwares: names of `FIRMWARES`.

    Raises:
        UsageError: there is no such firmware.
    """
    unknown = [name for name in firmwares if name not in FIRMWARES]
    if unknown:
        raise UsageError(f"there is no simulated {unknown[0]!r}", remedy=f"choose from {', '.join(FIRMWARES)}")
    return [FIRMWARES[name](site) for name in firmwares]


def reading_of(devices: Iterable[Device], topic: str, payload: bytes) -> tuple[str, int] | None:
    """Returns device and number of a message, ``None`` if it is no numbered reading of any of them."""
    for device in devices:
        if device.numbered == topic:
            with contextlib.suppress(ValueError):
                return device.name, device.number(payload)
    return None


async def simulate(
    address: BrokerAddress,
    devices: list[Device],
    *,
    every: float = EVERY,
    readings: int | None = None,
    window: int = 0,
    applied: str = "",
    log: Callable[[str], None] = print,
) -> Sent:
    """Lets devices speak until they have said so much, or until it is cancelled.

    Each has its own connection and its own clock, and begins at its own moment within the first ``every`` seconds.

    Args:
        address: the broker.
        devices: those of `furnish`.
        every: seconds between two readings of one device; 0 for as fast as the window lets them.
        readings: of all devices together, shared out evenly; ``None`` for no end.
        window: readings that may be under way until the function has reported them; 0 for no such limit.
        applied: the topic of those reports (`devices.simulators.pace.Applied`); needed with a window.
        log: told a line as each device comes and goes.

    Raises:
        UnreachableError: no broker there, or it was lost.
        UsageError: a window without the topic of the reports.
    """
    if window and not applied:
        raise UsageError("a window needs the topic on which the function reports what it has applied")
    pace = Pace(window) if window else None
    listener = Session(address, f"midstream-sim-{secrets.token_hex(4)}", clean_start=True, session_expiry=0)
    async with listener as session:
        mqtt5 = await probe(session) is BrokerKind.EMBEDDED  # its one listener knows nothing else
        if pace:
            await session.subscribe({applied: 1})
        talk = _Talk(address, mqtt5, every, pace, log)
        shares = [readings if readings is None else _share(readings, n, len(devices)) for n in range(len(devices))]
        try:
            async with asyncio.TaskGroup() as tasks:
                hearing = tasks.create_task(_hear(session, pace), name="reports")
                speaking = [
                    tasks.create_task(talk.speak(device, share), name=device.name)
                    for device, share in zip(devices, shares, strict=True)
                ]
                numbers = await asyncio.gather(*speaking)
                hearing.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None  # the first is the reason, the others were cancelled because of it
    return {device.name: told for device, told in zip(devices, numbers, strict=True)}


async def clear(address: BrokerAddress, devices: Iterable[Device]) -> None:
    """Removes what the broker has kept of the devices' retained messages.

    Raises:
        UnreachableError: no broker there, or it was lost.
    """
    listener = Session(address, f"midstream-sim-{secrets.token_hex(4)}", clean_start=True, session_expiry=0)
    async with listener as session:
        for device in devices:
            said = [*device.birth(), *device.reading(1), *device.farewell()]
            for topic in {publication.topic for publication in said if publication.retain}:
                await session.publish(topic, b"", qos=1, retain=True)


def _share(readings: int, index: int, devices: int) -> int:
    return readings // devices + (index < readings % devices)


async def _hear(session: Session, pace: Pace | None) -> None:
    async for delivery in session.deliveries():
        if pace:
            await pace.applied(delivery.payload)


@dataclass(frozen=True, slots=True)
class _Talk:
    """How the devices of one run speak."""

    address: BrokerAddress
    mqtt5: bool
    every: float
    pace: Pace | None
    log: Callable[[str], None]

    async def speak(self, device: Device, count: int | None) -> list[int]:
        """Lets a device say ``count`` readings; returns their numbers."""
        sent: list[int] = []
        async with DeviceConnection(self.address, device.client_id, will=device.will, mqtt5=self.mqtt5) as connection:
            try:
                await _say(connection, device.birth())
                self.log(f"{device.name} is there: {device.numbered}")
                clock = asyncio.get_running_loop().time
                due = clock() + self.every * secrets.randbelow(1000) / 1000
                while count is None or len(sent) < count:
                    _obey_cancellation()
                    await asyncio.sleep(max(0.0, due - clock()))
                    due = max(due + self.every, clock())
                    if self.pace:
                        await self.pace.take()
                    said = device.reading(len(sent) + 1)
                    await _say(connection, said)
                    sent.extend(device.number(one.payload) for one in said if one.topic == device.numbered)
            finally:
                with contextlib.suppress(UnreachableError):  # the broker went first, and tells its will
                    await _say(connection, device.farewell())
        self.log(f"{device.name} has said all: {len(sent)} readings")
        return sent


def _obey_cancellation() -> None:
    """Raises a cancellation that was lost: ``asyncio.wait_for``, which aiomqtt uses, loses some before Python 3.12."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _say(connection: DeviceConnection, publications: Iterable[Publication]) -> None:
    for one in publications:
        await connection.publish(one.topic, one.payload, qos=one.qos, retain=one.retain)

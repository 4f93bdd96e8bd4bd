"""What a simulated device is, whatever its firmware."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Protocol

from devices.mqtt.delivery import Will


@dataclass(frozen=True, slots=True)
class Publication:
    """One message as the firmware sends it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Device(Protocol):
    """A device, made with the `site`: the levels that stand before all its topics, empty for the firmware's default.

    Each firmware has a setting for them: Tasmota's FullTopic, Zigbee2MQTT's base_topic, Shelly's and ESPHome's
    topic_prefix.

    Its readings are numbered **by what the firmware itself counts** (an energy counter, the time of the last radio
    contact): `number` finds it in the payload, so that a proof needs nothing that a real device would not send.
    """

    name: str
    client_id: str
    will: Will
    numbered: str
    """The topic of its numbered readings."""

    def birth(self) -> list[Publication]:
        """Returns what it says when it has connected."""

    def reading(self, count: int) -> list[Publication]:
        """Returns what it says the ``count``-th time, from 1; exactly one of it is numbered."""

    def farewell(self) -> list[Publication]:
        """Returns what it says before it disconnects on purpose."""

    def number(self, payload: bytes) -> int:
        """Returns the number of a numbered reading.

        Raises:
            ValueError: the payload is no reading of this device.
        """


def hardware_id(site: str, digits: int) -> str:
    """Returns hexadecimal digits as of a hardware address, the same for a site each time, for client ids."""
    return f"{zlib.crc32(site.encode()):012X}"[-digits:]


def below(site: str, topic: str) -> str:
    """Returns a topic with the site before it."""
    return f"{site}/{topic}" if site else topic

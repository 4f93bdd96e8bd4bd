"""A motion sensor behind Zigbee2MQTT.

After Zigbee2MQTT's documents and source (lib/mqtt.ts, lib/controller.ts): the bridge's state is retained, at QoS 1, and
its will; the device's state is the merged cache, at QoS 0, not retained unless the user says so. ``last_seen`` (a
setting, here ``ISO_8601_local`` as recorded) is the time of the last radio contact: every 10 s here.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

import msgspec

from devices.mqtt.delivery import Will
from devices.simulators.device import Publication, below, hardware_id
from devices.simulators.recorded import recorded, telling

_DEVICE: Final = "0x00158d0000000001"
_STATE: Final = f"zigbee2mqtt/{_DEVICE}"
_BRIDGE: Final = "zigbee2mqtt/bridge/state"
_START: Final = datetime(2022, 1, 28, 20, 13, 13, tzinfo=timezone(timedelta(hours=1)))
_CONTACT: Final = timedelta(seconds=10)


class _State(msgspec.Struct):
    last_seen: str


class ZigbeeMotionSensor:
    """The sensor with its bridge; its readings are numbered by ``last_seen``, in seconds since 1970."""

    def __init__(self, site: str = "", name: str = _DEVICE) -> None:
        self.name = name
        self.client_id = f"mqttjs_{hardware_id(site + name, 8).lower()}"
        base = below(site, "zigbee2mqtt")
        self.numbered = f"{base}/{name}"
        offline = recorded(_BRIDGE, '{"state":"offline"}')
        self.will = Will(f"{base}/bridge/state", offline.payload.encode(), offline.qos, offline.retain)

    def birth(self) -> list[Publication]:
        """The bridge is online, retained."""
        online = recorded(_BRIDGE, '{"state":"online"}')
        return [Publication(self.will.topic, online.payload.encode(), online.qos, online.retain)]

    def reading(self, count: int) -> list[Publication]:
        """The merged state, 10 s after the one before."""
        state = recorded(_STATE)
        seen = (_START + count * _CONTACT).isoformat()
        temperature = f"{27 + count % 7 / 10:g}"
        told = telling(state.payload, {"last_seen": f'"{seen}"', "temperature": temperature})
        return [Publication(self.numbered, told, state.qos, state.retain)]

    def farewell(self) -> list[Publication]:
        """The bridge is offline, retained."""
        return [Publication(self.will.topic, self.will.payload, self.will.qos, self.will.retain)]

    def number(self, payload: bytes) -> int:
        """``last_seen`` in seconds since 1970."""
        return int(datetime.fromisoformat(msgspec.json.decode(payload, type=_State).last_seen).timestamp())

"""A Shelly of the second generation that meters a small solar plant.

After Shelly's documents (Gen2, Switch and MQTT) and recorded messages: with "generic status update" on, the whole
status of a component at QoS 1, not retained, when it changes. ``aenergy.total`` counts Wh. ``online`` is ``true``, and
``false`` as will; whether it is retained the documents do not say, so it is not here, which is the harder case for
whoever comes later.
"""

from __future__ import annotations

from typing import Final

import msgspec

from devices.mqtt.delivery import Will
from devices.simulators.device import Publication, below, hardware_id
from devices.simulators.recorded import recorded, telling

_STATUS: Final = "shelly-pv/status/switch:0"
_TOTAL: Final = 1039.106  # Wh at the start
_MINUTE: Final = 1657970342  # the recorded minute_ts
_SECONDS: Final = 3600 / 639.2  # for one Wh


class _Energy(msgspec.Struct):
    total: float


class _Status(msgspec.Struct):
    aenergy: _Energy


class ShellyMeter:
    """The meter; its readings are numbered by ``aenergy.total``, in whole Wh."""

    def __init__(self, site: str = "", name: str = "shelly-pv") -> None:
        self.name = name
        self.client_id = f"shellyplus1pm-{hardware_id(site + name, 12).lower()}"
        prefix = below(site, name)
        self.numbered = f"{prefix}/status/switch:0"
        self.will = Will(f"{prefix}/online", b"false", 0, retain=False)

    def birth(self) -> list[Publication]:
        """``true``."""
        return [Publication(self.will.topic, b"true", self.will.qos, self.will.retain)]

    def reading(self, count: int) -> list[Publication]:
        """The switch's whole status with one Wh more than before."""
        status = recorded(_STATUS)
        minute = _MINUTE + 60 * (round(count * _SECONDS) // 60)
        told = telling(status.payload, {"total": f"{_TOTAL + count:.3f}", "minute_ts": str(minute)})
        return [Publication(self.numbered, told, status.qos, status.retain)]

    def farewell(self) -> list[Publication]:
        """``false``."""
        return [Publication(self.will.topic, self.will.payload, self.will.qos, self.will.retain)]

    def number(self, payload: bytes) -> int:
        """``aenergy.total`` in whole Wh."""
        return int(msgspec.json.decode(payload, type=_Status).aenergy.total)

"""A node with ESPHome that measures one circuit.

After ESPHome's documents and source (components/mqtt): a topic for each sensor with a plain number, at QoS 0, retained
by default; birth, will and shutdown message on ``<prefix>/status``, retained. Beside the recorded power there is the
sensor that people put on top of it, ``integration`` (kWh, three decimals): it counts, and never falls.
"""

from __future__ import annotations

from typing import Final

from devices.mqtt.delivery import Will
from devices.simulators.device import Publication, below, hardware_id
from devices.simulators.recorded import recorded

_POWER: Final = "emporiavue2/sensor/circuit_3_power/state"
_STATUS: Final = "livingroom/status"


class EsphomeNode:
    """The node; its readings are numbered by the energy, in Wh."""

    def __init__(self, site: str = "", name: str = "emporiavue2") -> None:
        self.name = name
        self.client_id = f"{name}-{hardware_id(site + name, 12).lower()}"
        self._prefix = below(site, name)
        self._online = recorded(_STATUS)
        self.numbered = f"{self._prefix}/sensor/circuit_3_energy/state"
        self.will = Will(f"{self._prefix}/status", b"offline", self._online.qos, self._online.retain)

    def birth(self) -> list[Publication]:
        """``online``, retained."""
        return [Publication(self.will.topic, self._online.payload.encode(), self._online.qos, self._online.retain)]

    def reading(self, count: int) -> list[Publication]:
        """The power, and the energy with one Wh more than before; both retained."""
        power = recorded(_POWER)
        energy = f"{count / 1000:.3f}".encode()
        return [
            Publication(
                f"{self._prefix}/sensor/circuit_3_power/state", power.payload.encode(), power.qos, power.retain
            ),
            Publication(self.numbered, energy, power.qos, power.retain),
        ]

    def farewell(self) -> list[Publication]:
        """``offline``, retained: the shutdown message."""
        return [Publication(self.will.topic, self.will.payload, self.will.qos, self.will.retain)]

    def number(self, payload: bytes) -> int:
        """The energy in Wh."""
        return round(float(payload) * 1000)

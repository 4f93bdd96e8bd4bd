"""A plug with energy meter and Tasmota.

After Tasmota's documents (MQTT.md, JSON-Status-Responses.md): at QoS 0, each TelePeriod a STATE and a SENSOR, not
retained; LWT retained, "Online" at connect, "Offline" as will at QoS 1, and by hand before it sleeps. The meter counts
whole Wh here: 360 W and the shortest TelePeriod, 10 s, make one a message. ``Today`` falls to zero at midnight.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from devices.mqtt.delivery import Will
from devices.simulators.device import Publication, below, hardware_id
from devices.simulators.recorded import recorded, telling

_PERIOD: Final = timedelta(seconds=10)
_SENSOR: Final = "tele/pow-01/SENSOR"
_STATE: Final = "tele/tasmota_A1B2C3/STATE"
_LWT: Final = "tele/tasmota_A1B2C3/LWT"
_START: Final = datetime(2018, 5, 22, 2, 3, 59)  # noqa: DTZ001 - Tasmota's Time is local and names no zone
_TOTAL: Final = 52  # Wh at the start


class _Energy(msgspec.Struct):
    Total: float


class _Sensor(msgspec.Struct):
    ENERGY: _Energy


class TasmotaPlug:
    """The plug; its readings are numbered by ``ENERGY.Total``, in Wh."""

    def __init__(self, site: str = "", name: str = "plug") -> None:
        self.name = name
        self.client_id = f"DVES_{hardware_id(site + name, 6)}"
        self._tele = below(site, f"tele/{name}")
        self.numbered = f"{self._tele}/SENSOR"
        offline = recorded(_LWT, "Offline")
        self.will = Will(f"{self._tele}/LWT", offline.payload.encode(), offline.qos, offline.retain)

    def birth(self) -> list[Publication]:
        """``Online``, retained."""
        online = recorded(_LWT, "Online")
        return [Publication(f"{self._tele}/LWT", online.payload.encode(), online.qos, online.retain)]

    def reading(self, count: int) -> list[Publication]:
        """STATE, then SENSOR with one Wh more than before."""
        clock, total = _START + count * _PERIOD, _TOTAL + count
        midnight = clock.replace(hour=0, minute=0, second=0)
        today = total if midnight < _START else (clock - midnight) // _PERIOD
        time = f'"{clock.isoformat()}"'
        state, sensor = recorded(_STATE), recorded(_SENSOR)
        up = timedelta(seconds=66972) + count * _PERIOD
        hours, rest = divmod(up.seconds, 3600)
        uptime = f'"{up.days}T{hours:02}:{rest // 60:02}:{rest % 60:02}"'
        told = telling(state.payload, {"Time": time, "Uptime": uptime, "UptimeSec": str(int(up.total_seconds()))})
        energy = {
            "Time": time,
            "Total": f"{total / 1000:.3f}",
            "Today": f"{today / 1000:.3f}",
            "Period": "1",
            "Power": "360",
            "Factor": "1.00",
            "Current": "1.818",
        }
        return [
            Publication(f"{self._tele}/STATE", told, state.qos, state.retain),
            Publication(self.numbered, telling(sensor.payload, energy), sensor.qos, sensor.retain),
        ]

    def farewell(self) -> list[Publication]:
        """``Offline``, retained, as before deep sleep."""
        return [Publication(self.will.topic, self.will.payload, 0, self.will.retain)]

    def number(self, payload: bytes) -> int:
        """``ENERGY.Total`` in Wh."""
        return round(msgspec.json.decode(payload, type=_Sensor).ENERGY.Total * 1000)

"""Victron's Venus OS: ``N/<portal>/<service>/<instance>/<path>`` with ``{"value": x}``, silent unless somebody keeps it alive.

Null means no reading; no bytes at all mean that the device is gone from the system, as a solar inverter is at dusk. `min` and
`max` beside a value are limits, not readings. Numbers were 32 bits wide.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading, Signal
from coordinator.dialects.leaves import read_all, reading, without_noise
from coordinator.dialects.message import Message
from coordinator.dialects.vocabulary import names, vocabulary

NAME: Final = "victron"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_LAST: Final = vocabulary(
    {
        ("W", _G): "Power P MaxPower DcInputPower",
        ("V", _G): ("Voltage V MidVoltage BatteryVoltage MinCellVoltage MaxCellVoltage MinimumVoltage MaximumVoltage"),
        ("A", _G): "Current I Current2",
        ("VA", _G): "S",
        ("Hz", _G): "F Frequency",
        (None, _G): "PowerFactor NrOfSatellites RawValue",
        ("var", _G): "ReactivePower",
        ("%", _G): "Soc Soh MidVoltageDeviation Humidity Level Efficiency Load",
        ("C", _G): (
            "Temperature AirTemperature CellTemperature ExternalTemperature MinCellTemperature MaxCellTemperature"
        ),
        ("s", _G): "TimeToGo TimeSinceLastFullCharge",
        ("Ah", _G): "ConsumedAmphours Capacity DeepestDischarge LastDischarge AverageDischarge",
        ("Ah", _X): "InstalledCapacity",
        ("kWh", _C): "Forward Reverse User System DischargedEnergy ChargedEnergy",
        ("kWh", _G): "Yield",
        ("kWh", Kind.DAILY): "YieldToday",
        ("V", _X): "NominalVoltage MaxChargeVoltage",
        ("A", _X): "MaxChargeCurrent MaxDischargeCurrent CurrentLimit SetCurrent MaxCurrent",
        ("hPa", _G): "Pressure",
        ("W/m2", _G): "Irradiance",
        ("m/s", _G): "WindSpeed Speed",
        ("deg", _G): "Latitude Longitude Course",
        ("m", _G): "Altitude",
        ("m3", _G): "Remaining",
        (None, _X): (
            "FluidType Serial ProductId ProductName CustomName FirmwareVersion HardwareVersion DeviceInstance "
            "Position DeviceType Role NrOfPhases NumberOfPhases NumberOfTrackers"
        ),
        ("s", _C): "ChargingTime Runtime",
        ("Ah", _C): "TotalAhDrawn",
        (None, _C): "ChargeCycles FullDischarges Count Aggregate",
        ("1/min", _G): "EngineSpeed Speed1",
        ("s", Kind.DAILY): "TodayRuntime",
        (None, Kind.LIVENESS): "Connected",
        (None, _S): "State Mode ErrorCode StatusCode Switch ActiveInput Source Alarm Status",
    }
)
_SETTINGS: Final = frozenset({"settings", "platform", "logger", "modbustcp", "fronius"})
_SERVICES: Final = _SETTINGS | names(
    "system battery solarcharger vebus grid pvinverter inverter multi tank temperature gps genset generator "
    "meteo evcharger charger alternator acload dcload dcsource dcsystem digitalinput pulsemeter hub4 heatpump "
    "motordrive fuelcell acsystem switch vecan qwacs adc"
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Victron's."""
    levels = message.levels
    if levels[0] not in ("N", "R", "W") or len(levels) < 3:
        return None
    portal = levels[1]
    if levels[0] != "N":
        return (
            message.alone(NAME, portal, None, _E, sign_of_life=False)
            if levels[2] in (*_SERVICES, "keepalive")
            else None
        )
    if len(levels) == 3 or levels[2] in ("heartbeat", "keepalive", "full_publish_completed"):
        return _of_portal(message, portal, levels[2])
    service, device = levels[2], "/".join(levels[1:4])
    unit, kind = _meaning(service, levels[4:])
    if message.empty:
        gone = Reading(None, unit, kind, "no bytes: the device is gone from the system")
        return Interpretation(NAME, device, {"value": gone}, bridge=portal, signal=Signal.DOWN, sign_of_life=False)
    value = message.value
    if not isinstance(value, dict):
        return message.alone(NAME, device, unit, kind, bridge=portal)
    result = message.about(NAME, device, bridge=portal)
    found = value.get("value")
    if isinstance(found, dict | list):
        result.readings = read_all({"value": found}, lambda _, __: (None, _S))
    elif "value" in value:
        word = isinstance(found, str) and kind is _G
        result.readings["value"] = without_noise(reading(found, None if word else unit, _S if word else kind))
    result.readings |= read_all({k: v for k, v in value.items() if k in ("min", "max")}, lambda _, __: (unit, _X))
    if not message.retained and found is not None:
        result.signal = Signal.UP  # what was gone at dusk is back
    if kind is Kind.LIVENESS and "value" in value and not isinstance(found, dict | list):
        result.signal = Signal.UP if found == 1 else Signal.DOWN if found == 0 else Signal.UNKNOWN
    return result


def _of_portal(message: Message, portal: str, topic: str) -> Interpretation:
    if message.empty:
        return message.deletion(NAME, portal)
    beating = topic == "heartbeat"
    kind = Kind.LIVENESS if beating else Kind.TIMESTAMP if topic == "full_publish_completed" else _X
    result = message.about(NAME, portal)
    result.readings = read_all(
        message.value, lambda steps, _: ("s" if kind is not _X else None, kind) if steps == ("value",) else (None, _X)
    )
    if beating and not message.retained:
        result.signal = Signal.UP
    return result


def _meaning(service: str, path: list[str]) -> tuple[str | None, Kind]:
    last = path[-1] if path else ""
    if service in _SETTINGS or path[:1] == ["Mgmt"] or path[:1] == ["Settings"]:
        return None, _X
    if path[:1] == ["Alarms"] or "Relay" in path:
        return None, _S
    if service == "tank" and last == "Capacity":
        return "m3", _X
    if last == "Power" and "Pv" in path:
        return "W", _G
    if last.startswith("L") and last[1:].isdecimal() and len(path) > 1:
        last = path[-2]
    if service == "evcharger" and last == "Current":
        return "A", _G
    told = _LAST.get(last)
    if told:
        return told
    if last.endswith("Voltage"):
        return "V", _G
    if last.endswith("Power"):
        return "W", _G
    if last.endswith("Current"):
        return "A", _G
    if last.endswith("Temperature"):
        return "C", _G
    if last.startswith(("Allow", "Has", "Is", "Enable", "Disable")) or last.endswith(
        ("Available", "Enabled", "Active")
    ):
        return None, _S
    return None, _G

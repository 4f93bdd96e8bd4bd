"""Tasmota: ``tele|stat|cmnd/<topic>/<X>``, with the prefix wherever the user's FullTopic puts it.

Units stand in the message only for what can be switched (`TempUnit`, `PressureUnit`, `SpeedUnit`); the others are fixed by
the firmware. `Time` is the device's wall clock, mostly without a zone and in 1970 before the first word from a time
server. In the delta mode of meters only what has changed is told: what is absent is unchanged.
"""

from __future__ import annotations

import re
from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading, Signal
from coordinator.dialects.leaves import Meaning, Step, path_of, read_all, reading
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named, unit_named
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names, vocabulary

NAME: Final = "tasmota"
_G, _C, _D, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.DAILY, Kind.STATE, Kind.CONFIG, Kind.EVENT
_PREFIXES: Final = ("tele", "stat", "cmnd")
_LEAF: Final = re.compile(
    r"LWT|STATE|SENSOR|ENERGY|UPTIME|MARGINS|HASS_STATE|DEEPSLEEP|RESULT|INFO[123]|STATUS\d{0,2}|POWER\d{0,2}|[A-Z][A-Z0-9_]{1,30}"
)
_ZIGBEE: Final = frozenset({"ZbReceived", "ZbInfo", "ZbState", "ZbLight"})
_HAPPENED: Final = names(
    "RestartReason SerialReceived SSerialReceived RfReceived RfRaw IrReceived IrHVAC Action Event UID Command Click Wakeup"
)

_KEYS: Final = vocabulary(
    {
        (None, Kind.TIMESTAMP): "Time TotalStartTime BootTime",
        ("s", Kind.TIMESTAMP): "Epoch LastSeenEpoch",
        ("s", _C): "UptimeSec",
        (None, _C): "Uptime MqttCount BootCount LinkCount Downtime EnergyTotal CurrentSummationDelivered",
        ("V", _G): "Vcc Voltage BatteryVoltage RMSVoltage URMS1",
        ("KiB", _G): "Heap Psr",
        (None, _G): (
            "LoadAvg Infrared Broadband UvIndex UvLevel Range WeightRaw Light Noise AirQuality Factor LinkQuality"
        ),
        ("%", _G): "RSSI Humidity Moisture Load Dimmer White Channel Position BatteryPercentage",
        ("dBm", _G): "Signal",
        (None, _X): (
            "AP SSId BSSId Mode SleepMode TempUnit PressureUnit SpeedUnit Unit Id Device Name "
            "Endpoint Group Setpoint Min Max Type Version Model ADCO OPTARIF"
        ),
        ("ms", _X): "Sleep",
        ("temperature", _G): (
            "Temperature ReferenceTemperature DewPoint HeatIndex ObjectTemperature AmbientTemperature OBJTMP AMBTMP"
        ),
        ("g/m3", _G): "AbsHumidity",
        ("pressure", _G): "Pressure SeaPressure QNH",
        ("lx", _G): "Illuminance Lux",
        ("W/m2", _G): "UvPower",
        ("ppm", _G): "CarbonDioxide CO2 eCO2 TDS",
        ("ppb", _G): "TVOC",
        ("kOhm", _G): "Gas",
        ("ug/m3", _G): "CF1 CF2.5 CF10 PM1 PM2.5 PM10 PM4 PM4.0",
        ("cm", _G): "Distance",
        ("kg", _G): "Weight",
        ("kWh", _C): "Total Energy ExportActive ImportActive ExportTariff TotalTariff",
        ("kWh", _D): "Today TodaySumExport TodaySumImport ExportToday ImportToday",
        ("kWh", _G): "Yesterday",
        ("Wh", _G): "Period",
        ("W", _G): "Power ActivePower",
        ("VA", _G): "ApparentPower PAPP SINSTS",
        ("var", _G): "ReactivePower",
        ("Hz", _G): "Frequency",
        ("A", _G): "Current RMSCurrent IINST IINST1 IINST2 IINST3 IMAX IRMS1",
        ("kvarh", _C): "ExportReactive ImportReactive",
        ("deg", _G): "PhaseAngle Tilt Hue Latitude Longitude",
        ("mired", _G): "CT",
        ("speed", _G): "Speed",
        (None, _S): (
            "Direction Fade Color HSBColor Scheme LedTable Motion Occupancy State Error Pir Contact PTEC MOTDETAT HHPHC"
        ),
        ("%", _S): "Target",
        ("m", _G): "Altitude",
        ("pH", _G): "pH",
        ("uS/cm", _G): "EC",
        ("mV", _G): "ORP",
        (None, Kind.LIVENESS): "Reachable",
        ("s", _G): "LastSeen",
        ("A", _X): "ISOUSC",
        ("Wh", _C): "BASE HCHC HCHP EJPHN EJPHPM EAST EAIT",
    }
)
_UNDER: Final = vocabulary(
    {
        ("mm", _G): "RG-15.Active RG-15.Event VL53L0X.Distance VL53L1X.Distance TOF10120.Distance HRXL.Distance",
        ("mm", _C): "RG-15.Total",
        ("mm/h", _G): "RG-15.FlowRate",
        ("pH", _G): "pH.Data",
        ("mV", _G): "Redox.Data",
        ("mV", _X): "Redox.Setpoint",
        ("ppm", _G): "Chlorine.Data",
        (None, _C): "Runtime.Total Runtime.Part Runtime.Changes Runtime.Pol1 Runtime.Pol2",
        (None, _S): "Filtration.Speed Filtration.Mode pH.Pump pH.FL1 pH.Tank Status.Power Shutter1.Direction",
        (None, _X): "Wifi.Mode Wifi.Channel",
        ("KiB", _G): "Berry.HeapUsed",
        (None, _G): "ESP32.HallEffect",
        ("temperature", _G): "ESP32.Temperature",
    }
)
_INDEXED: Final = re.compile(r"(?:POWER|Switch|Relay|Button|Range|DPower)\d*")
_COUNTER: Final = re.compile(r"C\d|Counter\d*|E\d")
_PROBE: Final = re.compile(r"[-_]\d{1,2}$")  # of several sensors of one type: DS18B20-2
_NUMBER: Final = re.compile(r"\d{1,2}$")  # of several readings of one sensor: Temperature1


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Tasmota's."""
    levels = message.levels
    if levels[:2] == ["tasmota", "discovery"] and len(levels) == 4:
        result = message.about(NAME, levels[2], sign_of_life=False)
        result.readings = read_all(message.value, lambda _, __: (None, _X))
        return result
    if len(levels) < 3 or not _LEAF.fullmatch(levels[-1]):
        return None
    place = next((n for n, level in enumerate(levels[:-1]) if level in _PREFIXES), None)
    if place is None:
        return None
    prefix, leaf = levels[place], levels[-1]
    device = "/".join([*levels[:place], *levels[place + 1 : -1]])
    if prefix == "cmnd":
        return message.alone(NAME, device, None, Kind.EVENT, sign_of_life=False)
    if leaf == "LWT" and not message.empty:
        return message.liveness(NAME, device)
    if message.empty:
        return message.deletion(NAME, device)
    result = message.about(NAME, device)
    if isinstance(message.value, dict):
        _read_object(message.value, leaf, result)
    elif isinstance(message.value, str) or not result.error:
        result.readings[""] = reading(message.value, None, Kind.STATE)
    return result


def _read_object(value: dict[str, Any], leaf: str, result: Interpretation) -> None:
    body = next(iter(value.values())) if len(value) == 1 else value
    inner = body if isinstance(body, dict) else value
    if isinstance(value.get("StatusSNS"), dict):
        inner = value["StatusSNS"]
    units = {
        "temperature": _unit(value, inner, "TempUnit", "C"),
        "pressure": _unit(value, inner, "PressureUnit", "hPa"),
        "speed": _unit(value, inner, "SpeedUnit", None),
    }

    def meaning(steps: tuple[Step, ...], found: Any) -> Meaning:
        return _meaning(steps, found, leaf, value, units)

    result.readings = read_all(value, meaning)
    _mark_faults(value, result.readings)
    for path, read_ in result.readings.items():
        if read_.kind is Kind.COUNTER and read_.raw.startswith("0x"):
            result.readings[path] = _hexadecimal(read_)
        elif read_.kind is Kind.COUNTER and "T" in read_.raw:
            result.readings[path] = Reading(read_.raw, None, Kind.COUNTER, "a duration in days and a time of day")
    result.measured = seconds_in(value.get("Time", inner.get("Time")))
    if "DeepSleep" in value:
        result.signal = Signal.ASLEEP


def _unit(value: dict[str, Any], inner: dict[str, Any], key: str, otherwise: str | None) -> str | None:
    told = value.get(key, inner.get(key))
    return unit_named(told) if isinstance(told, str) else otherwise


def _meaning(
    steps: tuple[Step, ...], found: Any, leaf: str, value: dict[str, Any], units: dict[str, str | None]
) -> Meaning:
    names_ = [step for step in steps if isinstance(step, str)]
    key = names_[-1] if names_ else ""
    above = names_[-2] if len(names_) > 1 else ""
    unit, kind = _of(above, key, found)
    if above == "Hydrolysis" and key in ("Data", "Max", "Setpoint"):
        unit = value["NeoPool"]["Hydrolysis"].get("Unit") if isinstance(value.get("NeoPool"), dict) else None
        unit, kind = (unit_named(unit) if isinstance(unit, str) else None), (_G if key == "Data" else _X)
    if above != "RG-15" and not _HAPPENED.isdisjoint(names_):
        return None, Kind.EVENT
    if leaf.startswith("INFO") or (leaf.startswith("STATUS") and names_[:1] not in (["StatusSNS"], ["StatusSTS"])):
        return unit, _X if kind is not Kind.TIMESTAMP else kind
    if names_ and names_[0] in _ZIGBEE and key in ("Power", "Dimmer"):
        return None, _S if key == "Power" else _G
    if unit in units:
        return units[unit], kind
    return unit, kind


def _of(above: str, key: str, found: Any) -> tuple[str | None, Kind]:
    sensor = _PROBE.sub("", above)
    told = _UNDER.get(f"{above}.{key}") or _UNDER.get(f"{sensor}.{key}")
    if told:
        return told
    if above == "Powerunit" and key[-1:] in "VA":
        return ("mA" if key.endswith("mA") else "V" if key.endswith("V") else None), (
            _X if isinstance(found, str) else _G
        )
    if _INDEXED.fullmatch(key) and not isinstance(found, int | float):
        return None, _S
    if key in _KEYS:
        return _KEYS[key]
    if sensor in ("COUNTER", "ENERGY") and _COUNTER.fullmatch(key):
        return None, _C
    if isinstance(found, str | bool):
        return None, _S
    return _KEYS.get(_NUMBER.sub("", key)) or named(key) or (None, _G)


def _mark_faults(value: Any, readings: dict[str, Reading], steps: tuple[Step, ...] = ()) -> None:
    """Takes the numbers from a thermocouple that says beside them that it has none."""
    for key, part in value.items():
        if not isinstance(part, dict):
            continue
        error = part.get("Error")
        if isinstance(error, int) and error and "Temperature" in part:
            for name in ("Temperature", "ReferenceTemperature"):
                path = path_of((*steps, key, name))
                if path in readings:
                    before = readings[path]
                    why = f"the sensor reports error {error} beside it"
                    readings[path] = before._replace(value=None, why=why, raw=str(before.value))


def _hexadecimal(read_: Reading) -> Reading:
    """A Zigbee meter's count as the bridge passes it on; how much one step is depends on the plug."""
    try:
        return Reading(
            int(read_.raw[:20], 16),
            read_.unit,
            read_.kind,
            "hexadecimal; what one step is depends on the plug",
            read_.raw,
        )
    except ValueError:
        return read_

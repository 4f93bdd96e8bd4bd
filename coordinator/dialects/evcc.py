"""evcc: ``evcc/site/...``, ``evcc/loadpoints/<n>/...``, ``evcc/vehicles/...``, all of it kept by the broker.

A value that is not known is an empty message, and at start and end the whole tree is wiped that way. A list's topic holds its
length, the elements stand below. ``evcc/status`` can stay offline after a broker's restart while values flow:
``evcc/updated`` is the better sign of life.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import read_all, reading
from coordinator.dialects.message import Message
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names, vocabulary

NAME: Final = "evcc"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_KEYS: Final = vocabulary(
    {
        ("s", _C): "chargeDuration connectedDuration sessionDuration",
        ("s", _G): "chargeRemainingDuration phaseRemaining pvRemaining guardRemaining",
        (None, _S): (
            "vehicleClimaterActive phasesActive phasesEnabled phases mode batteryMode vehicleName "
            "vehicleTitle vehicleIdentity planActive phaseAction pvAction"
        ),
        ("Wh", _G): "chargeRemainingEnergy",
        ("Wh", _C): "chargedEnergy sessionEnergy",
        ("kWh", _C): "chargeTotalImport energy importedEnergy exportedEnergy chargedKWh pvEnergy batteryEnergy",
        ("kWh", _X): "limitEnergy planEnergy capacity batteryCapacity",
        ("g/kWh", _G): "avgCo2 tariffCo2 sessionCo2PerKWh co2",
        ("A", _G): "chargeCurrent offeredCurrent currents chargeCurrents",
        ("A", _X): "effectiveMinCurrent effectiveMaxCurrent minCurrent maxCurrent",
        ("%", _X): (
            "minSoc limitSoc planSoc prioritySoc bufferSoc bufferStartSoc targetSoc effectiveLimitSoc "
            "effectivePlanSoc vehicleLimitSoc vehicleTargetSoc"
        ),
        ("%", _G): "soc sessionSolarPercentage solarPercentage",
        ("km", _G): "vehicleRange range",
        ("km", _C): "vehicleOdometer odometer",
        ("W", _X): "residualPower maxGridSupplyWhileBatteryCharging enableThreshold disableThreshold",
        ("s", _X): "enableDelay disableDelay interval",
        (None, _G): "phasesActive phasesEnabled phases greenShareHome greenShareLoadpoints",
        (None, _X): (
            "smartCostLimit priority effectivePriority phasesConfigured title siteTitle name "
            "chargerFeatureIntegratedDevice chargerIcon version currency availableVersion id"
        ),
        ("W", _G): "power powers excessDCPower homePower",
        ("V", _G): "voltages chargeVoltages",
        ("C", _G): "temp",
        ("C", _X): "limitTemp",
        (None, Kind.TIMESTAMP): "planTime effectivePlanTime planProjectedStart",
    }
)
_LISTS: Final = names(
    "pv battery aux ext loadpoints vehicles currents powers voltages chargeCurrents chargeVoltages circuits "
    "forecast plans devices meters"
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is evcc's."""
    levels = message.levels
    if levels[0] != NAME or len(levels) < 2:
        return None
    device = "/".join(levels[1:3]) if levels[1] in ("loadpoints", "vehicles") and len(levels) > 3 else "site"
    bridge = NAME
    if levels[1:] == ["status"]:
        return message.deletion(NAME, NAME) if message.empty else message.liveness(NAME, NAME)
    if message.empty:
        return message.deletion(NAME, device, bridge=bridge)
    if levels[1:] == ["updated"]:
        result = message.alone(NAME, NAME, "s", Kind.LIVENESS)
        result.readings[""] = reading(message.value, "s", _G)._replace(kind=Kind.LIVENESS)
        result.measured = seconds_in(message.value)
        return result
    if levels[-1] == "set":
        return message.alone(NAME, device, None, _E, bridge=bridge, sign_of_life=False)
    if isinstance(message.value, dict | list):
        result = message.about(NAME, device, bridge=bridge)
        result.readings = read_all(message.value, lambda steps, found: _meaning([str(step) for step in steps], found))
        return result
    return message.alone(NAME, device, *_meaning(levels[1:], message.value), bridge=bridge)


def _meaning(path: list[str], found: object) -> tuple[str | None, Kind]:
    last = path[-1]
    if last.isdecimal():
        key = next((level for level in reversed(path) if not level.isdecimal()), "")
        return _KEYS.get(key, (None, _G))
    if last in _LISTS:
        return None, _X
    told = _KEYS.get(last)
    if told:
        return told
    if isinstance(found, bool) or (isinstance(found, str) and not found.lstrip("-").replace(".", "", 1).isdigit()):
        return None, _S
    for end, meaning in _ENDS.items():
        if last.endswith(end):
            return meaning
    return None, _G


_ENDS: Final = vocabulary(
    {
        ("W", _G): "Power",
        ("%", _G): "Soc Percentage",
        ("kWh", _C): "Energy",
        ("A", _G): "Current",
        ("s", _G): "Duration Remaining",
        ("km", _G): "Range",
        ("C", _G): "Temp",
        (None, _X): "Limit",
        ("km", _C): "Odometer",
    }
)

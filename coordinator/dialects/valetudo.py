"""Valetudo's robots: ``valetudo/<robot>/<capability or attribute>/<property>``, a Homie tree with meanings of its own.

Consumables are seconds, whatever the manual says, or percent on other robots: what exceeds 100 is no percentage. The map
is a big picture that the broker keeps.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.homie import interpret
from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import each, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.vocabulary import vocabulary

NAME: Final = "valetudo"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_PROPERTIES: Final = vocabulary(
    {
        ("%", _G): "BatteryStateAttribute.level SpeakerVolumeControlCapability.value",
        (None, _S): (
            "BatteryStateAttribute.status StatusStateAttribute.status StatusStateAttribute.flag "
            "StatusStateAttribute.error StatusStateAttribute.detail StatusStateAttribute.error_description "
            "FanSpeedControlCapability.preset WaterUsageControlCapability.preset "
            "OperationModeControlCapability.preset"
        ),
        ("dBm", _G): "WifiConfigurationCapability.signal",
        (None, _X): (
            "WifiConfigurationCapability.ips WifiConfigurationCapability.ssid "
            "WifiConfigurationCapability.bssid WifiConfigurationCapability.frequency"
        ),
        ("cm2", _C): "CurrentStatisticsCapability.area TotalStatisticsCapability.area",
        ("s", _C): "CurrentStatisticsCapability.time TotalStatisticsCapability.time",
        (None, _C): "CurrentStatisticsCapability.count TotalStatisticsCapability.count",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Valetudo's."""
    levels = message.levels
    if levels[0] != NAME or len(levels) < 3:
        return None
    device, rest = levels[1], levels[2:]
    if rest[0].startswith("$") or rest[-1].startswith("$") or message.empty:
        return interpret(message, NAME, device, rest)
    if rest[-1] == "set":
        return message.alone(NAME, device, None, _E, sign_of_life=False)
    if rest[0] == "MapData":
        if message.payload.startswith(b"\x89PNG") or message.unreadable:
            shown = "PNG with embedded map" if message.payload.startswith(b"\x89PNG") else None
            return Interpretation(NAME, device, {"": Reading(shown, None, _E, "binary: no number")})
        result = message.about(NAME, device)
        result.readings = read_all(message.value, lambda _, __: (None, _E))
        return result
    if isinstance(message.value, dict):
        result = message.about(NAME, device)
        result.readings = read_all(message.value, lambda _, found: (None, _S if isinstance(found, str | bool) else _G))
        return result
    if rest[0] == "ConsumableMonitoringCapability":
        result = message.alone(NAME, device, "s", _G)
        result.readings = each(result.readings, _seconds_left)
        return result
    told = _PROPERTIES.get(f"{rest[0]}.{rest[-1]}")
    if told is None and isinstance(message.value, str | bool):
        told = None, _S
    return message.alone(NAME, device, *(told or (None, _G)))


def _seconds_left(read_: Reading) -> Reading:
    if not isinstance(read_.value, int | float) or read_.value > 100:
        return read_
    doubt = "percent left on some robots, seconds left on others: what is at most 100 leaves doubt"
    return read_._replace(unit=None, why=doubt)

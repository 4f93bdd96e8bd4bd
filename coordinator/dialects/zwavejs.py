"""Z-Wave JS UI: ``<prefix>/[<location>/]<node>/<class>/<endpoint>/<property>`` in three modes: value, time and value, object.

Classes and endpoints are numbers or names. At the gateway's start remembered values are published with their old time. A
"removed" value leaves two quotes behind; an undefined one leaves no key at all.
"""

from __future__ import annotations

import re
from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import Meaning, Step, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named, unit_named
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names, spellings, vocabulary

NAME: Final = "zwave-js-ui"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_CLASSES: Final = spellings(
    {
        "switch_binary": "37",
        "switch_multilevel": "38",
        "sensor_binary": "48",
        "sensor_multilevel": "49",
        "meter": "50",
        "thermostat_mode": "64",
        "thermostat_operating_state": "66",
        "thermostat_setpoint": "67",
        "thermostat_fan_mode": "68",
        "lock": "98 118",
        "barrier_operator": "102",
        "notification": "113",
        "configuration": "112",
        "manufacturer_specific": "114",
        "battery": "128",
        "version": "134",
        "central_scene": "91",
        "indicator": "135",
        "protection": "117",
        "basic": "32",
        "color": "51",
        "user_code": "99",
        "clock": "129",
        "wake_up": "132",
        "multi_channel_association": "142",
        "scene_activation": "43",
        "sound_switch": "121",
        "alarm_sensor": "156",
        "node_naming": "119",
        "zwaveplus_info": "94",
        "window_covering": "106",
        "firmware": "123",
    }
)
_NAMED: Final = names(
    "switch_binary switch_multilevel sensor_binary sensor_multilevel meter thermostat_mode "
    "thermostat_operating_state thermostat_setpoint thermostat_fan_mode door_lock lock barrier_operator "
    "notification configuration manufacturer_specific battery version central_scene indicator protection "
    "basic color_switch user_code clock wake_up scene_activation sound_switch binary_switch multilevel_switch "
    "binary_sensor multilevel_sensor"
)
_ALIASES: Final = {
    "binary_switch": "switch_binary",
    "multilevel_switch": "switch_multilevel",
    "binary_sensor": "sensor_binary",
    "multilevel_sensor": "sensor_multilevel",
    "door_lock": "lock",
}
_ENDPOINT: Final = re.compile(r"(?:endpoint_)?\d{1,3}")
_METER: Final = {
    (1, 0): ("kWh", _C),
    (1, 1): ("kVAh", _C),
    (1, 2): ("W", _G),
    (1, 3): (None, _C),
    (1, 4): ("V", _G),
    (1, 5): ("A", _G),
    (1, 6): (None, _G),
    (1, 7): ("var", _G),
    (1, 8): ("kvarh", _C),
    (2, 0): ("m3", _C),
    (2, 1): ("ft3", _C),
    (3, 0): ("m3", _C),
    (3, 1): ("ft3", _C),
    (3, 2): ("gal", _C),
}
_SETTINGS: Final = names(
    "configuration manufacturer_specific version protection user_code multi_channel_association node_naming "
    "zwaveplus_info firmware wake_up indicator"
)
_REMEMBERED: Final = 300.0
"""Seconds after which a value's own time says that it is sent from memory."""
_BESIDE: Final = names(
    "id nodeId commandClass commandClassName endpoint property propertyName propertyKey propertyKeyName type "
    "readable writeable label default genre min max step unit list states ccSpecific stateless description "
    "isCurrentValue toUpdate commandClassVersion targetValue"
)
_QUANTITIES: Final = vocabulary(
    {
        ("C", _G): "air_temperature water_temperature dew_point",
        (None, _G): "ultraviolet general seismic_intensity",
        ("lx", _G): "illuminance luminance",
        ("W", _G): "power",
        ("kPa", _G): "barometric_pressure",
        ("dB", _G): "loudness",
        ("ppm", _G): "carbon_dioxide co2_level volatile_organic_compound_level",
        ("m/s", _G): "velocity",
        ("ug/m3", _G): "particulate_matter_2_5",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Z-Wave JS UI's."""
    levels = message.levels
    if levels[0] not in ("zwave", "zwavejs", "zwavejs2mqtt", "zwave-js-ui") or len(levels) < 3:
        return None
    base = levels[0]
    if levels[1] == "_CLIENTS":
        return _client(message, base, levels)
    if levels[1] == "_EVENTS":
        return _event(message, base, levels)
    if levels[-1] == "set":
        return message.alone(NAME, "/".join(levels[1:-1]), None, _E, bridge=base, sign_of_life=False)
    if levels[-1] in ("status", "lastActive", "nodeinfo", "hassDevices"):
        return _of_node(message, base, "/".join(levels[1:-1]), levels[-1])
    place = _class_at(levels)
    if place is None:
        if message.empty:
            return message.deletion(NAME, "/".join(levels[1:]), bridge=base)
        result = message.about(NAME, "/".join(levels[1:]), bridge=base)
        result.readings = read_all(message.value, lambda _, __: (None, _X))
        return result
    device = "/".join(levels[1:place])
    if message.empty:
        return message.deletion(NAME, device, bridge=base)
    class_ = _CLASSES.get(levels[place]) or _ALIASES.get(levels[place], levels[place])
    return _value(message, base, device, class_, levels[place + 2 :])


def _class_at(levels: list[str]) -> int | None:
    for place in range(2, min(len(levels) - 2, 8)):
        if (levels[place] in _CLASSES or levels[place] in _NAMED) and _ENDPOINT.fullmatch(levels[place + 1]):
            return place
    return None


def _client(message: Message, base: str, levels: list[str]) -> Interpretation:
    if levels[-1] == "status" and not message.empty:
        value = message.value
        if isinstance(value, dict):
            result = message.liveness(NAME, base, "value", value.get("value"))
            result.readings |= _time(value)
            return result
        return message.liveness(NAME, base)
    if message.empty:
        return message.deletion(NAME, base)
    result = message.about(NAME, base, sign_of_life=levels[-1] != "set")
    result.readings = read_all(message.value, lambda _, __: (None, _X))
    return result


def _event(message: Message, base: str, levels: list[str]) -> Interpretation:
    result = message.about(NAME, base)
    result.readings = read_all(message.value, lambda _, __: (None, _E))
    if len(levels) < 4:
        result.bridge = ""
    return result


def _of_node(message: Message, base: str, device: str, topic: str) -> Interpretation:
    if message.empty:
        return message.deletion(NAME, device, bridge=base)
    value = message.value
    if topic == "status":
        if not isinstance(value, dict):
            return message.liveness(NAME, device, bridge=base)
        result = message.liveness(NAME, device, "value", value.get("value"), bridge=base)
        result.readings |= _time(value) | read_all(
            {"status": value["status"]} if "status" in value else {}, lambda _, __: (None, _S)
        )
        return result
    result = message.about(NAME, device, bridge=base, sign_of_life=False)
    if topic == "lastActive":
        result.readings = read_all(value, lambda _, __: ("ms", Kind.TIMESTAMP))
        told = value.get("value") if isinstance(value, dict) else value
        result.measured = seconds_in(told)
        return result
    result.readings = read_all(value, lambda _, __: (None, _X))
    return result


def _time(value: dict[str, Any]) -> dict[str, Reading]:
    return read_all({"time": value["time"]} if "time" in value else {}, lambda _, __: ("ms", Kind.TIMESTAMP))


def _value(message: Message, base: str, device: str, class_: str, property_: list[str]) -> Interpretation:
    value = message.value
    unit, kind = _meaning(class_, property_, value)
    if not isinstance(value, dict):
        result = message.alone(NAME, device, unit, kind, bridge=base)
        if value == "":
            nothing = "two quotes are what a removed value leaves behind: no reading"
            result.readings[""] = Reading(None, unit, kind, nothing, '""')
        return result
    result = message.about(NAME, device, bridge=base)
    told = value.get("unit")
    unit = unit_named(told) if isinstance(told, str) and told else unit
    if "commandClass" in value and "value" not in value:
        nothing = "the object has no value: the node has not reported one yet"
        result.readings["value"] = Reading(None, unit, kind if kind is not _X else _G, nothing)
        if property_[-1:] == ["targetValue"]:
            result.readings["value"] = Reading(None, None, _G, nothing)
    result.readings |= read_all(value, lambda steps, found: _in_object(steps, found, unit, kind))
    inner = value.get("value")
    if isinstance(inner, dict) and isinstance(inner.get("unit"), str) and "value.value" in result.readings:
        result.readings["value.value"] = result.readings["value.value"]._replace(unit=unit_named(inner["unit"]))
    result.measured = seconds_in(value.get("time", value.get("lastUpdate")))
    if result.measured is not None and message.at - result.measured > _REMEMBERED:
        result.stale = "a value that the gateway remembered: its own time is long past"
    return result


def _in_object(steps: tuple[Step, ...], found: Any, unit: str | None, kind: Kind) -> Meaning:
    if steps == ("value",):
        return unit, kind
    if steps[0] == "value":
        return None, _X
    if steps in (("time",), ("lastUpdate",)):
        return "ms", Kind.TIMESTAMP
    return (None, _X) if steps[0] in _BESIDE and not isinstance(found, dict) else None


def _meaning(class_: str, property_: list[str], value: Any) -> tuple[str | None, Kind]:
    name = property_[0] if property_ else ""
    found = value.get("value") if isinstance(value, dict) else value
    if class_ in _SETTINGS or name in ("duration", "restorePrevious"):
        return None, _X
    if class_ in ("central_scene", "scene_activation"):
        return None, _E
    if class_ == "thermostat_setpoint":
        return "C", _G
    if class_ == "battery":
        return ("%", _G) if name in ("level", "maximumCapacity") else ("C", _G) if name == "temperature" else (None, _S)
    if isinstance(found, bool) or class_ in (
        "switch_binary",
        "sensor_binary",
        "lock",
        "thermostat_mode",
        "thermostat_operating_state",
        "thermostat_fan_mode",
        "notification",
    ):
        return None, _S
    if class_ == "meter":
        return _meter(property_)
    if class_ in ("switch_multilevel", "barrier_operator", "window_covering", "basic"):
        return ("%", _G) if class_ != "basic" else (None, _G)
    if class_ == "sensor_multilevel":
        key = name.casefold().replace(" ", "_")
        return _QUANTITIES.get(key) or named(name) or (None, _G)
    return None, _S if isinstance(found, str) else _G


def _meter(property_: list[str]) -> tuple[str | None, Kind]:
    if property_[:1] != ["value"] or len(property_) < 2:
        return None, _E if property_[:1] == ["reset"] else _G
    key = property_[1]
    if key.isdecimal() and len(key) < 10:
        number = int(key)
        return _METER.get((number >> 16, (number >> 8) & 0xFF), (None, _G))
    last = key.replace("Electric_", "").replace("_Consumed", "").replace("_Produced", "")
    unit = unit_named(last)
    return unit, _C if unit in ("kWh", "kVAh", "m3", "kvarh") else _G

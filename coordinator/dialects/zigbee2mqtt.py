"""Zigbee2MQTT: ``<base>/<friendly name>``, where the name may hold slashes; ``<base>/bridge/...`` is the bridge itself.

Each message repeats the whole state that the bridge remembers; what is null has not been told. A device's availability
stays online when the bridge dies. The units of a device stand in ``bridge/devices`` (if it is small enough to be looked
into) and in Home Assistant's discovery; without them the names tell, whose units Zigbee2MQTT fixes.
"""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import Meaning, Step, read_all
from coordinator.dialects.memory import Told
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named, unit_named
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import names, vocabulary

NAME: Final = "zigbee2mqtt"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_BRIDGE: Final = names("state info devices groups logging log event health extensions definitions config converters")
_KEYS: Final = vocabulary(
    {
        (None, _G): (
            "linkquality illuminance_raw brightness power_factor smoke_density x_axis y_axis z_axis strength "
            "voc_index device_age requested_brightness_level"
        ),
        (None, Kind.TIMESTAMP): "last_seen local_time",
        ("ms", _G): "elapsed",
        (None, _E): "action action_group click",
        ("lx", _G): "illuminance illuminance_lux",
        ("mired", _G): "color_temp",
        ("mired", _X): "color_temp_startup",
        (None, _S): "color_mode battery_low state update_available",
        ("s", _G): "duration remaining",
        ("%", _G): "position tilt pi_heating_demand soil_moisture progress",
        ("C", _G): (
            "current_heating_setpoint occupied_heating_setpoint unoccupied_heating_setpoint occupied_cooling_setpoint "
            "device_temperature local_temperature soil_temperature"
        ),
        ("C", _X): "local_temperature_calibration",
        ("kWh", _C): "energy produced_energy energy_t1 energy_t2 consumption",
        ("deg", _G): "angle angle_x angle_y angle_z",
        ("ug/m3", _G): "voc pm25 pm10",
        ("ppm", _G): "co2 co",
        ("mg/m3", _G): "formaldehyd",
        ("LEL", _G): "gas_value",
        ("dB", _G): "noise",
        ("Hz", _G): "ac_frequency",
        ("A", _G): "current_phase_b current_phase_c",
        ("V", _G): "voltage_phase_b voltage_phase_c",
        ("W", _G): "power_phase_b power_phase_c",
        ("VA", _G): "power_apparent",
        ("var", _G): "power_reactive",
        ("L", _C): "water_consumed",
        ("m3/h", _G): "flow",
        ("m", _G): "target_distance",
        (None, _C): "power_outage_count trigger_count",
        (None, _X): "melody volume installed_version latest_version keypad_lockout",
        ("d", _X): "away_preset_days",
        ("s", _X): "boost_time",
    }
)
_LIMITS: Final = (
    "_max",
    "_min",
    "_calibration",
    "_sensitivity",
    "_delay",
    "_threshold",
    "_timeout",
    "_precision",
    "_interval",
)
_EXPOSED: Final = 5000
"""Exposed properties of one inventory that are remembered."""


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Zigbee2MQTT's."""
    place = _after_base(message)
    if place is None:
        return None
    base, rest = "/".join(message.levels[:place]), message.levels[place:]
    if rest[0] == "bridge":
        return _bridge(message, base, rest[1:])
    if rest[-1] in ("set", "get") and len(rest) > 1:
        name = "/".join(rest[:-1])
        return message.alone(NAME, name, None, _E, bridge=base, sign_of_life=False)
    if rest[-1] == "availability" and len(rest) > 1:
        return _availability(message, base, "/".join(rest[:-1]))
    value = message.value
    if isinstance(value, dict):
        return _state(message, base, "/".join(rest), value)
    name, attribute = ("/".join(rest[:-1]), rest[-1]) if len(rest) > 1 else (rest[0], "")
    if message.empty:
        return message.deletion(NAME, name, bridge=base)
    unit, kind = _meaning(attribute, value, {})
    if kind in (_G, _C) and isinstance(value, str) and "," in value:
        kind, unit = _S, None  # a list that was flattened, as in 100,50,10
    return message.alone(NAME, name, unit, kind, bridge=base)


def _after_base(message: Message) -> int | None:
    """Returns how many levels the base topic has; other bases than the usual one are known by their bridge's topics."""
    levels = message.levels
    if len(levels) > 1 and levels[0] == NAME:
        return 1
    for place in range(1, min(len(levels), 4)):
        if (
            levels[place] == "bridge"
            and place + 1 < len(levels)
            and levels[place + 1]
            in (
                "state",
                "info",
                "devices",
                "groups",
                "logging",
                "health",
            )
        ):
            base = "/".join(levels[:place])
            if (levels[place + 1] in ("info", "devices") and isinstance(message.value, dict | list)) or (
                NAME,
                base,
            ) in message.memory.bases:
                message.memory.bases[NAME, base] = True
                return place
        if message.memory.bases.get((NAME, "/".join(levels[:place]))):
            return place
    return None


def _bridge(message: Message, base: str, rest: list[str]) -> Interpretation | None:
    topic = rest[0] if rest else ""
    if message.empty:
        return message.deletion(NAME, f"{base}/bridge")
    if topic == "state":
        value = message.value
        path, said = ("state", value.get("state")) if isinstance(value, dict) else ("", value)
        return message.liveness(NAME, base, path, said)
    result = message.about(NAME, base, sign_of_life=topic in ("health", "event", "logging"))
    kind = _E if topic in ("logging", "log", "event", "response", "request") else _X
    if topic == "devices" and isinstance(message.value, list):
        _learn(message, base, message.value)
    if topic == "health":
        result.readings = read_all(message.value, _health)
    else:
        result.readings = read_all(message.value, lambda _, __: (None, kind))
    return result


def _health(steps: tuple[Step, ...], _: Any) -> Meaning:
    key = str(steps[-1]) if steps else ""
    if key in ("response_time", "timestamp"):
        return "ms", Kind.TIMESTAMP
    known = {
        "memory_percent": ("%", _G),
        "memory_used_mb": ("MB", _G),
        "uptime_sec": ("s", _C),
        "queued": (None, _G),
        "connected": (None, _S),
        "healthy": (None, _S),
    }
    return known.get(key) or (
        None,
        _C if key in ("published", "received", "messages", "leave_count", "network_address_changes") else _G,
    )


def _availability(message: Message, base: str, name: str) -> Interpretation:
    if message.empty:
        return message.deletion(NAME, name, bridge=base)
    value = message.value
    if isinstance(value, dict):
        return message.liveness(NAME, name, "state", value.get("state"), bridge=base)
    return message.liveness(NAME, name, bridge=base)


def _state(message: Message, base: str, name: str, value: dict[str, Any]) -> Interpretation:
    result = message.about(NAME, name, bridge=base)

    def meaning(steps: tuple[Step, ...], found: Any) -> Meaning:
        key = str(steps[-1])
        if steps[0] in ("update", "device", "schedule", "options") and key not in _KEYS:
            return None, _X
        if steps[0] == "color":
            return None, _S
        return _meaning(key, found, value)

    result.readings = read_all(value, meaning)
    result.measured = seconds_in(value.get("last_seen"))
    return result


def _meaning(key: str, found: Any, whole: dict[str, Any]) -> tuple[str | None, Kind]:
    if key.startswith("action"):
        return None, _E
    if key in ("voltage", "battery_voltage"):
        number = float(found) if isinstance(found, int | float) else 0.0
        return (
            "mV" if number >= 1000 or (not number and "battery" in whole) else "V"
        ), _G  # mains stay far below 1000 V
    if isinstance(found, bool):
        return None, _S
    if key in _KEYS:
        return _KEYS[key]
    quantity = named(key)
    if key.endswith(_LIMITS):
        return (named(key.rpartition("_")[0]) or (None, _X))[0], _X
    if isinstance(found, str) and not found[:1].isdigit() and not found[1:2].isdigit():
        return None, _S
    return quantity or (None, _G)


def _learn(message: Message, base: str, devices: list[Any]) -> None:
    """Remembers the units that the bridge's inventory tells of each device's properties."""
    left = _EXPOSED
    for device in devices:
        name = device.get("friendly_name") if isinstance(device, dict) else None
        definition = device.get("definition") if isinstance(device, dict) else None
        if not isinstance(name, str) or not isinstance(definition, dict):
            continue
        waiting = list(definition.get("exposes") or ()) if isinstance(definition.get("exposes"), list) else []
        while waiting and left:
            expose = waiting.pop()
            left -= 1
            if not isinstance(expose, dict):
                continue
            features = expose.get("features")
            waiting.extend(features if isinstance(features, list) else ())
            unit, path = expose.get("unit"), expose.get("property")
            if isinstance(unit, str) and isinstance(path, str):
                message.memory.told[f"{base}/{name}", path] = Told(unit_named(unit))

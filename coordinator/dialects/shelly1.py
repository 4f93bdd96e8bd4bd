"""Shelly, first generation: ``shellies/<model>-<id>/relay/0[/power]``, one plain value a topic.

On, true and 1 mean the same on one device. `energy` counts watt-minutes and begins at zero after a reboot; the meters'
`total` counts watt-hours.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import Meaning, Step, each, nothing_if, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.vocabulary import names, vocabulary

NAME: Final = "shelly-gen1"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_PARTS: Final = names(
    "ext_temperature ext_temperatures ext_humidity ext_humidities ext_switch relay roller light color white emeter meter input longpush input_event sensor adc thermostat status "
    "settings dimmer"
)
_ENDS: Final = names(
    "online announce info temperature temperature_f overtemperature temperature_status voltage "
    "ext_temperature ext_humidity ext_temperature_f command power energy charger"
)
_LAST: Final = vocabulary(
    {
        ("W", _G): "power overpower_value",
        ("var", _G): "reactive_power",
        ("V", _G): "voltage",
        ("A", _G): "current n_current",
        (None, _G): "pf",
        ("Wh", _C): "total total_returned",
        ("C", _G): "temperature ext_temperature tmp",
        ("F", _G): "temperature_f ext_temperature_f",
        (None, _S): (
            "overtemperature temperature_status illumination vibration state motion flood smoke gas charger "
            "error overpower self_test alarm_state"
        ),
        ("%", _G): "ext_humidity battery humidity pos bat hum",
        ("lx", _G): "lux",
        ("deg", _G): "tilt",
        ("ppm", _G): "concentration",
        (None, _E): "act_reasons stop_reason event",
        (None, _C): "event_cnt",
        ("C", _X): "target_t",
    }
)
_JSON: Final = _LAST | vocabulary(
    {
        (None, _S): "ison effect mode new_fw has_update is_valid has_timer connected active input source",
        ("%", _G): "brightness gain",
        ("K", _G): "temp",
        (None, _G): "white red green blue value",
        ("s", _C): "uptime",
        ("B", _X): "ram_total fs_size",
        ("B", _G): "ram_free fs_free",
        ("dBm", _G): "rssi",
        ("s", Kind.TIMESTAMP): "unixtime timestamp timer_started",
        (None, Kind.TIMESTAMP): "time",
        ("C", _G): "tC",
        ("F", _G): "tF",
        (None, _C): "serial cfg_changed_cnt",
        ("ms", _X): "transition",
        ("s", _G): "timer_remaining",
        ("s", _X): "timer_duration",
    }
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is a first-generation Shelly's."""
    levels = message.levels
    if levels[0] != "shellies" or len(levels) < 2:
        return None
    if len(levels) == 2:
        return _shared(message, levels[1])
    device, rest = levels[1], levels[2:]
    if rest[0] not in _PARTS and rest[-1] not in _ENDS:
        return None
    if rest[0] == "status" and len(rest) > 1 and ":" in rest[1]:
        return None  # a later generation under this prefix
    if message.empty:
        return message.deletion(NAME, device)
    if rest == ["online"]:
        return message.liveness(NAME, device)
    if rest[-1] in ("command", "set"):
        return message.alone(NAME, device, None, _E, sign_of_life=False)
    if isinstance(message.value, dict):
        result = message.about(NAME, device)
        result.readings = read_all(message.value, _in_json)
        return result
    unit, kind = _plain(rest)
    result = message.alone(NAME, device, unit, kind)
    if rest[-1] == "pos":
        result.readings = each(result.readings, _calibrated)
    elif unit == "C":
        result.readings = each(result.readings, _measured)
    return result


def _calibrated(read_: Reading) -> Reading:
    return nothing_if(read_, "-1 means that the roller's way has not been calibrated", -1)


def _measured(read_: Reading) -> Reading:
    return nothing_if(read_, "999 means that there is no probe", 999)


def _shared(message: Message, topic: str) -> Interpretation | None:
    value = message.value
    if topic == "command":
        return message.alone(NAME, "", None, _E, sign_of_life=False)
    if topic not in ("announce", "info"):
        return None
    device = value.get("id") if isinstance(value, dict) else None
    result = message.about(NAME, device if isinstance(device, str) else "")
    result.readings = read_all(value, _in_json)
    return result


def _plain(rest: list[str]) -> tuple[str | None, Kind]:
    last, part = rest[-1], rest[0]
    if last in ("energy", "returned_energy"):
        return "W.min", _C
    if part == "longpush":
        return None, _E
    if part == "adc":
        return "V", _G
    if last.isdecimal() and part.startswith("ext_"):
        return _LAST.get(part, (None, _S))
    if part == "roller" and last not in ("pos", "power", "stop_reason"):
        return None, _S
    return _LAST.get(last, (None, _S))


def _in_json(steps: tuple[Step, ...], found: object) -> Meaning:
    key = next((step for step in reversed(steps) if isinstance(step, str)), "")
    told = _JSON.get(key)
    if told:
        return told
    return (None, _X) if isinstance(found, str) else (None, _S if isinstance(found, bool) else _G)

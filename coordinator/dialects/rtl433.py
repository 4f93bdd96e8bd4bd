"""rtl_433: ``rtl_433/<host>/events`` for all that is on the air, and ``.../devices/<model>[/<channel>]/<id>/<field>``.

Neighbours' sensors come on the same topic: who speaks is model and id in the message, and the id changes with the battery.
`time` is a wall clock without a zone, unless it was set otherwise. Units stand in the keys.
"""

from __future__ import annotations

from typing import Any, Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import Meaning, Step, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import spelled
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import vocabulary

NAME: Final = "rtl_433"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_KEYS: Final = vocabulary(
    {
        (None, Kind.TIMESTAMP): "time radio_clock",
        (None, _X): (
            "model id channel subtype type mic mod protocol sid house unit group device sequence raw_msg data "
            "flags transmit learn"
        ),
        (None, _S): (
            "battery_ok battery state status tamper alarm reed_open contact_open closed opened motion active "
            "exception raining switch1 switch2"
        ),
        ("%", _G): "humidity moisture humidity_1 humidity_2",
        ("dB", _G): "rssi snr noise",
        ("MHz", _G): "freq freq1 freq2",
        (None, _G): "uv uvi strike_distance storm_dist maybetemp",
        ("lx", _G): "lux light_lux",
        (None, _C): "strike_count consumption_data consumption counter uptime",
        ("mm", _C): "rain_mm rainfall_mm",
        ("in", _C): "rain_in",
        ("mm/h", _G): "rain_rate_mm_h",
        ("in/h", _G): "rain_rate_in_h",
        ("deg", _G): "wind_dir_deg",
        ("kWh", _C): "energy_kWh",
        ("m3", _C): "total_m3 volume_m3",
        ("A", _G): "current_A",
        ("W", _G): "power_W",
        ("1/min", _G): "radiation_cpm",
        ("ug/m3", _G): "pm2_5_ug_m3 pm10_0_ug_m3 estimated_pm10_0_ug_m3 estimated_pm10_ug_m3",
        (None, _E): "event button code cmd command",
        ("cm", _G): "depth_cm",
        ("psi", _G): "pressure_PSI",
        ("kPa", _G): "pressure_kPa",
        ("C", _G): "temperature_C",
        ("F", _G): "temperature_F",
        ("km/h", _G): "wind_avg_km_h wind_max_km_h",
        ("m/s", _G): "wind_avg_m_s wind_max_m_s",
    }
)
_WORDS: Final = frozenset({"events", "devices", "states"})


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is rtl_433's."""
    levels = message.levels
    if levels[0] != NAME or len(levels) < 2:
        return None
    host = levels[1] if levels[1] not in _WORDS else ""
    if levels[-1] == "availability":
        return message.liveness(NAME, host or NAME)
    if message.empty:
        return message.deletion(NAME, host)
    if isinstance(message.value, dict):
        return _event(message, host, message.value)
    if "devices" not in levels[:4] or len(levels) < 4:
        return message.alone(NAME, host, None, _S)
    place = levels.index("devices")
    device, field = "/".join(levels[place + 1 : -1]), levels[-1]
    return message.alone(NAME, device, *_meaning_of(field, message.value), bridge=host)


def _event(message: Message, host: str, value: dict[str, Any]) -> Interpretation:
    parts = [str(value[key]) for key in ("model", "channel", "id") if isinstance(value.get(key), str | int)]
    result = message.about(NAME, "/".join(parts)[:100] if parts else host, bridge=host if parts else "")

    def meaning(steps: tuple[Step, ...], found: Any) -> Meaning:
        return _meaning_of(next((step for step in reversed(steps) if isinstance(step, str)), ""), found)

    result.readings = read_all(value, meaning)
    result.measured = seconds_in(value.get("time"))
    return result


def _meaning_of(field: str, found: Any) -> tuple[str | None, Kind]:
    told = _KEYS.get(field)
    if told:
        return told
    unit = spelled(field)
    if unit:
        return unit, _C if unit in ("kWh", "m3", "Wh") else _G
    return None, _S if isinstance(found, str | bool) else _G

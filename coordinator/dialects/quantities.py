"""What a name says: units that are spelled in it, and quantities that go by it in the firmware that gives no unit.

`spelled` is certain: ``tempc``, ``temperature_C``, ``uptimeSeconds``, ``rain_rate_mm_h``. `named` is what a name means where
its firmware is known to send SI units (Celsius, percent, volt); where units are the user's choice it must not be asked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from coordinator.dialects.interpretation import Kind
from coordinator.dialects.vocabulary import names, spellings, vocabulary

_G, _C, _S, _X = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG
Quantity = tuple[str | None, Kind]

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|%")

_SPELLED: Final = spellings(
    {
        "C": "C celsius degc tempc",
        "F": "F fahrenheit degf tempf",
        "%": "percent percentage pct %",
        "kPa": "kPa kpa",
        "hPa": "hPa hpa",
        "mbar": "mbar",
        "inHg": "inHg inhg",
        "psi": "psi PSI",
        "bar": "bar",
        "Pa": "Pa",
        "mmHg": "mmhg",
        "V": "V",
        "mV": "mV mv",
        "A": "A",
        "mA": "mA ma",
        "W": "W",
        "kW": "kW kw",
        "VA": "VA",
        "var": "VAR",
        "kWh": "kWh kwh",
        "Wh": "Wh wh",
        "Ah": "Ah",
        "mAh": "mAh",
        "Hz": "Hz hz",
        "kHz": "kHz",
        "MHz": "MHz mhz",
        "lx": "lux lx",
        "lm": "lm",
        "klx": "klx",
        "ppm": "ppm",
        "ppb": "ppb",
        "dB": "dB",
        "dBm": "dBm dbm",
        "dBFS": "dBFS",
        "B": "bytes",
        "KiB": "kib",
        "MiB": "mib",
        "GiB": "gib",
        "kB": "kb",
        "MB": "mb",
        "GB": "gb",
        "s": "seconds secs sec",
        "ms": "ms millis",
        "min": "minutes mins",
        "h": "hours",
        "d": "days",
        "deg": "deg degrees",
        "1/min": "rpm",
        "1/s": "fps",
        "mm": "mm",
        "cm": "cm",
        "km": "km",
        "in": "inch in",
        "mi": "mi",
        "kg": "kg",
        "g": "g",
        "lb": "lb lbs",
        "L": "L litres liters",
        "gal": "gal",
        "m3": "m3",
        "ft3": "ft3",
    }
)
"""By the last word of a name."""
_SPELLED_PAIRS: Final = spellings(
    {
        "mm/h": "mm_h",
        "in/h": "in_h",
        "km/h": "km_h km_H",
        "mph": "mi_h",
        "m/s": "m_s",
        "W/m2": "W_m_2 w_m_2",
        "ug/m3": "ug_m_3",
        "m3": "m_3",
        "m2": "m_2",
        "L/min": "L_min l_min",
        "m3/h": "m_3_h",
        "VA": "V_A",
        "kWh": "kW_h k_Wh",
        "kVAh": "kVA_h",
        "kPa": "k_Pa",
        "hPa": "h_Pa",
        "mV": "m_V",
        "kW": "k_W",
        "dB": "d_B",
        "dBm": "d_Bm db_M",
        "inHg": "in_Hg",
        "MHz": "M_Hz",
        "dBFS": "d_BFS",
        "mA": "m_A",
        "kHz": "k_Hz",
    }
)

_SHORT: Final = {
    unit: names(beside)
    for units, beside in (
        ("C F", "temperature temp temps dewpoint point setpoint chill feels tc index celsius oil water"),
        ("V", "voltage volt battery supply vbat super capacitor solar"),
        ("A", "current amperage ampere amps"),
        ("W", "power watt consumption"),
        ("L g kg lb", "volume water weight gas fuel mass level"),
        (
            "in mi km cm mm h d",
            "rain rainfall snow pressure depth height wind storm distance dist range visibility level time runtime",
        ),
    )
    for unit in units.split()
}
"""Units of one or two letters, which are also channels, phases and directions: believed beside these words alone."""

_NAMED: Final = vocabulary(
    {
        ("C", _G): "temperature temp tem dewpoint cputemp setpoint",
        ("%", _G): "humidity hum moisture battery batt soc position tilt",
        ("hPa", _G): "pressure",
        ("V", _G): "voltage volt supply vcc",
        ("A", _G): "current amperage",
        ("W", _G): "power watt watts wattage",
        ("kWh", _C): "energy consumption",
        ("Hz", _G): "frequency freq",
        ("lx", _G): "illuminance lux",
        ("s", _C): "uptime",
        ("s", _G): "runtime",
        ("dBm", _G): "rssi signal",
        ("ppb", _G): "voc tvoc",
        ("mg/m3", _G): "formaldehyd hcho",
        ("m", _G): "distance",
        ("kg", _G): "weight",
        ("pH", _G): "ph",
        ("mm", _G): "rain rainfall",
        ("ms", _G): "latency",
        ("deg", _G): "angle direction azimuth latitude longitude",
        (None, _X): "version model mac ip ssid bssid firmware serial hostname manufacturer id uuid",
        ("s", _X): "interval",
    }
)
"""By the last word of a name that has a meaning."""
_FIXED: Final = vocabulary(
    {
        (None, _S): "battery_low low_battery battery_state power_state",
        (None, _G): "power_factor water_level",
        ("V", _G): "battery_voltage",
        ("VA", _G): "apparent_power",
        ("var", _G): "reactive_power",
        ("dBm", _G): "signal_strength",
        ("%", _G): "move_energy moving_energy still_energy moving_target_energy still_target_energy",
        ("cm", _G): "moving_distance still_distance detection_distance",
        ("m/s", _G): "wind_speed",
        ("C", _G): "dew_point",
        ("ppm", _G): "co_2 e_co_2 eco_2",
        ("ug/m3", _G): "pm_25 pm_2_5 pm_1_0 pm_10_0 pm_10 pm_1 pm_4 pm_4_0",
        ("B", _G): "heap_free free_heap",
        ("ms", _G): "loop_time",
        ("L/min", _G): "flow_rate",
        (None, _X): "reset_reason ip_address mac_address",
    }
)
"""By the last words together."""
_COUNTS: Final = names("total count counter cnt pulses")
_BESIDE: Final = _COUNTS | names(
    "value reading measurement level sensor avg average mean min max now indoor outdoor inside outside internal external "
    "today daily day yesterday week month year import export imported exported returned delivered consumed produced l1 l2 l3"
)
"""Words that may stand behind the one that tells the quantity."""
_DAILY: Final = frozenset({"today", "daily", "day"})


@lru_cache(maxsize=4096)
def words_in(name: str) -> tuple[str, ...]:
    """Returns a name's words: at ``_``, blanks and other signs, and where small letters meet capitals."""
    return tuple(_WORDS.findall(name[:200]))


@lru_cache(maxsize=4096)
def spelled(name: str) -> str | None:
    """Returns the unit that a name ends in, or ``None``; one word alone is only a unit where it can be nothing else."""
    words = words_in(name)
    for size in (3, 2):
        if len(words) > size and "_".join(words[-size:]) in _SPELLED_PAIRS:
            return _SPELLED_PAIRS["_".join(words[-size:])]
    if not words or (len(words) == 1 and len(words[0]) < 5):
        return None
    last = words[-1]
    if len(last) < 3 and last in _SHORT:
        return _SPELLED.get(last) if _SHORT[last].intersection(word.lower() for word in words[:-1]) else None
    return _SPELLED.get(last) or (_SPELLED.get(last.lower()) if len(last) > 2 else None)


@lru_cache(maxsize=4096)
def named(name: str) -> Quantity | None:
    """Returns unit and kind of what goes by a name where SI units are certain; ``None`` if the name tells nothing."""
    words = tuple(word.lower() for word in words_in(name))
    unit = spelled(name)
    if unit is not None:
        return unit, (_energy_kind(words) if unit in ("kWh", "Wh", "MWh") else _C if "uptime" in words else _G)
    for size in (4, 3, 2):
        found = _FIXED.get("_".join(words[-size:])) if len(words) >= size else None
        if found:
            return found
    for word in reversed(words):
        quantity = _NAMED.get(word)
        if quantity is not None:
            return (quantity[0], _energy_kind(words)) if word in ("energy", "consumption") else quantity
        if word not in _BESIDE and len(word) > 1 and not word.isdecimal():
            break  # power_on_behavior is no power
    return (None, _C) if _COUNTS.intersection(words) else None


def _energy_kind(words: tuple[str, ...]) -> Kind:
    words = tuple(word.lower() for word in words)
    if "yesterday" in words:
        return Kind.GAUGE
    return Kind.DAILY if _DAILY.intersection(words) else Kind.COUNTER


_UNITS: Final = spellings(
    {
        "C": "°c ℃ c degc celsius",
        "F": "°f ℉ f degf fahrenheit",
        "deg": "°",
        "K": "°k",
        "ug/m3": "µg/m³ μg/m³ ug/m³",
        "mg/m3": "mg/m³",
        "m3": "m³",
        "m3/h": "m³/h",
        "m2": "m²",
        "cm2": "cm²",
        "ft3": "ft³",
        "W/m2": "w/m²",
        "uS/cm": "µs/cm μs/cm",
        "uA": "µa",
        "uV": "µv",
        "us": "µs μs",
        "s": "seconds second sec secs",
        "ms": "milliseconds",
        "min": "minutes minute mins",
        "h": "hours hour",
        "d": "days",
        "%": "percent",
        "dBm": "dbm",
        "V": "volt volts",
        "W": "watt watts",
        "A": "ampere amps",
        "lx": "lux",
        "mired": "mired mireds",
        "Hz": "hertz",
        "B": "bytes",
        "1/min": "rpm",
        "1/s": "fps",
        "mph": "mi/h",
        "km/h": "kph",
        "L": "l",
        "L/min": "l/min",
        "L/h": "l/h",
        "var": "var",
        "mbar": "mbar",
        "hPa": "hpa",
    }
)


def unit_named(told: str) -> str | None:
    """Returns a unit as it is written here, in plain letters: ``C`` for ``°C`` and ``℃``; others as they were told."""
    text = told.strip()[:30]
    if not text:
        return None
    exact = {"C", "F", "K", "V", "A", "W", "B"}
    return text if text in exact else _UNITS.get(text.casefold(), text)

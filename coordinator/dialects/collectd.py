"""collectd: ``<prefix>/<host>/<plugin>[-<instance>]/<type>[-<instance>]`` with ``<time>:<value>[:<value>...]`` and a NUL byte.

Types are collectd's own (types.db); the number of values is the type's. A rate is sent where collectd was told to.
"""

from __future__ import annotations

import re
from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import reading
from coordinator.dialects.message import Message
from coordinator.dialects.times import seconds_in
from coordinator.dialects.vocabulary import vocabulary

NAME: Final = "collectd"
_G, _C = Kind.GAUGE, Kind.COUNTER
_PAYLOAD: Final = re.compile(
    rb"(\d{9,11}(?:\.\d{1,9})?)((?::(?:[+-]?[0-9.eE+-]{1,40}|nan|U)){1,8})\s*\0?", re.IGNORECASE
)
_TYPES: Final = vocabulary(
    {
        ("%", _G): "percent humidity percent_bytes",
        ("C", _G): "temperature",
        ("V", _G): "voltage",
        ("A", _G): "current",
        ("W", _G): "power",
        ("Hz", _G): "frequency cpufreq",
        ("Ah", _G): "charge capacity",
        ("1/min", _G): "fanspeed",
        (None, _G): "load users signal_quality ps_state",
        ("ms", _G): "ping",
        ("dBm", _G): "signal_power signal_noise",
        ("bit/s", _G): "bitrate",
        ("B", _G): "memory swap df_complex df ps_rss ps_vm",
        ("s", _C): "uptime",
        ("B/s", _G): "if_octets disk_octets",
        ("1/s", _G): "if_packets if_errors if_dropped disk_ops swap_io",
        ("bit", _G): "entropy",
        ("hPa", _G): "pressure",
        ("min", _G): "timeleft",
        ("s", _G): "delay time_offset response_time",
        ("lx", _G): "illuminance",
    }
)
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "load": ("shortterm", "midterm", "longterm"),
    "if_octets": ("rx", "tx"),
    "if_packets": ("rx", "tx"),
    "if_errors": ("rx", "tx"),
    "if_dropped": ("rx", "tx"),
    "disk_octets": ("read", "write"),
    "disk_ops": ("read", "write"),
    "disk_time": ("read", "write"),
    "disk_merged": ("read", "write"),
    "df": ("used", "free"),
    "ps_count": ("processes", "threads"),
}


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is collectd's."""
    levels = message.levels
    if len(levels) < 3 or b":" not in message.payload[:16]:
        return None
    found = _PAYLOAD.fullmatch(message.payload)
    if found is None:
        return None
    type_ = levels[-1].partition("-")[0]
    values = found[2].decode().split(":")[1:]
    unit, kind = _TYPES.get(type_, (None, _G))
    result = Interpretation(NAME, levels[-3])
    names = _NAMES.get(type_, ())
    for index, text in enumerate(values):
        path = "" if len(values) == 1 else names[index] if len(names) == len(values) else f"[{index}]"
        if text.casefold() in ("u", "nan"):
            result.readings[path] = reading("nan", unit, kind)
        else:
            result.readings[path] = reading(_number(text), unit, kind)
    result.measured = seconds_in(int(float(found[1])))
    return result


def _number(text: str) -> float | int | str:
    try:
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        return text

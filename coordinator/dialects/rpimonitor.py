"""rpi-mqtt-monitor: ``rpi-MQTT-monitor/<host>/<metric>``, kept by the broker. 0 is sent for a measurement that failed too.

In its one-message mode it sends a Python tuple without its brackets, which is neither JSON nor a list with commas; two
thermal zones come glued together. Both are text here.
"""

from __future__ import annotations

import re
from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind
from coordinator.dialects.leaves import read_all
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named
from coordinator.dialects.vocabulary import vocabulary

NAME: Final = "rpi-mqtt-monitor"
_G, _C, _S, _X = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG
_METRICS: Final = vocabulary(
    {
        ("%", _G): "cpuload diskusage swap memory wifi_signal",
        ("C", _G): "cputemp cpu_temp",
        ("V", _G): "voltage",
        ("MHz", _G): "sysclockspeed sys_clock_speed",
        ("d", _C): "uptime_days uptimedays",
        (None, _C): "uptime",
        ("s", _C): "uptime_seconds",
        ("dBm", _G): "wifi_signal_dbm",
        ("1/min", _G): "rpi5_fan_speed fan_speed",
        (None, _S): "rpi_power_status git_update update",
        ("kB/s", _G): "data_sent data_received",
        (None, _G): "os_update apt_updates",
        ("B", _C): "read_bytes write_bytes bytes_sent bytes_recv",
    }
)
_DRIVE: Final = re.compile(r".+_temp(?:erature)?")


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is rpi-mqtt-monitor's."""
    levels = message.levels
    if levels[0].casefold() != "rpi-mqtt-monitor" or len(levels) < 2:
        return None
    host, metric = levels[1], levels[-1]
    if message.empty:
        return message.deletion(NAME, host)
    if len(levels) == 2:
        return message.alone(NAME, host, None, _G)
    if metric == "status":
        return message.liveness(NAME, host)
    if isinstance(message.value, dict):
        result = message.about(NAME, host)
        result.readings = read_all(
            message.value,
            lambda steps, found: (
                (None, _S if isinstance(found, str | bool) else _X)
                if metric == "attributes"
                else _meaning(str(steps[-1]))
            ),
        )
        return result
    if metric in ("command", "update_check", "restart", "shutdown"):
        return message.alone(NAME, host, None, Kind.EVENT, sign_of_life=False)
    return message.alone(NAME, host, *_meaning(metric))


def _meaning(metric: str) -> tuple[str | None, Kind]:
    if metric in _METRICS:
        return _METRICS[metric]
    if _DRIVE.fullmatch(metric):
        return "C", _G
    return named(metric) or (None, _G)

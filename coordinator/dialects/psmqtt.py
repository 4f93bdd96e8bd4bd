"""psmqtt: ``psmqtt/<host>/<task>``, where the task is a function of psutil and ``|`` stands for the slash of a mount point.

-1 means unknown and -2 unlimited, as psutil has it for a battery's time. Errors stand below ``error``.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.leaves import Meaning, Step, each, nothing_if, read_all
from coordinator.dialects.message import Message
from coordinator.dialects.quantities import named
from coordinator.dialects.vocabulary import names
from devices.errors import printable

NAME: Final = "psmqtt"
_G, _C, _S, _X, _E = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG, Kind.EVENT
_PERCENT: Final = frozenset({"cpu_percent", "cpu_times_percent", "cpu", "times_percent"})
_BYTES: Final = names(
    "total used free available active inactive buffers cached shared slab wired rss vms uss pss swap memory"
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is psmqtt's."""
    levels = message.levels
    if levels[0] != NAME or len(levels) < 2:
        return None
    host, task = levels[1], levels[2:]
    if not task or host == "status" or task[0] in ("status", "psmqtt_status"):
        result = message.about(NAME, host)
        result.readings = read_all(message.value, lambda _, found: (None, _S if isinstance(found, str | bool) else _G))
        return result
    if message.empty:
        return message.deletion(NAME, host)
    if task[0] == "error":
        trouble = Reading(
            "error text", None, _E, "a sentence about what could not be measured", printable(message.text, 500)
        )
        return Interpretation(NAME, host, {"": trouble}, error=message.unreadable)
    if isinstance(message.value, dict | list):
        result = message.about(NAME, host)

        def meaning(steps: tuple[Step, ...], found: object) -> Meaning:
            key = next((step for step in reversed(steps) if isinstance(step, str)), task[-1])
            return (None, _S) if isinstance(found, str | bool) else _meaning(task[0], key)

        result.readings = read_all(message.value, meaning)
        if task[0] == "sensors_battery":
            result.readings = each(result.readings, _honest)
        return result
    field = next((level for level in reversed(task) if not level.startswith("|") and level != "*"), task[-1])
    unit, kind = _meaning(task[0], field)
    if isinstance(message.value, str) and task[0] in ("boot_time", "users", "platform", "uptime", "processes"):
        unit, kind = None, _S
    result = message.alone(NAME, host, unit, kind)
    if task[0] == "sensors_battery":
        result.readings = each(result.readings, _honest)
    return result


def _honest(read_: Reading) -> Reading:
    return nothing_if(read_, "-1 means unknown, -2 unlimited", -1, -2)


def _meaning(task: str, field: str) -> tuple[str | None, Kind]:
    if field == "percent" or task in _PERCENT or field.endswith("_percent"):
        return "%", _G
    if field in ("secsleft", "uptime", "boot_time", "busy_time", "read_time", "write_time"):
        known: dict[str, tuple[str | None, Kind]] = {
            "secsleft": ("s", _G),
            "uptime": ("s", _C),
            "boot_time": ("s", Kind.TIMESTAMP),
            "busy_time": ("ms", _C),
            "read_time": ("ms", _C),
            "write_time": ("ms", _C),
        }
        return known[field]
    if field == "power_plugged":
        return None, _S
    if task.startswith("cpu_times"):
        return "s", _C
    if field.endswith("_rate"):
        return ("B/s" if "bytes" in field else "1/s"), _G
    if field.startswith("bytes_") or field.endswith("_bytes"):
        return "B", _C
    if field.startswith(("packets_", "err", "drop", "read_count", "write_count")) or task == "cpu_stats":
        return None, _C
    if task in ("virtual_memory", "swap_memory", "disk_usage", "processes") and field in _BYTES:
        return "B", _G
    if task == "sensors_temperatures":
        return "C", _G
    if task == "sensors_fans":
        return "1/min", _G
    if task == "getloadavg" or field.startswith("load"):
        return None, _G
    return named(field) or (None, _G)

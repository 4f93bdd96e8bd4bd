"""Glances: ``<prefix>/<host>/<plugin>[/<element>]/<field>``, one plain value a topic.

A value that Python has none for leaves as an empty payload that is not kept: no reading, and no deletion either. Every
sign beyond letters, digits, ``_`` and ``-`` is written ``_``, so that two mounts may share a topic.
"""

from __future__ import annotations

from typing import Final

from coordinator.dialects.interpretation import Interpretation, Kind, Reading
from coordinator.dialects.message import Message
from coordinator.dialects.vocabulary import names, vocabulary
from devices.protocol.readings import NoNumber

NAME: Final = "glances"
_G, _C, _S, _X = Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.CONFIG
_PLUGINS: Final = names(
    "cpu percpu mem memswap load fs diskio network sensors uptime quicklook processcount processlist gpu "
    "docker containers ip system wifi raid smart folders ports connections core now psutilversion version "
    "amps cloud irq alert npu vms programlist"
)
_FIELDS: Final = vocabulary(
    {
        ("%", _G): (
            "fs.percent mem.percent memswap.percent quicklook.cpu quicklook.mem quicklook.swap quicklook.load "
            "gpu.mem gpu.proc gpu.fan_speed docker.cpu_percent containers.cpu_percent"
        ),
        ("B", _G): (
            "fs.size fs.used fs.free network.bytes_recv network.bytes_sent network.rx network.tx "
            "diskio.read_bytes diskio.write_bytes docker.memory_usage containers.memory_usage folders.size"
        ),
        ("C", _G): "sensors.value gpu.temperature",
        ("C", _X): "sensors.warning sensors.critical",
        ("B", _C): (
            "memswap.sin memswap.sout network.bytes_recv_gauge network.bytes_sent_gauge "
            "network.bytes_all_gauge network.cumulative_rx network.cumulative_tx network.cumulative_cx"
        ),
        (None, _X): "cpu.cpucore load.cpucore",
        (None, _C): "cpu.ctx_switches cpu.interrupts cpu.soft_interrupts cpu.syscalls",
        ("Hz", _G): "quicklook.cpu_hz_current",
        ("Hz", _X): "quicklook.cpu_hz",
        ("s", _C): "uptime.seconds",
        ("bit/s", _X): "network.speed",
        ("B/s", _G): (
            "network.bytes_recv_rate_per_sec network.bytes_sent_rate_per_sec diskio.read_bytes_rate_per_sec "
            "diskio.write_bytes_rate_per_sec"
        ),
        ("dBm", _G): "wifi.signal wifi.quality_level",
        ("B", _X): "containers.memory_limit",
        (None, _S): "ports.status containers.status docker.status",
    }
)
_SETTINGS: Final = names(
    "key fs_type mnt_point device_name label type unit interface_name disk_name alias options cpu_name "
    "hostname os_name os_version platform linux_distro hr_name image name id ssid address mask gateway "
    "public_address gpu_id"
)


def read(message: Message) -> Interpretation | None:
    """Returns what a message means if it is Glances'."""
    levels = message.levels
    if levels[0] != NAME or len(levels) < 4 or levels[2] not in _PLUGINS:
        return None
    host, plugin, field = levels[1], levels[2], levels[-1]
    unit, kind = _meaning(plugin, field)
    if message.empty:
        if message.retained:
            return message.deletion(NAME, host)
        nothing = Reading(None, unit, kind, NoNumber.EMPTY.value)
        return Interpretation(NAME, host, {"": nothing})
    if message.value == "None":
        return Interpretation(
            NAME, host, {"": Reading(None, unit, kind, "None means that there is no reading", "None")}
        )
    if isinstance(message.value, str) and kind in (_G, _C) and not any(char.isdigit() for char in message.value):
        unit, kind = None, _S
    return message.alone(NAME, host, unit, kind)


def _meaning(plugin: str, field: str) -> tuple[str | None, Kind]:
    told = _FIELDS.get(f"{plugin}.{field}")
    if told:
        return told
    if field in _SETTINGS or field.endswith(("_careful", "_warning", "_critical", "_log", "_decoration")):
        return None, _X
    if field in ("time_since_update", "timer"):
        return "s", _G
    if plugin in ("cpu", "percpu"):
        return "%", _G
    if plugin in ("mem", "memswap"):
        return "B", _G
    if plugin in ("diskio", "connections") and field.endswith("_count"):
        return None, _G
    if field in ("is_up", "status", "container_status", "Status"):
        return None, _S
    return None, _G

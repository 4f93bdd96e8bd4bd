"""What a hub measures of itself, with psutil: percent, bytes and degrees Celsius as `HubMetrics` says.

Rates are over the time since the last reading, so the first one has none. What a machine does not have is ``None``,
never zero.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from devices.hub.power import Source, own
from devices.protocol.messages import HubMetrics, InstanceUse

_CPU_SENSORS: Final = ("coretemp", "k10temp", "cpu_thermal", "cpu-thermal", "soc_thermal", "zenpower", "acpitz")
"""Linux's names of sensors on or next to the processor; others measure disks and WLAN cards."""


class Meter:
    """Reads a hub's metrics.

    Args:
        disk: a path on the disk whose use counts: the spool's.
        temperature: a file with thousandths of a degree Celsius that is read in place of the machine's own sensors.
        power: tells of the battery and the mains.
    """

    def __init__(self, disk: Path, temperature: Path | None = None, power: Source = own) -> None:
        self._disk = disk
        self._power = power
        self._temperature = temperature
        self._agent = psutil.Process()
        self._processes: dict[int, psutil.Process] = {}
        self._network = _network()
        self._read_at = time.monotonic()
        psutil.cpu_percent()  # the first call only sets the mark

    def read(self, workers: Mapping[str, int], spool_written: int) -> HubMetrics:
        """Returns the present readings.

        Args:
            workers: process ids by instance.
            spool_written: bytes that the spool has written since the agent's start.
        """
        memory, now, network = psutil.virtual_memory(), time.monotonic(), _network()
        seconds = max(now - self._read_at, 1e-3)
        received, sent = ((new - old) / seconds for new, old in zip(network, self._network, strict=True))
        self._read_at, self._network = now, network
        power = self._power()
        return HubMetrics(
            cpu=psutil.cpu_percent(),
            load=round(os.getloadavg()[0] / (os.cpu_count() or 1), 3),
            memory=memory.percent,
            memory_available=memory.available,
            swap=psutil.swap_memory().percent,
            disk=psutil.disk_usage(str(self._disk)).percent,
            temperature=self._degrees(),
            battery=power.battery,
            mains=power.mains,
            received=round(max(received, 0.0), 1),
            sent=round(max(sent, 0.0), 1),
            processes=len(psutil.pids()),
            agent_memory=self._agent.memory_info().rss,
            spool_written=spool_written,
            instances=self._instances(workers),
        )

    def _degrees(self) -> float | None:
        if self._temperature is not None:
            return _from_file(self._temperature)
        sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
        cpu = [entry.current for name in _CPU_SENSORS for entry in sensors.get(name, ())]
        return round(max(cpu), 1) if cpu else None

    def _instances(self, workers: Mapping[str, int]) -> dict[str, InstanceUse]:
        before, self._processes = self._processes, {}
        return {instance: use for instance, pid in workers.items() if (use := self._use(pid, before)) is not None}

    def _use(self, pid: int, before: Mapping[int, psutil.Process]) -> InstanceUse | None:
        """Returns what a worker and its children use; ``None`` if it has just ended."""
        cpu, memory = 0.0, 0
        try:
            worker = before.get(pid) or psutil.Process(pid)
            family = [worker, *worker.children(recursive=True)]
        except psutil.NoSuchProcess:
            return None
        for member in family:
            process = before.get(member.pid, member)
            if process != member:
                process = member  # another one with the same id
            self._processes[member.pid] = process
            try:
                cpu += process.cpu_percent()
                memory += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return InstanceUse(cpu=round(cpu, 1), memory=memory)


def _network() -> tuple[int, int]:
    """Bytes received and sent over all interfaces but the loopback, since the machine's boot."""
    counters = {name: it for name, it in psutil.net_io_counters(pernic=True).items() if name != "lo"}
    return sum(it.bytes_recv for it in counters.values()), sum(it.bytes_sent for it in counters.values())


def _from_file(path: Path) -> float | None:
    try:
        degrees = int(path.read_text()) / 1000
    except (OSError, ValueError):
        return None
    return degrees if math.isfinite(degrees) else None

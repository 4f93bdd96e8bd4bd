"""A hub as a process of its own, that can be killed without warning."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from devices.mqtt.broker import Broker

RUN = """
import asyncio, json, sys
from devices.hub.agent import run
from devices.hub.config import read_config
config = read_config(None, {}, json.loads(sys.argv[1]))
asyncio.run(run(config, asyncio.Event()))
"""


class HubProcess:
    def __init__(self, broker: Broker, folder: Path, name: str, **settings: str) -> None:
        settings |= {"name": name, "broker.url": broker.address.url, "folder": str(folder)}
        self._arguments = [sys.executable, "-c", RUN, json.dumps(settings)]
        self.process = subprocess.Popen(self._arguments)

    def kill(self) -> list[psutil.Process]:
        """Kills the agent; returns the processes that were below it."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return below

    def start_again(self) -> None:
        self.process = subprocess.Popen(self._arguments)

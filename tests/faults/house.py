"""A broker, a coordinator and three hubs, each a process with a folder and a link of its own, that can be broken."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import psutil

from coordinator.cli.options import Target
from coordinator.cli.requests import Requests
from coordinator.views import answers
from coordinator.views.question import Question
from devices.errors import MidstreamError
from devices.mqtt import ends_with_parent
from devices.mqtt.broker import Broker, Embedded, Mosquitto
from devices.runtime import spare
from tests.faults import disks_and_clocks
from tests.faults.relay import Relay
from tests.faults.schedule import HUBS

ROOT: Final = Path(__file__).parents[2]
SAVES_AT_ONCE: Final = {"autosave_interval": "1", "autosave_on_changes": "true"}
"""Mosquitto writes its database after each change: what a killed one forgets is then next to nothing."""
_HUB_DISK, _COORDINATOR_DISK = 48, 200  # megabytes
_BACK: Final = 0.4  # seconds until a part that died at a crash point is started again, as systemd would
_HUB: Final = """
[metrics]
every = "1s"
[limits]
lease = "400ms"
"""
"""The coordinator waits for two leases before a function goes on elsewhere: a fault must last longer than that."""
_PATIENCE: Final = 60.0


class NeverError(Exception):
    """What must come did not."""


@dataclass
class Part:
    """A process and what it is started with."""

    name: str
    arguments: list[str]
    folder: Path
    armed: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    back_at: float = 0.0
    killed: bool = False
    wanted: bool = True

    @property
    def dead(self) -> bool:
        """Whether its process is over."""
        return self.process is None or self.process.poll() is not None


@dataclass
class House:
    """The whole installation.

    Args:
        folder: for all of it.
        kind: of broker.
        broken: a module of `tests.faults.broken`, or ``-``.
        disks: whether mounts are allowed.
        clocks: whether clocks can be turned: that makes everything here five times slower.
    """

    folder: Path
    kind: str = "mosquitto"
    broken: str = "-"
    disks: bool = False
    clocks: bool = False
    parts: dict[str, Part] = field(default_factory=dict)
    links: dict[str, Relay] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self.clock = disks_and_clocks.clock_library() if self.clocks else None
        home = self.folder / "broker"
        self.broker: Broker = Embedded(home) if self.kind == "embedded" else Mosquitto(home, settings=SAVES_AT_ONCE)
        self.broker.start()
        self.broker_back_at: float | None = None
        self.target = Target(self.broker.address, "midstream", as_json=True)
        for name in ("coordinator", *HUBS):
            await self._add(name)
        self._watching = asyncio.create_task(self._watch())
        await self.until(self.complete, "all hubs are online")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        for part in self.parts.values():
            self._kill_tree(part)
        for relay in self.links.values():
            await relay.close()
        self.broker.kill()
        for part in self.parts.values():
            if self.disks:
                disks_and_clocks.remove_disk(part.folder)

    async def _add(self, name: str) -> None:
        address = self.broker.address
        relay = self.links[name] = Relay(address.host, address.port, random.Random(name))
        url = f"mqtt://127.0.0.1:{await relay.start()}"
        folder = self.folder / name
        folder.mkdir(parents=True)
        if self.disks:
            disks_and_clocks.small_disk(folder, _COORDINATOR_DISK if name == "coordinator" else _HUB_DISK)
        config = self.folder / f"{name}.toml"
        config.write_text("" if name == "coordinator" else _HUB)
        arguments = ["coordinator"] if name == "coordinator" else ["hub", "--name", name]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MIDSTREAM_BROKER": url}
        if self.clock is not None:
            environment |= disks_and_clocks.clock(self.clock, self.folder / f"{name}.clock")
        arguments += ["--config", str(config), "--folder", str(folder)]
        part = self.parts[name] = Part(name, arguments, folder, self.folder / f"{name}.armed", environment)
        self._start(part)

    def _start(self, part: Part) -> None:
        wrapper = [sys.executable, "-I", "-S", ends_with_parent.__file__, str(os.getpid())]
        program = [sys.executable, "-P", "-m", "tests.faults.part", str(part.armed), self.broken, *part.arguments]
        with (self.folder / f"{part.name}.log").open("ab") as log:
            part.process = subprocess.Popen(
                wrapper + program,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=part.environment,
                start_new_session=True,
            )
        part.killed = False

    async def _watch(self) -> None:
        """Starts again what is dead, when its time has come."""
        while True:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            if self.broker_back_at is not None and now >= self.broker_back_at:
                self.broker_back_at = None
                self.broker.start()
            for part in self.parts.values():
                if not part.dead or part.process is None:
                    continue
                if not part.killed:
                    part.killed, part.back_at = True, now + _BACK
                    if part.process.returncode != -signal.SIGKILL:
                        self.ended.append(f"{part.name} ended by itself with {part.process.returncode}")
                elif now >= part.back_at and self.broker_back_at is None:
                    self._start(part)

    # Breaking ---------------------------------------------------------------------------------------------------------

    def kill(self, name: str, lasts: float, *, tree: bool = False) -> None:
        """Kills a part; it is started again after ``lasts`` seconds."""
        if name == "broker":
            self.broker.kill()
            self.broker_back_at = time.monotonic() + lasts
            return
        part = self.parts[name]
        if not part.dead:
            part.killed, part.back_at = True, time.monotonic() + lasts
            (self._kill_tree if tree else self._kill_alone)(part)

    def _kill_alone(self, part: Part) -> None:
        assert part.process is not None
        part.process.kill()

    def _kill_tree(self, part: Part) -> None:
        victims = self._descendants(part)
        if part.process is not None:
            part.process.kill()
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        if part.process is not None:
            part.process.wait()

    def restart_broker(self) -> None:
        """Ends the broker in order, and starts it again."""
        self.broker.stop()
        self.broker_back_at = time.monotonic()

    def signal(self, name: str, number: int) -> None:
        """Sends a signal to a hub and all its processes, to the coordinator, or to the broker."""
        if name == "broker":
            if self.broker.running:
                os.kill(self.broker.pid, number)
            return
        part = self.parts[name]
        if part.dead:
            return
        assert part.process is not None
        part.process.send_signal(number)
        for each in self._descendants(part):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(number)

    def _descendants(self, part: Part) -> list[psutil.Process]:
        if part.dead:
            return []
        assert part.process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(part.process.pid).children(recursive=True)
        return []

    def workers(self, name: str) -> list[psutil.Process]:
        """Returns the processes of the functions on a hub; their parent, the spawner, is the hub's own child."""
        part = self.parts[name]
        hub = part.process.pid if part.process is not None else 0
        found = []
        for each in self._descendants(part):
            with contextlib.suppress(psutil.NoSuchProcess):
                if each.ppid() != hub and each.name() != spare.NAME:
                    found.append(each)
        return found

    def spawner(self, name: str) -> list[psutil.Process]:
        """Returns the warm parent of a hub's workers."""
        part = self.parts[name]
        return psutil.Process(part.process.pid).children() if part.process is not None and not part.dead else []

    def arm(self, name: str, point: str) -> None:
        """Has a part die when it comes to a crash point."""
        self.parts[name].armed.write_text(point)

    def turn_clock(self, name: str, by: str) -> bool:
        """Turns a part's clock; returns whether that is possible here."""
        if self.clock is not None:
            (self.folder / f"{name}.clock").write_text(by)
        return self.clock is not None

    def disarm(self) -> None:
        """Takes back what has not come true."""
        for part in self.parts.values():
            part.armed.unlink(missing_ok=True)

    # Asking -----------------------------------------------------------------------------------------------------------

    async def ask(self, question: str, arguments: Question, within: float = 20.0) -> Any:
        """Asks the coordinator.

        Raises:
            MidstreamError: it refuses, or is not there.
            TimeoutError: it does not answer.
        """
        async with asyncio.timeout(within), Requests(self.target) as requests:
            return await requests.ask(question, arguments)

    async def asked(self, question: str, arguments: Question, within: float = 20.0) -> Any:
        """The same; ``None`` where there is no answer."""
        try:
            return await self.ask(question, arguments, within)
        except (MidstreamError, TimeoutError):
            return None

    async def complete(self) -> bool:
        """Tells whether all hubs are online."""
        hubs = await self.asked("hubs", answers.HubsAsk())
        return hubs is not None and [hub.hub for hub in hubs if hub.state == "online"] == list(HUBS)

    async def until(self, reached: Any, what: str, seconds: float = _PATIENCE) -> None:
        """Waits until something is so.

        Raises:
            NeverError: it never is.
        """
        end = time.monotonic() + seconds
        while not await reached():
            if time.monotonic() > end:
                raise NeverError(f"never came: {what}")
            await asyncio.sleep(0.1)

"""A whole installation for acceptance tests, driven as a person drives it: the `midstream` command in processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from devices.testing.broker import running_broker

COMMAND = [sys.executable, "-P", "-m", "coordinator.cli"]
DEADLINE = 60.0
ROOT = Path(__file__).parents[2]


class System:
    """A broker, a coordinator and hubs: separate processes with separate folders.

    Args:
        folder: of the test.
        broker: ``"mosquitto"`` or ``"embedded"``.
        config: of Mosquitto: ``"home"`` or ``"stock"``.
        hubs: names, each with further options of `midstream hub`.
        coordinator: further options of `midstream coordinator`.
        settings: of Mosquitto, by name.
    """

    def __init__(
        self,
        folder: Path,
        broker: str = "mosquitto",
        config: str = "home",
        hubs: dict[str, list[str]] | None = None,
        coordinator: list[str] | None = None,
        settings: dict[str, str | None] | None = None,
    ) -> None:
        self.folder = folder
        self._broker = running_broker(broker, folder / "broker", config, settings)
        self._hubs = {"hub-a": [], "hub-b": []} if hubs is None else hubs
        self._coordinator = coordinator or []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.broker = self._broker.__enter__()
        self.address = self.broker.address
        self.environment = {**os.environ, "MIDSTREAM_BROKER": self.address.url, "PYTHONPATH": str(ROOT)}
        try:
            self.start_coordinator()
            for hub, options in self._hubs.items():
                self.start_hub(hub, *options)
            self.until(lambda: len(self.online_hubs()) == len(self._hubs), "all hubs are online")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in sorted(self.processes, key=lambda name: name == "coordinator"):
            self.end(name)
        self._broker.__exit__(None, None, None)

    def start(self, name: str, arguments: list[str], command: list[str] = COMMAND) -> None:
        """Starts a part; its log is in the folder under its name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )

    def start_coordinator(self, command: list[str] = COMMAND) -> None:
        """Starts the coordinator."""
        folder = str(self.folder / "coordinator")
        self.start("coordinator", ["coordinator", "--folder", folder, *self._coordinator], command)

    def start_hub(self, hub: str, *options: str) -> None:
        """Starts a hub agent."""
        folder = str(self.folder / "hubs" / hub)
        self.start(hub, ["hub", "--name", hub, "--folder", folder, "--metrics-every", "1s", *options])

    def end(self, name: str, how: int = signal.SIGTERM) -> None:
        """Ends a part and waits for it."""
        process = self.processes.pop(name)
        process.send_signal(how)
        try:
            process.wait(DEADLINE)
        finally:
            process.kill()

    def command(self, *arguments: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Runs a `midstream` command; a status other than the expected one fails with what it printed."""
        done = subprocess.run(
            [*COMMAND, *arguments], env=self.environment, capture_output=True, text=True, check=False, timeout=180
        )
        if status is not None:
            assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr, self.logs())
        return done

    def ask(self, *arguments: str) -> Any:
        """Runs a command with `--json` and returns what it printed."""
        return json.loads(self.command(*arguments, "--json").stdout)

    def instance(self, name: str) -> dict[str, Any]:
        """Returns the instance's row of `ps`."""
        (row,) = self.ask("ps", name)
        return row

    def online_hubs(self) -> list[str]:
        """Returns the names of the hubs that the coordinator sees online; none while it is not there."""
        done = self.command("hubs", "--json", status=None)
        return (
            [hub["hub"] for hub in json.loads(done.stdout) if hub["state"] == "online"] if not done.returncode else []
        )

    def until(self, reached: Any, what: str, seconds: float = DEADLINE) -> None:
        """Waits until something is so; it asks again and again because only the command line is used."""
        end = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < end, f"never came: {what}\n{self.logs()}"

    def logs(self) -> str:
        """The ends of the parts' logs, for a failure's message."""
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log")))

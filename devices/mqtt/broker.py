"""Brokers as child processes: an installed Mosquitto, or the embedded one from its wheel.

A broker must never outlive whoever started it, also when that one is killed: the kernel then sends it SIGTERM, at which
Mosquitto saves (`ends_with_parent.py`). Two traps, both met: the kernel means the *thread* that started it, so start a
broker from a thread that lives as long as it is wanted; and it forgets the request when a process changes its user, as
Mosquitto does when root starts it, so the configuration names the user that it runs as already.

A broker leads a session of its own, so that Ctrl-C in the terminal ends the parent, which then ends the broker in order.
"""

from __future__ import annotations

import abc
import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from devices.errors import UnreachableError, UsageError, printable
from devices.mqtt import ends_with_parent
from devices.mqtt.address import BrokerAddress
from devices.mqtt.configuration import config_folder, embedded_config, mosquitto_config
from devices.mqtt.kind import BrokerKind

_HOST: Final = "127.0.0.1"
_START: Final = 15.0  # seconds until a broker answers; a Pi that reads a large database needs a few
_STOP: Final = 10.0  # seconds until a broker has saved and ended
_LOOK: Final = 0.01  # seconds between two looks at a broker that starts
_LOG_SHOWN: Final = 1000  # characters of a dead broker's log in an error
_CONNECT: Final = b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x00"
"""CONNECT of MQTT 5 with clean start, ten seconds of keep-alive, no properties, and a client id of the broker's choice."""
_CONNACK: Final = 0x20


class Broker(abc.ABC):
    """A broker on this machine's loopback, with its files in one folder; `Mosquitto` and `Embedded` say how.

    Args:
        folder: for configuration, log and database; made if it is missing.
        port: TCP port; 0 takes a free one at the first start and keeps it for the next ones.
    """

    kind: BrokerKind

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abc.abstractmethod
    def version(self) -> str:
        """The program's version, as ``2.0.11``."""

    @abc.abstractmethod
    def _command(self) -> list[str]:
        """Writes the configuration and returns the command line that runs with it."""

    @property
    def address(self) -> BrokerAddress:
        """Where it listens."""
        return BrokerAddress(_HOST, self._port)

    @property
    def log_path(self) -> Path:
        """What it says for itself."""
        return self.folder / f"{self.kind}.log"

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, while it is running."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    def start(self) -> None:
        """Starts it and returns when it has answered a CONNECT.

        Raises:
            UsageError: the port is taken.
            UnreachableError: it died at its start, with the end of its log, or did not answer within 15 seconds.
        """
        assert not self.running, "it is running"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._port = self._port or _free_port()
        _check_free(self._port)
        wrapper = [sys.executable, "-I", "-S", ends_with_parent.__file__, str(os.getpid())]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                wrapper + self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START
        while not _answers(self._port):
            if not self.running:
                raise UnreachableError(
                    f"the broker died at its start{self._last_words()}", remedy=f"see {self.log_path}"
                )
            if time.monotonic() > deadline:
                raise UnreachableError(f"the broker has not answered within {_START:.0f} s{self._last_words()}")
            time.sleep(_LOOK)

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            text = self.log_path.read_bytes()[-_LOG_SHOWN:].decode(errors="replace").strip()
            return f"; its log ends with:\n{printable(text)}" if text else ""
        return ""

    def stop(self) -> None:
        """Ends it in order: Mosquitto saves. Harmless when it is not running."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Ends it as a power cut would (SIGKILL). Harmless when it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Mosquitto(Broker):
    """An installed Mosquitto.

    Args:
        folder: for configuration, log and database.
        port: TCP port; 0 for a free one.
        config: the file to start from; ``None`` for `broker-config/mosquitto.conf` without its passwords: it listens on
            loopback alone.
        settings: changes to that file by name; ``None`` leaves a setting out.

    Raises:
        UnreachableError: no Mosquitto is installed.
    """

    kind = BrokerKind.MOSQUITTO

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        *,
        config: Path | None = None,
        settings: Mapping[str, str | None] | None = None,
    ) -> None:
        super().__init__(folder, port)
        program = find_mosquitto()
        if program is None:
            raise UnreachableError(
                "no Mosquitto is installed here", remedy="sudo apt install mosquitto, or use the embedded broker"
            )
        self._program = program
        self._config = config
        self._settings = dict(settings or {})

    @property
    def version(self) -> str:
        """The program's version, as ``2.0.11``."""
        said = subprocess.run([self._program, "-h"], capture_output=True, text=True, check=False, timeout=10)
        words = said.stdout.split()
        return words[2] if words[:2] == ["mosquitto", "version"] else "unknown"

    def _command(self) -> list[str]:
        settings: dict[str, str | None] = {
            "listener": f"{self._port} {_HOST}",
            "user": pwd.getpwuid(os.geteuid()).pw_name,
        }
        source = self._config
        if source is None:
            source = config_folder() / "mosquitto.conf"
            settings |= {"allow_anonymous": "true", "password_file": None, "acl_file": None}
        text = source.read_text()
        if "persistence_location" in text:
            settings["persistence_location"] = f"{self.folder.absolute()}/"
        path = self.folder / "mosquitto.conf"
        path.write_text(mosquitto_config(text, settings | self._settings))
        return [str(self._program), "-c", str(path.absolute())]


class Embedded(Broker):
    """The broker from the wheel `iotcore`, with `broker-config/embedded.toml`: for the demo, tests and a first look.

    Args:
        folder: for configuration and log; it keeps nothing else.
        port: TCP port; 0 for a free one.

    Raises:
        UsageError: the wheel is not installed.
    """

    kind = BrokerKind.EMBEDDED

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(folder, port)
        if importlib.util.find_spec("iotcore") is None:
            raise UsageError(
                "the embedded broker is not installed",
                remedy="pip install 'midstream[demo]', or install Mosquitto: sudo apt install mosquitto",
            )

    @property
    def version(self) -> str:
        """The wheel's version, as ``0.4.0``."""
        return importlib.metadata.version("iotcore")

    def _command(self) -> list[str]:
        path = self.folder / "embedded.toml"
        path.write_text(embedded_config((config_folder() / "embedded.toml").read_text(), self._port))
        # -P: a folder named iotcore where we stand is not taken for the wheel. CRITICAL: below it, rumqttd logs each
        # packet as an error; a panic is written all the same.
        return [sys.executable, "-P", "-m", "iotcore", "--config", str(path.absolute()), "--log-level", "CRITICAL"]


def find_mosquitto() -> Path | None:
    """Returns the Mosquitto program, also where a user's PATH does not lead: Debian puts it in /usr/sbin."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/mosquitto/sbin"]
    found = shutil.which("mosquitto", path=os.pathsep.join(places))
    return Path(found) if found else None


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _check_free(port: int) -> None:
    try:
        socket.create_server((_HOST, port)).close()
    except PermissionError:
        raise UsageError(f"port {port} may only be used by root", remedy="choose one above 1023") from None
    except OSError as error:
        raise UsageError(
            f"port {port} is taken ({error.strerror})",
            remedy=f"choose another one, or use the broker there: --broker mqtt://{_HOST}:{port}",
        ) from None


def _answers(port: int) -> bool:
    """Tells whether a broker answers CONNECT with a CONNACK; a listening socket alone proves nothing."""
    with contextlib.suppress(OSError), socket.create_connection((_HOST, port), timeout=_START) as sock:
        sock.sendall(_CONNECT)
        answer = sock.recv(1)
        return bool(answer) and answer[0] == _CONNACK
    return False

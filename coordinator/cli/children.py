"""Child processes of `up` and `demo`: each with its own log, none that outlives us, its complaint told as ours.

A child leads its own process group, so that Ctrl-C in the terminal reaches only us and we end the children in order.
If we are killed ourselves the kernel sends them SIGTERM (`devices/mqtt/ends_with_parent.py`); it goes by the thread that
started them, so children are started from the main thread. An end is noticed through a pidfd on the event loop: a
waiting thread for each child, asyncio's way on Python 3.11, would be forked into the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from devices.errors import MidstreamError, printable
from devices.mqtt import ends_with_parent

GRACE: Final = 8.0
"""Seconds that a child has to end in order: a hub makes checkpoints of what it runs."""
_LOG_READ: Final = 20_000  # bytes of a dead child's log that are looked at
_LINES_SHOWN: Final = 5


class Child:
    """One `midstream` command as a child.

    Args:
        name: for messages: ``"the coordinator"``.
        arguments: of the `midstream` command.
        log: its stdout and stderr; appended to.
        environment: its ``MIDSTREAM_*``, in place of ours: a password must not be seen in the list of processes, and a
            setting that is meant for another part must not reach it.
    """

    def __init__(self, name: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        self.ended = asyncio.Event()
        self._arguments = list(arguments)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("MIDSTREAM_")}
        self._environment = {**ours, **environment, "PYTHONUNBUFFERED": "1"}
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd: int | None = None
        self._log_start = 0

    def start(self) -> None:
        """Starts it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.ended.clear()
        wrapper = [sys.executable, "-I", "-S", ends_with_parent.__file__, str(os.getpid())]
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            # -P: a folder named coordinator where the user stands is not taken for ours.
            self._process = subprocess.Popen(
                [*wrapper, sys.executable, "-P", "-m", "coordinator.cli", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        self._pidfd = os.pidfd_open(self._process.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._has_ended)

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and not self.ended.is_set()

    @property
    def pid(self) -> int:
        """Its process id; it leads the group of this number."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    def error(self) -> MidstreamError:
        """Returns why it ended, as one clear sentence: its own, if it left one in its log."""
        message, remedy = self._last_words()
        return MidstreamError(message, place=self.name, remedy=remedy)

    async def stop(self) -> None:
        """Ends it in order, with SIGKILL for its whole group when it takes longer than `GRACE`. Harmless afterwards."""
        if not self.running:
            return
        os.kill(self.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(GRACE):
                await self.ended.wait()
        except TimeoutError:
            pass
        finally:
            self.kill()

    def kill(self) -> None:
        """Ends it and its whole group at once. Harmless afterwards."""
        if self.running:
            self._has_ended()

    def _has_ended(self) -> None:
        """Kills what is left of the group before the dead leader is reaped: until then nobody else gets its number."""
        assert self._process is not None
        assert self._pidfd is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = None
        self.ended.set()

    def last_line(self) -> str:
        """Returns the last line of its log; empty if it has said nothing."""
        return printable(next(reversed(self._lines()), ""))

    def _lines(self) -> list[str]:
        with self.log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _LOG_READ))
            return log.read().decode(errors="replace").splitlines()

    def _last_words(self) -> tuple[str, str | None]:
        lines = self._lines()
        for number, line in enumerate(lines):
            if line.startswith("error: "):
                remedy = lines[number + 1].strip() if lines[number + 1 : number + 2] else ""
                return printable(line.removeprefix("error: ")), printable(remedy) or None
        status = self._process.returncode if self._process else None
        how = f"was killed by signal {-status}" if status is not None and status < 0 else f"ended with status {status}"
        tail = "\n".join(lines[-_LINES_SHOWN:])
        return f"{how}" + (f"; its log ends with:\n{printable(tail)}" if tail else ""), f"its log: {self.log}"

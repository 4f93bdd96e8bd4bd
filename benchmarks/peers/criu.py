"""The process of the function, dumped and restored by CRIU. Needs root, and a CRIU that knows the kernel."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from os import kill
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.errors import NotHereError
from benchmarks.peers.task import task
from benchmarks.spread import percentile

STOOD_STILL: Final = 0.01
"""Seconds between two looks at the clock that are taken for a dump."""
_WAIT: Final = 30.0
_PROCESS: Final = """
import sys, time
from pathlib import Path


def look_at_the_clock():
    folder = Path(sys.argv[2])
    (folder / "paused").touch()
    while True:
        before = time.monotonic()
        time.sleep(0.0001)
        now = time.monotonic()
        if now - before > {still}:
            (folder / "went-on.new").write_text(repr(time.time()))
            (folder / "went-on.new").rename(folder / "went-on")
"""


def measure(command: str, count: int, rounds: int) -> dict[str, Any]:
    """Returns bytes of the images, and medians of the times in ms.

    Args:
        command: that starts CRIU, as in a shell.
        count: readings of the state.
        rounds: how many dumps.

    Raises:
        NotHereError: it is not installed, or cannot do it here.
    """
    criu = shlex.split(command)
    version = _run([*criu, "--version"]).split()[1]
    taken = [_once(criu, count) for _ in range(rounds)]
    return {
        "bytes": taken[-1][0],
        "capture_ms": percentile([dumped for _, dumped, _ in taken], 50) * 1000,
        "resume_ms": percentile([restored for _, _, restored in taken], 50) * 1000,
        "version": version,
    }


def _once(criu: list[str], count: int) -> tuple[int, float, float]:
    with tempfile.TemporaryDirectory(prefix="midstream-benchmark-") as name:
        folder = Path(name)
        images = folder / "images"
        images.mkdir()
        program = _PROCESS.format(still=STOOD_STILL) + task("look_at_the_clock()") + "\n\nmain(int(sys.argv[1]))\n"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", program, str(count), name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_for(folder / "paused")
            began = time.monotonic()
            _run([*criu, "dump", "--tree", str(process.pid), "--images-dir", str(images), "-v1"])
            dumped = time.monotonic() - began
            process.wait()  # CRIU has killed it, and its number must be free
            (folder / "went-on").unlink(missing_ok=True)
            began = time.time()  # CRIU gives the process a monotonic clock of its own, which goes on where it stood
            _run([*criu, "restore", "--restore-detached", "--images-dir", str(images), "-v1"])
            went_on = float(_wait_for(folder / "went-on"))
            size = sum(file.stat().st_size for file in images.iterdir())
            return size, dumped, went_on - began
        finally:
            with suppress(ProcessLookupError):
                kill(process.pid, signal.SIGKILL)
            process.wait()


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WAIT)
    except OSError as error:
        raise NotHereError(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        errors = [
            line for line in done.stderr.splitlines() if line.startswith("Error") and "exited, status" not in line
        ]
        raise NotHereError(f"CRIU says: {errors[0] if errors else f'status {done.returncode}'}")
    return done.stdout


def _wait_for(file: Path) -> str:
    deadline = time.monotonic() + _WAIT
    while not file.exists():
        if time.monotonic() > deadline:
            raise NotHereError(f"{file.name}: no sign of the process")
        time.sleep(0.001)
    return file.read_text()

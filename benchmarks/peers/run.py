"""All of them, one after the other, on the same function and states."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.peers import criu, durable, midstream
from benchmarks.peers.errors import NotHereError
from benchmarks.peers.task import READINGS, result, task

WITHIN, IN_A_PROCESS = "midstream, within a process", "midstream, with a worker made"
"""What dispatch-py and CRIU are compared with, in that order."""
_WAIT: Final = 300.0


def run(rounds: int, *, python: str, criu_command: str) -> dict[str, Any]:
    """Returns the figures by system and size of the state, or why there are none.

    Args:
        rounds: captures of each.
        python: command of a Python in which `dispatch-py` is installed.
        criu_command: command of CRIU.
    """
    measured: dict[str, Callable[[int], dict[str, Any]]] = {
        WITHIN: lambda count: midstream.within(count, rounds),
        "dispatch-py": lambda count: _durable(python, count, rounds),
        IN_A_PROCESS: lambda count: midstream.with_a_process(count, rounds),
        "CRIU": lambda count: criu.measure(criu_command, count, rounds),
    }
    return {
        name: {size: _figures(measure, count) for size, count in READINGS.items()} for name, measure in measured.items()
    }


def _figures(measure: Callable[[int], dict[str, Any]], count: int) -> dict[str, Any]:
    try:
        figures = measure(count)
    except NotHereError as error:
        return {"not_available": str(error)}
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in figures.items()}


def _durable(python: str, count: int, rounds: int) -> dict[str, Any]:
    command = [*shlex.split(python), str(Path(durable.__file__)), str(count), str(rounds)]
    source = task("await pause()", awaits=True)
    try:
        done = subprocess.run(command, input=source, capture_output=True, text=True, check=False, timeout=_WAIT)
    except OSError as error:
        raise NotHereError(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        raise NotHereError(done.stderr.strip().splitlines()[-1])
    figures: dict[str, Any] = json.loads(done.stdout)
    assert figures.pop("results") == [list(result(count))] * rounds, "what went on gives another result"
    return figures

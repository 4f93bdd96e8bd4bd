"""The function with Midstream: within a process that has its code ready, and in a worker's process that is made for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from benchmarks.peers.task import FRAMES, result, task
from benchmarks.spread import percentile
from benchmarks.workers import resumed
from devices.runtime import library
from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.library import Library
from devices.runtime.python.program import Program
from devices.runtime.source import Source


def within(count: int, rounds: int) -> dict[str, Any]:
    """Returns the size of the image, and medians in ms: from the call of ``pause`` to the image, and to the next statement.

    Args:
        count: readings of the state.
        rounds: captures, each resumed once.
    """
    images: list[Image] = []

    def pause() -> None:
        image = execution.capture_in_effect({})
        assert image is not None
        images.append(image)

    given = library.registered()
    registered = replace(given, named={**given.named, "pause": pause})
    program = Program.load(Source("task", {"task.py": task("pause()")}), library=Library(_goes_on, registered))
    program.namespace["pause"] = pause
    program.prepare()
    captured, went_on = [], []
    for _ in range(rounds):
        execution = Execution(program)
        execution.start("main", [count], {})
        image = images.pop()
        assert len(image.frames) == FRAMES
        captured.append(image.read_ms + image.encode_ms)
        begun: list[float] = []
        began = time.perf_counter()
        assert Execution(program).resume(image.data, lambda: begun.append(time.perf_counter())) == result(count)  # noqa: B023
        went_on.append((begun[0] - began) * 1000)
    return {
        "bytes": len(image.data),
        "capture_ms": percentile(captured, 50),
        "resume_ms": percentile(went_on, 50),
    }


def _goes_on(_described: dict[str, Any]) -> None:
    """The pause is over."""


def with_a_process(count: int, rounds: int) -> dict[str, Any]:
    """Returns the size of the checkpoint, and medians in ms: of the capture on request, and from blob to statement.

    Args:
        count: readings of the state.
        rounds: workers that are made.
    """
    text = "from midstream import ctx, function\n" + task("ctx.next()").replace(
        "def main(count)", "@function\ndef main(count: int)"
    )
    figures = asyncio.run(resumed("main", text, rounds, count=count))
    return {
        "bytes": figures["blob_bytes_beyond_source"],
        "capture_ms": figures["captured_p50_ms"],
        "resume_ms": figures["first_statement_p50_ms"],
    }

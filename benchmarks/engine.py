"""What the engine costs: normal form against plain Python, capture, resume.

Each program runs as it was written, in normal form, and from a capture taken inside of its loops, in turns within one
process; the ratios are those of the best times. Three of the programs are modules of the standard library, loaded from
their Python source as a user's modules are.
"""

from __future__ import annotations

import gc
import inspect
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devices.runtime.exercising.life import Stops, own_library
from devices.runtime.exercising.untouched import UntouchedProgram
from devices.runtime.python.capture import Image
from devices.runtime.python.engine import Execution
from devices.runtime.python.program import Program
from devices.runtime.source import Source

Form = Callable[[Callable[[], None]], Any]
"""Runs a program; what it is given is called just before the first statement."""
PROGRAMS = Path(__file__).parent / "programs"
EARLY = 30
"""The stop at which a program is captured: its loops have just begun."""
FRAMES = """
def inner(readings, limit):
    total = 0
    for name, value in readings.items():
        total += value
        if value > limit:
            total -= limit
    return total


def middle(readings):
    highest = 0
    for limit in (10, 20, 30):
        highest = max(highest, inner(readings, limit))
    return highest


def main():
    readings = {f"sensor-{n}": n * 1.5 for n in range(40)}
    names = [name.upper() for name in readings]
    return middle(readings), names
"""


def programs() -> dict[str, Source]:
    """Returns the fifteen programs."""
    import heapq
    import json.decoder
    import json.scanner
    import textwrap

    found = {path.stem: Source("program", {"program.py": path.read_text()}) for path in sorted(PROGRAMS.glob("*.py"))}
    decoder = inspect.getsource(json.decoder).replace("from json import scanner", "import scanner")
    found["json.decoder"] = Source(
        "program",
        {
            "program.py": JSON,
            "decoder.py": decoder.replace("c_scanstring or py_scanstring", "py_scanstring"),
            "scanner.py": inspect.getsource(json.scanner).replace(
                "c_make_scanner or py_make_scanner", "py_make_scanner"
            ),
        },
    )
    found["textwrap"] = Source("program", {"program.py": WRAP, "wrapping.py": inspect.getsource(textwrap)})
    heap = inspect.getsource(heapq).partition("# If available, use C implementation")[0]
    found["heapq"] = Source("program", {"program.py": HEAP, "heap.py": heap})
    return found


JSON = """
import decoder

TEXT = '{"a": [1, 2.5, true, null, "text \\\\u00e9"], "b": {"c": [{"d": -1}, {"e": "f"}]}}'


def main(n=60):
    for _ in range(n):
        found = decoder.JSONDecoder().decode(TEXT)
    return found
"""
WRAP = """
import wrapping

TEXT = "The hub overheats, and the function goes on at the next statement on another hub. " * 6


def main(n=25):
    for width in range(20, 20 + n):
        lines = wrapping.wrap(TEXT, width)
    return lines
"""
HEAP = """
import heap


def main(n=1500):
    queue = []
    for i in range(n):
        heap.heappush(queue, (i * 7919) % 1009)
    return [heap.heappop(queue) for _ in range(n)][-1]
"""


def run(rounds: int) -> dict[str, Any]:
    """Returns the figures.

    Args:
        rounds: how often each program runs in each of its forms.
    """
    cost, resumed = {}, {}
    for name, source in programs().items():
        cost[name], resumed[name] = _ratios(source, rounds)
    return {
        "cost": cost,
        "geomean": round(statistics.geometric_mean(cost.values()), 3),
        "worst": max(cost.values()),
        "cost_resumed": resumed,
        "geomean_resumed": round(statistics.geometric_mean(resumed.values()), 3),
        "capture": _capture(rounds),
    }


def _ratios(source: Source, rounds: int) -> tuple[float, float]:
    program = Program.load(source, library=own_library())
    image = _captured(program, EARLY)
    plain = UntouchedProgram.load(source, library=own_library())
    main = plain.namespace["main"]
    forms: list[Form] = [
        lambda _: main(),
        lambda begun: Execution(program).start("main", [], {}, begun),
        lambda begun: Execution(program).resume(image.data, begun),
    ]
    results = [form(lambda: None) for form in forms]
    assert results[0] == results[1] == results[2], "what went on elsewhere gives another result"
    best = [float("inf")] * len(forms)
    for _ in range(rounds):
        for number, form in enumerate(forms):
            best[number] = min(best[number], _seconds(form))
    return round(best[1] / best[0], 3), round(best[2] / best[0], 3)


def _seconds(form: Form) -> float:
    """Returns the processor's time of the function's own code; what a resumption costs once is not in it."""
    gc.collect()
    gc.disable()
    began = [time.process_time()]
    form(lambda: began.append(time.process_time()))
    took = time.process_time() - began[-1]
    gc.enable()
    return took


def _captured(program: Program, stop: int) -> Image:
    """Returns a capture at a stop; where C code calls back there, at an earlier one."""
    taken: dict[int, Image] = {}
    for every in (stop, stop // 4, 1):
        execution = Stops(program, every=every, most=1, taken=lambda image, number: taken.setdefault(number, image))
        execution.start("main", [], {})
        if every in taken:
            return taken[every]
    raise AssertionError("it cannot be captured at its first statement")


def _capture(rounds: int) -> dict[str, Any]:
    """Three frames with some 1 KB of state: from the stop to the encoded image, and from that to the next statement."""
    source = Source("program", {"program.py": FRAMES})
    program = Program.load(source, library=own_library())
    taken, images = [], []
    for _ in range(max(rounds, 20)):
        image = _captured(program, 60)
        images.append(image)
        taken.append(image.read_ms + image.encode_ms)
    resumed = []
    for image in images:
        begun: list[float] = []
        began = time.perf_counter()
        Execution(program).resume(image.data, lambda: begun.append(time.perf_counter()))  # noqa: B023
        resumed.append((begun[0] - began) * 1000)
    return {
        "frames": len(images[0].frames),
        "image_bytes": len(images[0].data),
        "source_bytes": len(FRAMES),
        "to_image_p50_ms": round(statistics.median(taken), 3),
        "to_statement_p50_ms": round(statistics.median(resumed), 3),
    }

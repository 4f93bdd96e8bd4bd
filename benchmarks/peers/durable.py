"""The function as `dispatch-py`'s durable coroutines, pickled and unpickled: a script for an interpreter that has them.

    python durable.py COUNT ROUNDS < SOURCE

Prints JSON. It runs in a process of its own, for that interpreter need not have anything of ours.
"""

from __future__ import annotations

import importlib
import json
import pickle
import statistics
import sys
import time
import types

_moments: list[float] = []  # at which it was paused, and went on


def _pause():
    _moments.append(time.perf_counter())
    yield
    _moments.append(time.perf_counter())


def main(count: int, rounds: int) -> None:
    """Measures, in this process."""
    durable = importlib.import_module("dispatch.experimental.durable").durable
    namespace = {"durable": durable, "pause": types.coroutine(durable(_pause)), "__name__": "__main__"}
    exec(compile(sys.stdin.read(), "task", "exec"), namespace)
    captured, resumed, data, results = [], [], b"", []
    for _ in range(rounds):
        running = namespace["main"](count)
        running.send(None)
        began = time.perf_counter()
        data = pickle.dumps(running)
        captured.append(time.perf_counter() - began)
        began = time.perf_counter()
        again = pickle.loads(data)
        try:
            again.send(None)
        except StopIteration as end:
            results.append(end.value)
        resumed.append(_moments[-1] - began)
        running.close()
    print(
        json.dumps(
            {
                "bytes": len(data),
                "capture_ms": statistics.median(captured) * 1000,
                "resume_ms": statistics.median(resumed) * 1000,
                "results": results,
                "python": sys.version.split()[0],
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

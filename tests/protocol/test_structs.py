"""Threads may be the first to use a type."""

from __future__ import annotations

import subprocess
import sys

THREADS_USE_NEW_TYPES = """
from __future__ import annotations

import sys
import threading

import msgspec

from devices.protocol import structs

sys.setswitchinterval(1e-6)
for _ in range(400):
    class Inner(msgspec.Struct):
        a: int = 1
        b: list[str] = []

    class Outer(msgspec.Struct):
        a: int = 0
        b: dict[str, Inner] = {}
        c: Inner | None = None
        d: list[Inner] = []

    together = threading.Barrier(3)

    def use():
        together.wait()
        msgspec.convert({"b": {"x": {"a": 2}}, "c": {"a": 3}, "d": [{"a": 1}]}, Outer)

    if sys.argv[1] == "prepared":
        structs.prepare()
    threads = [threading.Thread(target=use) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
print("lived")
"""


def test_threads_that_are_the_first_to_use_a_type_at_once_do_not_end_the_process():
    done = subprocess.run(
        [sys.executable, "-c", THREADS_USE_NEW_TYPES, "prepared"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "lived\n"), done.stderr

"""Values cross to processes with other hash seeds and other Pythons, and back.

``MIDSTREAM_OTHER_PYTHONS`` names further interpreters, separated by colons, that have this project's dependencies.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import travellers

HERE = Path(__file__).parent
OTHERS = [path for path in os.environ.get("MIDSTREAM_OTHER_PYTHONS", "").split(":") if path]


@pytest.mark.parametrize("python", [sys.executable, *OTHERS])
@pytest.mark.parametrize("seed", ["0", "1", "12345"])
def test_values_cross_to_another_process_and_back(python, seed):
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)]),
    }
    there = subprocess.run(
        [python, "-W", "error", str(HERE / "travellers.py")],
        input=travellers.packed(travellers.everything()),
        env=environment,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert there.stderr.decode() == ""
    back = travellers.unpacked(there.stdout)
    for came, own in zip(back, travellers.everything(), strict=True):
        assert travellers.seen(came) == travellers.seen(own)

"""A hub or a coordinator with its crash points armed, and, where the oracle is to be tried, with a rule patched out.

``python -m tests.faults.part FILE BROKEN COMMAND...``: the file that names a crash point, a module of
`tests.faults.broken` or ``-``, and the arguments of `midstream`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.faults import crash

if __name__ == "__main__":
    file, broken, *command = sys.argv[1:]
    armed = crash.Armed(Path(file))
    if command[0] == "hub":
        crash.arm_hub(armed)
        if broken != "-":
            importlib.import_module(f"tests.faults.broken.{broken}").patch()
    else:
        crash.arm_coordinator(armed)
    from coordinator.cli.main import call

    sys.exit(call(command))

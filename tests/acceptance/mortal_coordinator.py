"""`midstream`, whose coordinator is killed at a named point of a move: started with a file that says which, in its turn.

    python mortal_coordinator.py FILE coordinator --folder ...

The file holds the name of one point. Passing that point removes the file and kills the process, as a power cut does.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from coordinator.cli.main import main
from coordinator.moves import machine

WHERE = Path(sys.argv.pop(1))


def die_at(point: str) -> None:
    if WHERE.exists() and WHERE.read_text() == point:
        WHERE.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


machine.crash_point = die_at
main()

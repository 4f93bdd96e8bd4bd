"""Becomes another program that the kernel ends when whoever started it ends: ``ends_with_parent.py PARENT PROGRAM ...``.

Run as a script of its own, because the request (prctl(2), PR_SET_PDEATHSIG) must come from the child, and code of ours
between fork and exec is not safe in a parent with threads. The request survives the change of the program.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Asks the kernel, makes sure that it was not too late, and becomes the program."""
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it ended before the kernel knew
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the very purpose


if __name__ == "__main__":
    main()

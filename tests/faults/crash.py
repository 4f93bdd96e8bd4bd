"""Named crash points between any two steps of a move, put around the product's own functions from outside.

A started process looks for a file that names one. When it comes to that point it removes the file and kills itself as
a power cut would. The product has no switch for it: this module replaces functions in the process that it is imported
by (`part.py`). The coordinator calls `machine.crash_point` at the points that `coordinator/moves/steps.py` lists.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Armed:
    """The crash point that this process is to die at, if any.

    Args:
        file: holds its name.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def passes(self, point: str) -> None:
        """Dies if this is the point."""
        try:
            wanted = self._file.read_text()
        except FileNotFoundError:
            return
        if wanted == point:
            self._file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, step: str) -> None:
        """Puts two points around a function: ``before-<step>`` and ``after-<step>``."""
        setattr(owner, name, self._wrapped(getattr(owner, name), step))

    def _wrapped(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*args: Any, **named: Any) -> Any:
                self.passes(f"before-{step}")
                result = await function(*args, **named)
                self.passes(f"after-{step}")
                return result

            return later

        @functools.wraps(function)
        def now(*args: Any, **named: Any) -> Any:
            self.passes(f"before-{step}")
            result = function(*args, **named)
            self.passes(f"after-{step}")
            return result

        return now


def arm_coordinator(armed: Armed) -> None:
    """Gives the coordinator's crash points their meaning."""
    from coordinator.moves import machine

    machine.crash_point = armed.passes


def arm_hub(armed: Armed) -> None:
    """Puts crash points around the steps of a hub."""
    from devices.hub import handover
    from devices.hub.captures import Captures
    from devices.hub.instance_session import InstanceSession
    from devices.hub.instances import Instances
    from devices.hub.life import Life
    from devices.hub.spool import InstanceSpool

    armed.around(InstanceSpool, "keep", "keep")
    armed.around(InstanceSpool, "note", "note")
    armed.around(Captures, "stored", "stored")
    armed.around(handover, "release", "release")
    armed.around(Instances, "restore", "restore")
    armed.around(InstanceSession, "open", "open-session")
    armed.around(InstanceSession, "acknowledge", "acknowledge")
    armed.around(InstanceSession, "let_go", "let-outputs-go")
    armed.around(Life, "forget", "forget")
    armed.around(handover, "send_late_mail", "late-mail")
    armed.around(Life, "go_on", "go-on")

"""How a computing function notices that its hub agent wants something.

The function computes and looks at no socket. So the kernel raises SIGUSR1 when bytes arrive on the link (``O_ASYNC``
with ``F_SETSIG``), and the handler looks at it. The hub sends SIGUSR1 too, but its signal alone would not do: it can
overtake a frame that still lies in the hub's own buffer, and two signals that come close together are one.

The handler must not run into the middle of the runtime's own work, where half a frame may be on its way: that work
stands in a ``with attention:``, and the look is made up for when the outermost one ends.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

KNOCK: Final = signal.SIGUSR1
_F_SETSIG: Final = 10  # fcntl(2); the fcntl module has no name for it


class Attention:
    """Calls ``look`` as soon as bytes have arrived and the runtime is not at work itself.

    Args:
        look: takes what has arrived; runs between two instructions of the function, so it must be brief.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._depth = 0
        self._missed = False

    @property
    def nested(self) -> bool:
        """Whether a call of the runtime runs inside of another one: a ``where=`` that calls ``ctx`` itself."""
        return self._depth > 1

    def watch(self, descriptor: int) -> None:
        """Has the kernel knock when bytes arrive; bytes that are there already count as a knock."""
        signal.signal(KNOCK, self._knocked)
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(descriptor, _F_SETSIG, KNOCK)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
        self._knocked(KNOCK, None)

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_exception: object) -> None:
        self._depth -= 1
        if not self._depth and self._missed:
            self._knocked(KNOCK, None)

    def _knocked(self, _signal: int, _frame: FrameType | None) -> None:
        if self._depth:
            self._missed = True
            return
        self._missed = True
        while self._missed:
            self._missed = False
            self._depth += 1
            try:
                self._look()
            finally:
                self._depth -= 1

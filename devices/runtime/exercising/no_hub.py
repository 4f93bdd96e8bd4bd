"""`ctx` while a function is exercised: there is no hub, and a function that wants one must not count as proved.

It may catch the error that `ctx` answers with, and go on as it never would on a hub. So that it was used is noted too.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import UTC
from typing import NoReturn, cast

from devices.errors import RefusedError
from devices.runtime import instance
from devices.runtime.instance import Instance


class NoHub:
    """Stands where the running instance does on a hub, and has nothing of it.

    Args:
        files: of the program.

    Attributes:
        asked_at: ``file:line`` of the program where ``ctx`` was used first; empty: it was not.
        zone: that the message which starts a function has its time in.
    """

    def __init__(self, files: Collection[str]) -> None:
        self._files = files
        self.asked_at = ""
        self.zone = UTC

    def stand_in(self) -> None:
        """Has ``ctx`` ask this from now on."""
        instance.run(cast("Instance", self))

    def __getattr__(self, name: str) -> NoReturn:
        if not self.asked_at:
            self.asked_at = self._line()
        raise RefusedError("ctx was used, and there is no hub here")

    def _line(self) -> str:
        frame = sys._getframe()  # noqa: SLF001  (who asks is not told otherwise)
        while frame.f_back is not None and frame.f_code.co_filename not in self._files:
            frame = frame.f_back
        return f"{frame.f_code.co_filename}:{frame.f_lineno}"

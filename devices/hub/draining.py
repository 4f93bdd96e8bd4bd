"""Whether this hub gives away what it runs, because somebody wants to switch it off.

A person asks for it, the coordinator moves functions away or suspends them, and this hub says when nothing runs here any
more and everything is durable (`drained`). The wish survives a restart of the agent, as an upgrade makes one, and ends
with the machine's power: who plugs a computer in again wants it back.
"""

from __future__ import annotations

from pathlib import Path

from devices.errors import MidstreamError
from devices.hub.durable import sync_folder, write_durably


class Draining:
    """The wish, in the hub's folder.

    Args:
        folder: the hub's.
        boot: of the machine.

    Attributes:
        wanted: whether it is to be drained.
    """

    def __init__(self, folder: Path, boot: str) -> None:
        self._file = folder / "draining"
        self._boot = boot
        self.wanted = self._file.exists() and self._file.read_text() == boot

    def want(self, *, wanted: bool) -> None:
        """Notes the wish, or its end.

        Raises:
            MidstreamError: it cannot be noted; then all is as before.
        """
        try:
            if wanted:
                write_durably(self._file, self._boot.encode())
            elif self._file.exists():
                self._file.unlink()
                sync_folder(self._file.parent)
        except OSError as error:
            raise MidstreamError(f"the hub cannot note it: {error.strerror}", place=str(self._file)) from error
        self.wanted = wanted

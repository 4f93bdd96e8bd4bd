"""Whether this hub gives away what it runs, because somebody wants to switch it off.

A person asks for it, the coordinator moves functions away or suspends them, and this hub says when nothing runs here any
more and everything is durable: only it knows. The wish survives a restart of the agent, as an upgrade makes one, and ends
with the machine's power: who plugs a computer in again wants it back.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal

from devices.errors import MidstreamError
from devices.hub.durable import sync_folder, write_durably
from devices.hub.life import Life
from devices.protocol.messages import InstanceStateName

_AT_REST: Final[frozenset[InstanceStateName]] = frozenset({"suspended", "failed"})


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


def stage(lives: Collection[Life], now: str) -> Literal["draining", "drained"]:
    """Returns how far a hub is.

    It is drained when nothing runs and every newest state is where a failover will look for it; what a suspended function
    hears from then on does not change that, the broker keeps it until it is covered.

    Args:
        lives: all that are here.
        now: the state that the hub tells now.
    """
    instances = [life.instance for life in lives]
    if any(instance.state not in _AT_REST or instance.worker is not None for instance in instances):
        return "draining"
    durable = all(it.durable == it.header.checkpoint for it in instances if it.state == "suspended")
    ahead = any(life.ahead.is_said for life in lives)
    return "drained" if (durable and not ahead) or now == "drained" else "draining"

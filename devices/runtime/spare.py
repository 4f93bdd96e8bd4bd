"""A worker forked ahead of its need: it waits for its sockets, and a function that comes begins some milliseconds sooner.

A fork copies tables of memory, and each page that a worker writes to for the first time is copied then: a thousand of
them until the first statement. A spare has that behind it, because it has lived the small life of `warmup` once more.
"""

from __future__ import annotations

import os
import socket
from typing import Final

from devices.runtime import after_fork, warmup

Sockets = tuple[socket.socket, socket.socket]
"""A worker's ends of link and hatch."""
NAME: Final = "midstream spare"
"""Of the process, while it waits."""
_COUNT: Final = 2


class Spare:
    """The parent's side.

    Args:
        pid: of the process.
        handover: the parent's end of the way by which its sockets come.
    """

    def __init__(self, pid: int, handover: socket.socket) -> None:
        self.pid = pid
        self._handover = handover

    def give(self, link: int, hatch: int) -> bool:
        """Makes a worker of it; returns whether it lived to take its sockets."""
        with self._handover:
            try:
                socket.send_fds(self._handover, [b"\0"], [link, hatch])
            except OSError:
                return False
        return True

    def dismiss(self) -> None:
        """Has it end."""
        self._handover.close()


def wait(parent: int, handover: socket.socket) -> Sockets:
    """Makes a process of its own of a forked child, and waits until it is needed; ends it if it no longer is.

    Args:
        parent: process id of the warm parent.
        handover: its end of the way by which the sockets come.
    """
    after_fork.become_worker(parent, handover.fileno())
    after_fork.be_expendable(after_fork.MOST_EXPENDABLE)
    after_fork.call_itself(NAME)
    warmup.warm_up()
    with handover:
        _, descriptors, _, _ = socket.recv_fds(handover, 1, _COUNT)
    if len(descriptors) != _COUNT:
        os._exit(0)
    after_fork.be_expendable(after_fork.MORE_EXPENDABLE)
    after_fork.call_itself(after_fork.NAME)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # what came by SCM_RIGHTS is
    link, hatch = descriptors
    return socket.socket(fileno=link), socket.socket(fileno=hatch)

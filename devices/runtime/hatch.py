"""How the image of a large state gets out while the function goes on.

A copy of the process (`process_copy`) encodes what lay in memory when the function stood still; the function stands still
for the copying alone, some milliseconds, and pays for each page that it changes meanwhile. The copy cannot use the link,
on which the function goes on talking. So a worker has a second socket, the hatch, through which nothing goes but
descriptors: for each copy one end of a new stream, on which it sends one frame, `link.Encoded` or `link.NotCaptured`.
The end of that stream is the end of the copy, whatever became of it.

A small state is encoded where it is, for that takes less than to copy the process, which is 1 to 3 ms; 32 KiB of image
are a fraction of that where they are a few texts or arrays, and some 5 ms where they are thousands of objects. How large
an image will be is known when it is made; so the one before decides, and how much memory this process has taken since. After a copy that
failed for a reason of its own the next image is made in place again.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices.errors import CannotStopError, MidstreamError
from devices.protocol import limits, link
from devices.runtime import process_copy
from devices.runtime.python.capture import Reading
from devices.runtime.python.engine import our_fault
from devices.runtime.python.frames import Blocked

_SMALL: Final = 32 * limits.KIB  # of an image
_GROWTH: Final = limits.MIB  # memory that was taken since an image was small, after which the next may not be
_WAS_SMALL: Final = 1  # exit status of a copy whose image was


@dataclass(frozen=True, slots=True)
class _Copy:
    """One that is at work: its process id, the memory it was made with, and when its time is up."""

    pid: int
    memory: int
    deadline: float


class Hatch:
    """A worker's end, and the copy that is at work: one at a time.

    Args:
        connection: of type SEQPACKET; the hatch owns it from here on.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._copy: _Copy | None = None
        self._small_up_to = 0  # bytes of memory with which an image was small

    def close(self) -> None:
        """Closes this process's end."""
        self._socket.close()

    def begin(self, image: bytes | None) -> None:
        """Takes note of the image from which the function goes on; ``None``: it begins."""
        self._note(0 if image is None else len(image), _memory())

    def made_here(self, image: bytes) -> None:
        """Takes note of an image that was made in place."""
        self._note(len(image), _memory())

    def _note(self, length: int, memory: int) -> None:
        self._small_up_to = memory if length <= _SMALL else 0

    def takes(self, reading: Reading, number: int, limit: float) -> bool:
        """Has a copy of this process make the image of a stack, if that is better than to make it here.

        Args:
            reading: the stack.
            number: of the capture.
            limit: seconds that the copy may take.

        Returns:
            Whether it will come through the hatch.
        """
        self._look_after_copy()
        memory = _memory()
        if self._copy is not None or memory <= self._small_up_to + _GROWTH:
            return False
        if not reading.in_memory or _left_in_the_system() < 2 * memory:
            return False
        try:
            return self._have_made(reading, number, limit, memory)
        except OSError:  # no process or no descriptor is left, or the function has closed the hatch
            return False

    def _have_made(self, reading: Reading, number: int, limit: float, memory: int) -> bool:
        theirs, ours = socket.socketpair()
        with theirs, ours:
            pid = process_copy.live_aside(lambda: _make(reading, number, ours), ours.fileno(), limit)
            self._copy = _Copy(pid, memory, time.monotonic() + limit)
            socket.send_fds(self._socket, [number.to_bytes(8)], [theirs.fileno()])
        return True

    def _look_after_copy(self) -> None:
        copy = self._copy
        if copy is None:
            return
        status = process_copy.exit_status(copy.pid)
        if status is None:
            if time.monotonic() > copy.deadline:  # stopped, or it would have ended itself
                os.kill(copy.pid, signal.SIGKILL)
            return
        self._copy = None
        if status == _WAS_SMALL:
            self._small_up_to = copy.memory
        elif status != 0:
            self._small_up_to = sys.maxsize


def _make(reading: Reading, number: int, out: socket.socket) -> int:
    """The copy's life."""
    answer: link.Frame
    small = True
    try:
        image = reading.image()
    except Blocked as blocked:
        answer = link.NotCaptured(number=number, error=CannotStopError(blocked.reason, place=blocked.place).to_wire())
    except MidstreamError as error:
        answer = link.NotCaptured(number=number, error=error.to_wire())
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is not the function's
        answer = link.NotCaptured(number=number, error=our_fault(error).to_wire())
    else:
        answer = link.Encoded(number=number, image=image.data, encode_ms=image.encode_ms)
        small = len(image.data) <= _SMALL
    out.sendall(link.pack(answer))
    return _WAS_SMALL if small else 0


def _memory() -> int:
    """Returns the bytes of memory that this process has."""
    _, resident, *_ = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(resident) * mmap.PAGESIZE


def _left_in_the_system() -> int:
    """Returns the bytes of memory that could be had."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0

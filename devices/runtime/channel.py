"""The worker's end of the socket to its hub agent: whole frames, in order, without threads.

Waiting is one `poll` with the exact time. Frames go out whole or, for log lines alone, are dropped and counted: a
function that prints more than its hub reads must not stand still for that.

When the hub agent is gone nobody owns this process any more: it ends there and then. An exception would not do, for the
function's own ``except`` and ``finally`` would run on without an owner.
"""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Final, NoReturn

from devices.errors import ProtocolError
from devices.protocol import link

_READ: Final = 256 * 1024  # bytes asked for at once; larger frames are read straight into memory of their size
LOG_PATIENCE: Final = 1.0
"""Seconds that a log line waits for the hub to read; then it is dropped."""


def leave(reason: str = "") -> NoReturn:
    """Ends this process at once, without a ``finally``; a reason is written to where the hub agent's errors go."""
    if reason:
        os.write(2, f"worker {os.getpid()}: {reason}\n".encode(errors="replace"))
    os._exit(1 if reason else 0)


class Channel:
    """Frames over a connected stream socket.

    Args:
        connection: blocking; the channel owns it from here on.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        self._socket = connection
        self._received = bytearray()
        self._large: bytearray | None = None  # a frame that is larger than what is read at once
        self._filled = 0  # of it
        self._unsent = b""  # the rest of a log line of which a part is sent
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(connection, select.POLLOUT)

    def fileno(self) -> int:
        """The descriptor, for the one who wants a signal when bytes arrive."""
        return self._socket.fileno()

    def close(self) -> None:
        """Closes this process's end."""
        self._socket.close()

    def send(self, frame: link.Frame) -> None:
        """Sends a frame, however long it takes the hub to read it."""
        data = link.pack(frame)
        if self._unsent:
            data, self._unsent = self._unsent + data, b""
        try:
            self._socket.sendall(data)
        except OSError:
            leave()

    def offer(self, frame: link.Frame, patience: float = LOG_PATIENCE) -> bool:
        """Sends a small frame if the hub reads it within ``patience`` seconds; returns whether it did."""
        head, body = self._unsent, link.pack(frame)
        data = head + body
        sent, deadline = 0, time.monotonic() + patience
        while sent < len(data):
            left = deadline - time.monotonic()
            if left <= 0 or not self._writable.poll(left * 1000):
                break
            try:
                sent += self._socket.send(data[sent:], socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError:
                leave()
        begun = sent > len(head)
        self._unsent = data[sent:] if begun else head[sent:]
        return begun

    def receive(self, seconds: float | None = None) -> link.ToWorker | None:
        """Returns the next frame; ``None`` if none came within ``seconds`` (``None``: waits for ever; 0: looks)."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while (frame := self._take()) is None:
            if deadline is not None:
                left = max(0.0, deadline - time.monotonic())
                if not self._readable.poll(left * 1000):
                    return None
            self._read()
        return frame

    def _take(self) -> link.ToWorker | None:
        """The first frame among the bytes received, if it is there whole."""
        try:
            if self._large is not None:
                if self._filled < len(self._large):
                    return None
                body, self._large = self._large, None
                return link.for_worker(body)
            return self._take_small()
        except ProtocolError as error:
            leave(str(error))

    def _take_small(self) -> link.ToWorker | None:
        start, there = link.HEAD.size, len(self._received)
        if there < start:
            return None
        end = start + link.body_length(bytes(self._received[:start]))
        if there >= end:
            with memoryview(self._received) as view:
                frame = link.for_worker(view[start:end])
            del self._received[:end]
            return frame
        if end > _READ:
            self._large = bytearray(end - start)
            self._filled = there - start
            self._large[: self._filled] = self._received[start:]
            self._received.clear()
        return None

    def _read(self) -> None:
        try:
            if self._large is not None:
                read = self._socket.recv_into(memoryview(self._large)[self._filled :])
                self._filled += read
            else:
                chunk = self._socket.recv(_READ)
                self._received += chunk
                read = len(chunk)
        except OSError:
            leave()
        if not read:
            leave()

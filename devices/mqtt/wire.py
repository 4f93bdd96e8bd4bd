"""A broker's socket, opened by us and lent to paho.

paho would open the socket itself, blocking, and read it in three calls a packet. It also closes it at the first write
that fails, although the kernel may still hold messages that came before the end: at a takeover those are the "late
list" of a moving function (`docs/protocol.md`, rule 13). So paho gets a `Wire` in place of a socket:

- reads are served from one piece that was taken from the kernel at once;
- a failed write is remembered, not raised: reading goes on until the kernel has nothing more to give;
- `close` is paho's word only: the socket stays open until its owner releases it.

asyncio's own transports will not do: on a failed write they close at once and throw the unread rest away too.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Final

_PIECE: Final = 64 * 1024
"""Bytes taken from the kernel at once: some 400 small messages, 10 ms of work for the event loop."""
_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
"""Linux: acknowledge TCP segments at once. Brokers leave Nagle's algorithm on (Mosquitto by default, the embedded one
always): a small packet behind another one, a command behind a PUBACK, then waits for our kernel's delayed
acknowledgement, 40 ms for each way of a move. The kernel forgets the option, so it is said again after each read."""


class Wire:
    """A connected, non-blocking socket in the shape that paho expects (recv, send, close, fileno, setblocking)."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._piece = b""
        self._taken = 0
        self.end: str | None = None  # why nothing more can be read; "" for an orderly end
        self.write_failed = False
        self.on_write_failure: Callable[[], None] | None = None

    # What the owner uses ------------------------------------------------------------------------------------------

    def pull(self) -> bool:
        """Takes the next piece from the kernel; returns whether there is anything to hand to paho.

        Sets `end` when the peer has ended the connection or it broke, after everything before was handed out.
        """
        if self.unread:
            return True
        if self.end is not None:
            return False
        try:
            self._piece, self._taken = self._sock.recv(_PIECE), 0
            if _QUICKACK is not None:
                self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            self._piece, self.end = b"", error.strerror or str(error)
            return False
        if not self._piece:
            self.end = ""
        return bool(self._piece)

    @property
    def unread(self) -> bool:
        """Whether part of a piece is still to be handed to paho."""
        return self._taken < len(self._piece)

    def release(self) -> None:
        """Closes the socket."""
        with contextlib.suppress(OSError):
            self._sock.close()

    # What paho uses -----------------------------------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        """Hands out what was pulled; b"" only after all of it, when the connection has ended."""
        if self.unread:
            data = self._piece[self._taken : self._taken + size]
            self._taken += len(data)
            return data
        if self.end is None:
            raise BlockingIOError
        return b""

    def send(self, data: bytes | bytearray) -> int:
        """Sends, or swallows what can no longer be sent (see the top of this file)."""
        if self.write_failed:
            return len(data)
        try:
            return self._sock.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            self.write_failed = True
            if self.on_write_failure is not None:
                self.on_write_failure()
            return len(data)

    def close(self) -> None:
        """Does nothing: the owner releases the socket."""

    def fileno(self) -> int:
        """The descriptor for the event loop."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """Does nothing: it never blocks."""

    def pending(self) -> int:
        """Bytes that TLS has decrypted and the kernel no longer reports as readable."""
        return self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0

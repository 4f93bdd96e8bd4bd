"""The local door: what this hub runs, told on its own machine, when no coordinator and no broker can be asked.

A Unix socket in the hub's folder (mode 600: its owner and root). Who connects is given one JSON document and the
connection is closed; nothing is read, so there is nothing to attack. A socket's name may have 108 bytes and a folder's
can be longer, so both sides go through a descriptor of the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

from devices.errors import RefusedError, UnreachableError

_NAME: Final = "door"
_WAIT: Final = 5.0
"""Seconds that an agent may take to tell."""


@contextlib.asynccontextmanager
async def opened(folder: Path, tell: Callable[[], bytes]) -> AsyncIterator[None]:
    """Has the door open for the time of the block.

    Args:
        folder: the hub's.
        tell: returns what is so now, as JSON.
    """

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(tell())
        writer.close()

    (folder / _NAME).unlink(missing_ok=True)  # of an agent that was killed; the folder's lock says that it is gone
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(sock.fileno(), 0o600)  # before the name is there: Linux makes it with this mode
    with _short(folder) as short:
        sock.bind(f"{short}/{_NAME}")
    server = await asyncio.start_unix_server(answer, sock=sock)
    try:
        yield
    finally:
        server.close()
        (folder / _NAME).unlink(missing_ok=True)


def ask(folder: Path) -> bytes | None:
    """Returns what the agent of a hub on this machine tells; ``None`` if it is not running.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: it is another user's.
    """
    heard = bytearray()
    try:
        with _short(folder) as short, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_WAIT)
            sock.connect(f"{short}/{_NAME}")
            while part := sock.recv(1 << 16):
                heard += part
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except PermissionError as error:
        raise RefusedError(
            "this hub is another user's", place=str(folder), remedy="ask as its owner, or as root: sudo"
        ) from error
    except OSError as error:
        raise UnreachableError("the hub agent does not answer", place=str(folder)) from error
    return bytes(heard)


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)

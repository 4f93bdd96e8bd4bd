"""From an address to a connected wire, with an error for each way in which that fails.

Nothing here sends an MQTT packet: a connection without CONNECT is the one thing that a hub may prepare before the
function's freeze (`docs/protocol.md`, rule 21).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from typing import Final, Self

from devices.errors import UnreachableError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.wire import Wire

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for name resolution, TCP and TLS together; a Pi on a weak WLAN needs two."""


class PreparedConnection:
    """TCP, and TLS where the address wants it, connected; no CONNECT sent.

    A `Session` that gets it saves the way there and back of TCP, and of TLS one or two more. Brokers do not wait for
    ever: without CONNECT, Mosquitto 2.0 closes after 95 seconds and the embedded broker after 60 (measured). A
    connection that went stale is no error: the session opens a fresh one.
    """

    def __init__(self, address: BrokerAddress, wire: Wire) -> None:
        self.address = address
        self._wire: Wire | None = wire
        self._opened = time.monotonic()

    @classmethod
    async def open(cls, address: BrokerAddress) -> Self:
        """Connects.

        Raises:
            UnreachableError: as `open_wire`.
        """
        return cls(address, await open_wire(address))

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened

    def take(self) -> Wire | None:
        """Hands over the wire, once; ``None`` when the broker has ended the connection meanwhile."""
        wire, self._wire = self._wire, None
        if wire is None:
            return None
        wire.pull()  # a broker says nothing before CONNECT: all there can be is the end
        if wire.end is None:
            return wire
        wire.release()
        return None

    def close(self) -> None:
        """Closes it if no session took it."""
        if self._wire is not None:
            self._wire.release()
            self._wire = None


async def open_wire(address: BrokerAddress) -> Wire:
    """Connects to a broker: name resolution, TCP, TLS.

    Raises:
        UnreachableError: no such host, nobody listening there, no answer within `CONNECT_TIMEOUT` seconds, no TLS
            there, or a certificate that is not trusted; each with what to do about it.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            sock = await _connect(address)
            if address.tls:
                sock = await _start_tls(sock, address)
            return Wire(sock)
    except TimeoutError:
        raise UnreachableError(
            f"no answer from a broker at {address.place} within {CONNECT_TIMEOUT:.0f} s",
            remedy="check that the host is on, that the address is right, and that no firewall stands between",
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise UnreachableError(
            f"the certificate of the broker at {address.place} is not trusted: {error.verify_message}",
            remedy="use the name that the certificate was made for, and set SSL_CERT_FILE to the file of its authority",
        ) from None
    except (ssl.SSLError, ConnectionResetError) as error:
        raise UnreachableError(
            f"the broker at {address.place} speaks no TLS there ({error.strerror or error})",
            remedy="use mqtt:// for a port without TLS; the usual port with TLS is 8883",
        ) from None
    except socket.gaierror as error:
        raise UnreachableError(
            f"no host named {address.host} was found ({error.strerror})",
            remedy="check the spelling, or use the IP address",
        ) from None
    except ConnectionRefusedError:
        raise UnreachableError(
            f"nobody listens at {address.place}",
            remedy="start the broker there, or name the right one: --broker mqtt://host:1883",
        ) from None
    except OSError as error:
        raise UnreachableError(
            f"the broker at {address.place} cannot be reached: {error.strerror or error}",
            remedy="check the address and the network",
        ) from None


async def _connect(address: BrokerAddress) -> socket.socket:
    loop = asyncio.get_running_loop()
    choices = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    failures: list[OSError] = []
    for family, kind, protocol, _, target in choices:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            # Without it the kernel holds small packets back until the last ones are acknowledged: 40 ms a publish.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, target)
        except OSError as error:
            sock.close()
            failures.append(error)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failures[0]


async def _start_tls(sock: socket.socket, address: BrokerAddress) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    try:
        secured = context.wrap_socket(sock, server_hostname=address.host, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    try:
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                await _ready(secured, writing=False)
            except ssl.SSLWantWriteError:
                await _ready(secured, writing=True)
            else:
                return secured
    except BaseException:
        secured.close()
        raise


async def _ready(sock: socket.socket, *, writing: bool) -> None:
    """Waits until the kernel reports the socket as readable or writable."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    add, remove = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    add(sock.fileno(), _set, ready)
    try:
        await ready
    finally:
        with contextlib.suppress(ValueError):  # the socket was closed meanwhile
            remove(sock.fileno())


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)

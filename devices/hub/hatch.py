"""The agent's end of a worker's hatch: images that a copy of the function's process makes (`devices.runtime.hatch`)."""

from __future__ import annotations

import asyncio
import os
import socket

from devices.errors import MidstreamError, ProtocolError, from_wire
from devices.protocol import link


async def image(hatch: socket.socket, number: int, limit: float) -> link.Encoded:
    """Returns the image of a state whose `link.Captured` came without one.

    Args:
        hatch: the hub's end, of type SEQPACKET; the stream was put into it before that frame was sent.
        number: of the capture.
        limit: seconds that it may take.

    Raises:
        MidstreamError: a value cannot travel, or the copy died, or took too long; the function knows nothing of it.
        ProtocolError: the worker sent something else.
    """
    with _stream(hatch, number) as stream:
        try:
            async with asyncio.timeout(limit):
                frame = await _frame(stream)
        except TimeoutError:
            raise MidstreamError(f"the state was not encoded within {limit:.0f} s; the function goes on") from None
    match frame:
        case link.Encoded() if frame.number == number:
            return frame
        case link.NotCaptured() if frame.number == number:
            raise from_wire(frame.error)
    raise ProtocolError(f"{type(frame).__name__} came out of the hatch instead of image {number}")


def _stream(hatch: socket.socket, number: int) -> socket.socket:
    """Takes the stream of a capture out of the hatch, and closes those of earlier ones that nobody waited for."""
    while True:
        try:
            packet, descriptors, _, _ = socket.recv_fds(hatch, 8, 1, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            break
        if not packet:
            break
        if len(descriptors) == 1 and int.from_bytes(packet) == number:
            stream = socket.socket(fileno=descriptors[0])
            stream.setblocking(False)
            return stream
        for descriptor in descriptors:
            os.close(descriptor)
    raise ProtocolError(f"the worker said that image {number} comes through the hatch, and put nothing there")


async def _frame(stream: socket.socket) -> link.ToHub:
    head = await _bytes(stream, link.HEAD.size)
    return link.for_hub(await _bytes(stream, link.body_length(head)))


async def _bytes(stream: socket.socket, length: int) -> bytearray:
    loop, whole, filled = asyncio.get_running_loop(), bytearray(length), 0
    with memoryview(whole) as view:
        while filled < length:
            try:
                read = await loop.sock_recv_into(stream, view[filled:])
            except ConnectionError:
                read = 0
            if not read:
                raise MidstreamError(
                    "the copy of the function's process that encoded its state died; the function goes on"
                )
            filled += read
    return whole

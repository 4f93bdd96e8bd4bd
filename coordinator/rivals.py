"""Two coordinators on one broker: the second refuses to begin, and the first notices nothing.

Connecting would throw the first one out (it is the same client id), and two that throw each other out for ever decide
nothing. So this is asked before, on a connection with another id. A retained status may be a dead coordinator's, so a
question is asked; silence means that nobody is there. Our own earlier life, known by the store's generation, need not
be asked: the lock on the folder keeps two processes apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from devices.errors import ConfigurationError, MidstreamError, RefusedError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.session import Session
from devices.protocol import messages
from devices.protocol.messages import CoordinatorStatus, Request
from devices.protocol.topics import Topics

_RETAINED: Final = 0.3
"""Seconds for the retained status to come behind the SUBACK; none may be there at all."""
_ANSWERS: Final = 1.5
"""Seconds for a living coordinator's answer."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Locks a coordinator's folder for the time of the block.

    Raises:
        RefusedError: another coordinator works in it.
        ConfigurationError: the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"the coordinator's folder cannot be used: {error.strerror}", place=str(folder)
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise RefusedError(
            "another coordinator works in this folder",
            place=str(folder),
            remedy="stop it first, or give this one its own",
        ) from error
    finally:
        os.close(descriptor)


async def require_none(address: BrokerAddress, topics: Topics, generation: str) -> None:
    """Returns if no other coordinator lives on this broker under this prefix.

    Args:
        address: the broker.
        topics: the tree.
        generation: of our store.

    Raises:
        RefusedError: another one answers.
        UnreachableError: no broker there, or it does not let us in.
    """
    client = f"rival-{secrets.token_hex(4)}"
    async with Session(address, f"midstream-{client}", clean_start=True, session_expiry=0) as session:
        status = await _retained(session, topics)
        if status is None or status.state == "offline" or status.generation == generation:
            return
        if await _answers(session, topics, client):
            raise RefusedError(
                "another coordinator works on this broker under the same prefix",
                place=address.place,
                remedy="stop one of the two, or give one another prefix",
            )


async def _retained(session: Session, topics: Topics) -> CoordinatorStatus | None:
    await session.subscribe({topics.coordinator_status: 0})
    with contextlib.suppress(TimeoutError, MidstreamError):
        async with asyncio.timeout(_RETAINED):
            delivery = await session.next_delivery()
        if delivery is not None:
            return messages.decode(delivery.payload, CoordinatorStatus, delivery.topic)
    return None


async def _answers(session: Session, topics: Topics, client: str) -> bool:
    where = topics.request_answer(client)
    await session.subscribe({where: 0})
    await session.publish(
        topics.request, messages.encode(Request(ask="status")), response_topic=where, correlation=b"rival", expiry=2
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ANSWERS):
            while (delivery := await session.next_delivery()) is not None:
                if delivery.topic == where:
                    return True
    return False

"""Listens on the broker: for `logs -f` and `events -f`, and for the views of `up` and `demo`."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import TypeVar

from coordinator.cli.options import Target
from devices.errors import ProtocolError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.session import Session
from devices.protocol import messages

M = TypeVar("M")


def listener(address: BrokerAddress, role: str) -> Session:
    """Returns a session that leaves nothing behind at the broker; enter it as a context.

    Args:
        address: the broker.
        role: for the client id, so that a person who looks at the broker's list sees what it is.
    """
    return Session(address, f"midstream-{role}-{secrets.token_hex(6)}", clean_start=True, session_expiry=0)


@contextlib.asynccontextmanager
async def messages_on(target: Target, topic: str, kind: type[M]) -> AsyncIterator[AsyncIterator[M]]:
    """Subscribes, and gives what arrives from then on; what is malformed is passed by, it is shown elsewhere.

    Raises:
        UnreachableError: no broker, or the connection to it was lost.
    """
    async with listener(target.address, "follow") as session:
        await session.subscribe({topic: 1})
        yield _decoded(session, kind)


async def _decoded(session: Session, kind: type[M]) -> AsyncIterator[M]:
    async for delivery in session.deliveries():
        with contextlib.suppress(ProtocolError):
            yield messages.decode(delivery.payload, kind, delivery.topic)

"""Clears away at somebody else's broker what the demo left there: kept messages, and sessions that never expire."""

from __future__ import annotations

from collections.abc import Iterable

from coordinator.cli.watching import listener
from devices.mqtt.address import BrokerAddress
from devices.mqtt.session import end_session


async def tidy(address: BrokerAddress, filters: Iterable[str], client_ids: Iterable[str]) -> None:
    """Clears every kept message that a filter covers, and ends the sessions.

    Args:
        address: the broker.
        filters: topic filters below which everything is the demo's own.
        client_ids: whose sessions end.

    Raises:
        UnreachableError: the broker has gone; then there is nothing to clear, or it has to be done by hand.
    """
    async with listener(address, "tidy") as session:
        await session.subscribe(dict.fromkeys(filters, 0))
        await session.flush()  # kept messages are sent before the answer to what comes after the subscription
        kept = set()
        while session.waiting:
            delivery = await session.next_delivery()
            if delivery is not None and delivery.retain and delivery.payload:
                kept.add(delivery.topic)
        for topic in sorted(kept):
            await session.publish(topic, b"", retain=True)
    for client_id in client_ids:
        await end_session(address, client_id)

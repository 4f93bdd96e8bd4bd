"""Orders by hand: ``instances/<id>/set`` with ``{"hub": "nas"}`` or ``{"state": "suspended"}``, as plain clients send.

What Home Assistant's `select` and `button` need, and a person with `mosquitto_pub`. The answer goes to ``set/answer``
in words. A retained order is ignored: it would be carried out again at each start of the coordinator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from coordinator.intents import Intent, Migrate, Resume, Stop, Suspend
from coordinator.line import Line
from devices.errors import MidstreamError, RefusedError
from devices.mqtt.delivery import Delivery
from devices.protocol import limits, messages
from devices.protocol.messages import Message, Reply
from devices.protocol.topics import Topics

_BY: Final = "set"


class Order(Message, kw_only=True):
    """What an instance shall be: where, and whether it runs."""

    hub: str = ""
    state: Literal["", "running", "suspended", "stopped"] = ""
    until: str = ""  # with "suspended": what lets it go on by itself


class Orders:
    """Takes orders and has them carried out.

    Args:
        line: for the answers.
        topics: the tree.
        carry_out: does it; raises a `MidstreamError` if it cannot be done.
    """

    def __init__(self, line: Line, topics: Topics, carry_out: Callable[[Intent], Awaitable[Any]]) -> None:
        self._line = line
        self._topics = topics
        self._carry_out = carry_out
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, instance: str, delivery: Delivery) -> None:
        """Takes an order and begins to carry it out."""
        if delivery.retain or not delivery.payload:
            return
        task = asyncio.create_task(self._obey(instance, delivery), name=f"request set {instance}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _obey(self, instance: str, delivery: Delivery) -> None:
        try:
            if len(delivery.payload) > limits.SHOWN_MESSAGE:
                raise RefusedError(f"an order of {len(delivery.payload)} bytes")
            intent = _intent(instance, messages.decode(delivery.payload, Order, delivery.topic))
            await self._carry_out(intent)
            reply = Reply(ok=True, value=f"{type(intent).__name__.lower()}: done")
        except MidstreamError as error:
            reply = Reply(ok=False, error=error.to_wire())
        self._line.publish(self._topics.instance(instance, "set/answer"), messages.encode(reply))

    async def close(self) -> None:
        """Stops answering; what was begun is in the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _intent(instance: str, order: Order) -> Intent:
    why = f"asked for by {_BY}"
    match order.state:
        case "suspended":
            return Suspend(by=_BY, why=why, instance=instance, until=order.until)
        case "stopped":
            return Stop(by=_BY, why=why, instance=instance)
        case "running":
            return Resume(by=_BY, why=why, instance=instance, hub=order.hub)
    if not order.hub:
        raise RefusedError("an order that says nothing", remedy='send {"hub": "nas"} or {"state": "suspended"}')
    return Migrate(by=_BY, why=why, instance=instance, hub=order.hub)

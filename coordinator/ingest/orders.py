"""Orders by hand, as plain clients send them.

To ``instances/<id>/set`` ``{"hub": "nas"}`` or ``{"state": "suspended"}``, to ``hubs/<hub>/set`` ``{"drain": true}``:
what Home Assistant's `select` and `button` need, and a person with `mosquitto_pub`. The answer goes to ``set/answer`` in
words. A retained order is ignored: it would be carried out again at each start of the coordinator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
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


class HubOrder(Message, kw_only=True):
    """What a hub shall do: be emptied so that it may be switched off, or work again."""

    drain: bool


class Orders:
    """Takes orders and has them carried out.

    Args:
        line: for the answers.
        topics: the tree.
        carry_out: does what instances shall; raises a `MidstreamError` if it cannot be done.
        drain: has a hub drained, or with ``undo`` work again; likewise.
    """

    def __init__(
        self,
        line: Line,
        topics: Topics,
        carry_out: Callable[[Intent], Awaitable[Any]],
        drain: Callable[..., Awaitable[Any]],
    ) -> None:
        self._line = line
        self._topics = topics
        self._carry_out = carry_out
        self._drain = drain
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, instance: str, delivery: Delivery) -> None:
        """Takes an order for an instance and begins to carry it out."""
        self._begin(self._obeyed(instance, delivery), delivery, self._topics.instance(instance, "set/answer"))

    def take_for_hub(self, hub: str, delivery: Delivery) -> None:
        """Takes an order for a hub likewise."""
        self._begin(self._obeyed_by_hub(hub, delivery), delivery, self._topics.hub(hub, "set/answer"))

    def _begin(self, work: Coroutine[None, None, str], delivery: Delivery, answers_to: str) -> None:
        if delivery.retain or not delivery.payload:
            work.close()
            return
        task = asyncio.create_task(self._answered(work, delivery, answers_to), name=f"request {delivery.topic}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answered(self, work: Coroutine[None, None, str], delivery: Delivery, answers_to: str) -> None:
        try:
            if len(delivery.payload) > limits.SHOWN_MESSAGE:
                work.close()
                raise RefusedError(f"an order of {len(delivery.payload)} bytes")
            reply = Reply(ok=True, value=await work)
        except MidstreamError as error:
            reply = Reply(ok=False, error=error.to_wire())
        self._line.publish(answers_to, messages.encode(reply))

    async def _obeyed(self, instance: str, delivery: Delivery) -> str:
        intent = _intent(instance, messages.decode(delivery.payload, Order, delivery.topic))
        await self._carry_out(intent)
        return f"{type(intent).__name__.lower()}: done"

    async def _obeyed_by_hub(self, hub: str, delivery: Delivery) -> str:
        order = messages.decode(delivery.payload, HubOrder, delivery.topic)
        await self._drain(hub, undo=not order.drain)
        return (
            f"{hub} is drained: its status says when it is safe to power off" if order.drain else f"{hub} works again"
        )

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

"""Two functions that answer to what is sent to them, and ears and questions for what becomes of them."""

from __future__ import annotations

import asyncio
import json
import secrets

from devices.mqtt.session import Session
from devices.protocol.topics import Topics
from devices.testing.broker import Tap

TOPICS = Topics()
ECHO = """
from midstream import ctx, function

@function(checkpoint="1h")
def echo():
    numbers = ctx.subscribe("in")
    ctx.publish("out", "ready")
    while True:
        message = numbers.next()
        ctx.publish("out", message.text)
"""
SUM = """
from midstream import ctx, function

@function(checkpoint="1h")
def total():
    numbers, total = ctx.subscribe("in"), 0
    ctx.status("listening")
    while True:
        message = numbers.next()
        if message.text == "end":
            ctx.publish("out", "bye")
            return total
        if message.text == "crash":
            raise ValueError("no number")
        total += int(message.text)
        ctx.status("added", total=total)
"""


class Watch:
    """Ears on everything, with questions."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap

    async def until(self, enough):
        return await asyncio.to_thread(self.tap.wait, enough)

    async def out(self, *payloads: str):
        """Waits until exactly these came out, in order."""
        await self.until(lambda _: self.outputs[-len(payloads) :] == list(payloads))

    @property
    def outputs(self) -> list[str]:
        return [payload.decode() for payload in self.tap.payloads("out")]

    def states(self, instance: str) -> list[dict]:
        return [json.loads(it) for it in self.tap.payloads(TOPICS.instance(instance, "state")) if it]

    async def state(self, instance: str, **wanted) -> dict:
        def fits(_):
            return bool(self.states(instance)) and self.states(instance)[-1].items() >= wanted.items()

        await self.until(fits)
        return self.states(instance)[-1]


async def send(device, *payloads: str, qos: int = 1) -> None:
    for payload in payloads:
        await asyncio.to_thread(device.publish, "in", payload, qos=qos)


async def retained(broker, topic: str) -> bytes | None:
    async with Session(broker.address, f"look-{secrets.token_hex(3)}", clean_start=True, session_expiry=0) as session:
        await session.subscribe({topic: 0})
        try:
            async with asyncio.timeout(0.5):
                delivery = await session.next_delivery()
        except TimeoutError:
            return None
        return delivery.payload if delivery and delivery.retain else None


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- of the agent's own values, which have no event
            await asyncio.sleep(0.01)


async def session_exists(broker, client_id: str) -> bool:
    async with Session(broker.address, client_id) as session:
        present = session.session_present
        await session.end()
    return present

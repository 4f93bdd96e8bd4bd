"""A whole system on this machine for `up` and `demo`: a broker, the coordinator and hubs, each a process with a folder.

They are started in the order in which they need one another, and are known to be there by what they say on the
broker, as anybody else would know it. A part that dies is an error with its own last sentence, whoever waits for what.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coordinator.cli.children import Child
from coordinator.cli.picture import Picture
from coordinator.cli.watching import listener
from devices.errors import MidstreamError, UsageError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.broker import Broker, Embedded, Mosquitto, find_mosquitto

START: Final = 30.0
"""Seconds until all parts are there; a Pi needs ten for the first import of everything."""


@dataclass(frozen=True)
class HubPlan:
    """A hub to start: its name, and further options of `midstream hub`."""

    name: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What to start, and where.

    Args:
        folder: for everything that the parts keep, and their logs.
        prefix: the first topic level.
        hubs: the hubs.
        broker: the user's; ``None`` starts one.
        embedded: the wheel's broker even where a Mosquitto is installed.
        port: of the broker that is started; if it is taken, a free one.
        coordinator_options: further options of `midstream coordinator`.
    """

    folder: Path
    prefix: str
    hubs: tuple[HubPlan, ...]
    broker: BrokerAddress | None = None
    embedded: bool = False
    port: int = 0
    coordinator_options: tuple[str, ...] = ()


@dataclass
class Installation:
    """The running system.

    Args:
        plan: what was started.
        address: the broker's.
        broker: in words, for people: ``"mosquitto 2.0.11"``.
        picture: what the parts say on the broker.
    """

    plan: Plan
    address: BrokerAddress
    broker: str
    picture: Picture
    children: list[Child] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, child: Child) -> None:
        """Starts a further child, to be ended with the others, before them."""
        child.start()
        self.children.append(child)

    async def until(self, reached: Callable[[], bool], what: str, seconds: float = START) -> None:
        """Waits until the picture shows something.

        Args:
            reached: asked at each change of the picture.
            what: for the error: ``"hub-b did not come"``.
            seconds: the deadline.

        Raises:
            MidstreamError: it was not reached in time.
        """
        try:
            async with asyncio.timeout(seconds):
                while not reached():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise MidstreamError(
                f"{what} within {seconds:.0f} s", remedy=f"logs: {self.plan.folder / 'logs'}"
            ) from None

    def _said_last(self) -> str:
        """The parts' last words, rather than where their logs are: those of the demo are gone by then."""
        words = [f"{child.name} said: {line}" for child in self.children if (line := child.last_line())]
        return "; ".join(words) or "no part has said anything; perhaps this machine is too busy"

    async def watch(self) -> None:
        """Keeps the picture up to date until the connection ends; to be run beside everything else.

        Raises:
            UnreachableError: the broker has gone.
        """
        async with listener(self.address, "view") as session:
            await session.subscribe(self.picture.filters)
            async for delivery in session.deliveries():
                self.picture.take(delivery)
                self.changed.set()

    async def guard(self) -> None:
        """Waits for the death of a part; to be run beside everything else.

        Raises:
            MidstreamError: a part has died; with what it said.
        """
        waits = {asyncio.create_task(child.ended.wait(), name=child.name): child for child in self.children}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            raise waits[done.pop()].error()
        finally:
            for wait in waits:
                wait.cancel()

    def ready(self) -> bool:
        """Whether coordinator and hubs say that they are online."""
        hubs = self.picture.hubs
        coordinator = self.picture.coordinator
        return (
            coordinator is not None
            and coordinator.state == "online"
            and all(
                (hub := hubs.get(plan.name)) is not None and hub.status is not None and hub.status.state == "online"
                for plan in self.plan.hubs
            )
        )

    def start_parts(self) -> None:
        """Starts coordinator and hubs."""
        environment = {"MIDSTREAM_BROKER": self.address.url, "MIDSTREAM_PREFIX": self.plan.prefix}
        folder, logs = self.plan.folder, self.plan.folder / "logs"
        options = ("--folder", str(folder / "coordinator"), *self.plan.coordinator_options)
        self.add(Child("the coordinator", ("coordinator", *options), logs / "coordinator.log", environment))
        for hub in self.plan.hubs:
            options = ("--name", hub.name, "--folder", str(folder / "hubs" / hub.name), *hub.options)
            self.add(Child(hub.name, ("hub", *options), logs / f"{hub.name}.log", environment))

    async def stop(self) -> None:
        """Ends all children: the hubs together, then the coordinator, which hears their farewell."""
        coordinator, others = self.children[:1], self.children[1:]
        await asyncio.gather(*(child.stop() for child in reversed(others)))
        await asyncio.gather(*(child.stop() for child in coordinator))

    def kill(self) -> None:
        """Ends them at once, where there is no time for an order."""
        for child in self.children:
            child.kill()


@contextlib.contextmanager
def broker_for(plan: Plan) -> Iterator[tuple[BrokerAddress, str]]:
    """Gives the plan's broker for the time of the block: address, and name with version for people.

    Raises:
        UnreachableError: it died at its start.
        UsageError: the embedded one is not installed, and no Mosquitto either.
    """
    if plan.broker is not None:
        yield plan.broker, "your broker"
        return
    broker = _started(plan)
    try:
        yield broker.address, f"{broker.kind} {broker.version}"
    finally:
        broker.stop()


def _started(plan: Plan) -> Broker:
    kind = Embedded if plan.embedded or find_mosquitto() is None else Mosquitto
    try:
        broker = kind(plan.folder / "broker", plan.port)
        broker.start()
    except UsageError:
        if plan.port == 0:
            raise
        broker = kind(plan.folder / "broker", 0)  # the usual port is taken: any other one, told to the user
        broker.start()
    return broker

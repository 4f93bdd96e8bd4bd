"""An agent of the real code in this process, with its own folder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from devices.hub.agent import Agent
from devices.hub.config import HubConfig, read_config
from devices.mqtt.broker import Broker


class HubUnderTest:
    """An agent that can be stopped, killed and started again in its folder."""

    def __init__(self, config: HubConfig) -> None:
        self.config = config
        self.name = config.name

    async def start(self) -> None:
        self.agent = Agent(self.config)
        self._stop, self.hurry = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self.agent.serve(self._stop, self.hurry), name=f"agent {self.name}")
        up = asyncio.ensure_future(self.agent.control.up.wait())
        await asyncio.wait([up, self.task], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self.task.done():
            self.task.result()

    async def stop(self) -> None:
        await self.leaves()

    def leaves(self) -> asyncio.Task[None]:
        """Tells it to stop; what it returns is done when it has."""
        self._stop.set()
        return self.task


@contextlib.asynccontextmanager
async def running_hub(broker: Broker, folder: Path, name: str, **overrides) -> AsyncIterator[HubUnderTest]:
    given = {"name": name, "broker.url": broker.address.url, "folder": str(folder / name), "metrics.every": "200ms"}
    hub = HubUnderTest(read_config(None, {}, given | overrides))
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()

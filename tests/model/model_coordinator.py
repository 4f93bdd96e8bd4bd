"""The coordinator that runs, whole, on its own store; only its line is a model's, and it can be killed between any two effects.

What it does to the world is a commit or a message. A kill before, between and behind any two of them is therefore a kill
between any two statements: what follows the last effect has never happened.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from network import TOPICS, Network
from virtual_time import AtOnce

from coordinator import app
from coordinator.app import Coordinator
from coordinator.config import CoordinatorConfig
from coordinator.retention import Retention
from coordinator.rules.files import RuleBook
from coordinator.store.database import Store
from devices.mqtt.address import BrokerAddress
from devices.mqtt.kind import BrokerKind
from devices.protocol import limits

CLIENT = "coordinator"


class Effects:
    """Counts what leaves the coordinator; from a certain number on nothing does."""

    def __init__(self, on_death: Callable[[], None]) -> None:
        self.left: int | None = None
        self.dead = False
        self._on_death = on_death

    def one(self) -> bool:
        """Returns whether one more effect happens."""
        if self.left is not None and not self.dead:
            self.left -= 1
            if self.left < 0:
                self.end()
        return not self.dead

    def end(self) -> None:
        """From here on nothing has any effect."""
        if not self.dead:
            self.dead = True
            self._on_death()


class ModelLine:
    """`coordinator.line.Line` on the model of a broker."""

    def __init__(self, network: Network, effects: Effects, kind: BrokerKind) -> None:
        self._network = network
        self._effects = effects
        self.kind = kind
        self.up = False
        self.up_since = 0.0

    async def run(self, filters, kept, deliver: Callable[[Any], Any], connected) -> None:
        loop = asyncio.get_running_loop()
        self.up, self.up_since = True, loop.time()
        self._network.connect(CLIENT, list(filters), deliver)
        try:
            await connected()
            await asyncio.Event().wait()
        finally:
            self.up = False

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, **more: Any) -> asyncio.Future[None] | None:
        if not self.up or not self._effects.one():
            return None
        known = {name: value for name, value in more.items() if name == "correlation"}
        self._network.publish(CLIENT, topic, payload, retain=retain, **known)
        sent = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent

    async def publish_blob(self, topic_of: Callable[[int], str], blob: bytes) -> int:
        parts = -(-len(blob) // limits.PART)
        for number in range(parts):
            self.publish(topic_of(number), blob[number * limits.PART : (number + 1) * limits.PART])
        return parts

    async def flush(self) -> None:
        way = self._network.ways[CLIENT]
        while any(delivery.retain for delivery in way.waiting):
            index = next(index for index, delivery in enumerate(way.waiting) if delivery.retain)
            way.pass_on(index)
        await asyncio.sleep(0)


class ModelStore(Store):
    """The store, on its own file; after a kill nothing is committed, and what was asked for never returns."""

    effects: Effects

    async def _in_thread(self, door: str, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if door == "write" and not self.effects.one():
            await asyncio.get_running_loop().create_future()  # for ever: there is nobody left
        return await super()._in_thread(door, work, *args, **kwargs)


class _NoEars:
    """No telemetry comes."""

    oversized, connected, connections = 0, True, 0

    def __init__(self, *_: object) -> None:
        self.trouble, self.refused = None, {}

    def listen(self, *_: object) -> None:
        pass

    def forget(self, *_: object) -> None:
        pass

    async def run(self) -> None:
        await asyncio.Event().wait()


class Process:
    """One life of the coordinator.

    Args:
        folder: with key and store; what an earlier life left.
        network: the broker.
        kind: of broker.
        loop: on which it runs.
    """

    def __init__(self, folder: Path, network: Network, kind: BrokerKind, loop: asyncio.AbstractEventLoop) -> None:
        self.effects = Effects(lambda: network.disconnect(CLIENT))
        self._loop = loop
        self.store = ModelStore.open(f"sqlite:///{folder / 'store.sqlite'}")
        for thread in self.store._threads.values():
            thread.shutdown()
        self.store._threads = {door: AtOnce() for door in self.store._threads}
        self.store.effects = self.effects
        config = CoordinatorConfig(
            site="model", timezone="UTC", topics=TOPICS, broker=BrokerAddress("nowhere", 1), folder=folder,
            store="", rules=None, retention=Retention(last=1000, days=30, size=10**9),
        )  # fmt: skip
        line = ModelLine(network, self.effects, kind)
        with mock.patch.object(app, "Line", return_value=line), mock.patch.object(app, "Firehose", _NoEars):
            self.coordinator = Coordinator(config, self.store, RuleBook())
        self._task = loop.create_task(self.coordinator.run(), name="coordinator")

    def check(self) -> None:
        """Fails if it has ended by itself."""
        if self._task.done():
            self._task.result()
            raise AssertionError("the coordinator has ended")

    def kill(self) -> None:
        """Ends it as SIGKILL does; what its tasks do on their way out has no effect any more."""
        self.effects.end()
        tasks = [task for task in asyncio.all_tasks(self._loop) if not task.get_name().startswith("hub ")]
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for engine in self.store._engines.values():
            engine.dispose()


def fresh_store(template: Path, folder: Path) -> None:
    """Puts an empty store into a folder; made once, because migrations take their time."""
    made = template / "store.sqlite"
    if not made.exists():
        Store.open(f"sqlite:///{made}").close()
    folder.mkdir(parents=True)
    shutil.copy(made, folder)

"""A coordinator in the test's own loop on a real broker, scripted hubs beside it, and somebody who asks it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from pathlib import Path
from typing import Any

import msgspec
from scripted_hub import TOPICS, ScriptedHub

from coordinator.app import Coordinator
from coordinator.config import Balance, CoordinatorConfig
from coordinator.retention import Retention
from coordinator.rules.files import RuleBook
from coordinator.store.database import Store
from coordinator.views import answers
from devices.errors import from_wire
from devices.mqtt.address import BrokerAddress
from devices.mqtt.session import Session
from devices.protocol import messages
from devices.runtime.settings import Settings

WASHER = """\
from midstream import function, ctx

@function
def washer(plug: str = "washer", limit: float = 10.0):
    \"\"\"Watches a plug.\"\"\"
    highest = 0.0
    for message in ctx.subscribe(f"tele/{plug}/SENSOR"):
        highest = max(highest, message.number("ENERGY.Power", default=0.0))
"""


class House:
    """The broker, the coordinator's folder, and what runs on them."""

    def __init__(self, address: BrokerAddress, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self.rules: Path | None = None
        self.functions: Path | None = None
        self.defaults = Settings()
        self.balance = Balance()
        self.running: asyncio.Task[None] | None = None
        self.store: Store | None = None
        self._stack = contextlib.AsyncExitStack()

    def config(self) -> CoordinatorConfig:
        return CoordinatorConfig(
            site="test",
            timezone="UTC",
            topics=TOPICS,
            broker=self.address,
            folder=self.folder,
            store=f"sqlite:///{self.folder / 'store.sqlite'}",
            rules=self.rules,
            functions=self.functions,
            retention=Retention(last=20, days=30, size=10**9),
            defaults=self.defaults,
            balance=self.balance,
        )

    async def start(self) -> None:
        book = RuleBook.load(self.rules) if self.rules else RuleBook()
        self.store = Store.open_or_begin_anew(self.config().store)
        self.coordinator = Coordinator(self.config(), self.store, book)
        self.running = asyncio.create_task(self.coordinator.run())

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)
            self.store.close()
            self.running = None

    async def kill(self) -> None:
        """Ends the coordinator as SIGKILL does, as far as broker and store can tell: no word, no clean-up."""
        self.coordinator._line._session.abort()
        if self.coordinator._ears._session is not None:
            self.coordinator._ears._session.abort()
        for task in asyncio.all_tasks():
            names = (
                "move ",
                "keep ",
                "deliver ",
                "drain ",
                "coordinator ",
                "late ",
                "end ",
                "report ",
                "request ",
                "rule ",
                "verdict ",
                "run ",
            )
            if task.get_name().startswith(names):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        self.store.close()
        self.running = None

    async def hub(self, name: str, **how: Any) -> ScriptedHub:
        return await self._stack.enter_async_context(ScriptedHub(self.address, name, **how))

    async def asker(self) -> Asker:
        return await self._stack.enter_async_context(Asker(self.address))

    async def close(self) -> None:
        await self._stack.aclose()
        await self.stop()


class Asker:
    """Asks as the command line does, with code of its own."""

    def __init__(self, address: BrokerAddress) -> None:
        self.client = secrets.token_hex(4)
        self.where = TOPICS.request_answer(self.client)
        self.session = Session(address, f"asker-{self.client}", clean_start=True, session_expiry=0)
        self.replies: dict[bytes, list[messages.Reply]] = {}
        self.parts: dict[int, bytes] = {}
        self.events: list[messages.Event] = []
        self.kept: dict[str, bytes] = {}
        self.changed = asyncio.Event()

    async def __aenter__(self):
        await self.session.__aenter__()
        self.reader = asyncio.create_task(self._read())
        filters = {self.where: 1, f"{self.where}/part/+": 1, TOPICS.event("+"): 1}
        filters |= dict.fromkeys([TOPICS.coordinator_status, TOPICS.instance("+", "move"), TOPICS.function("+")], 0)
        filters |= dict.fromkeys([TOPICS.summary("+"), TOPICS.instance("+", "claim")], 0)
        await self.session.subscribe(filters)
        return self

    async def __aexit__(self, *_):
        await self.session.disconnect()
        self.reader.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)

    async def _read(self):
        async for delivery in self.session.deliveries():
            if delivery.topic == self.where:
                reply = messages.decode(delivery.payload, messages.Reply, delivery.topic)
                self.replies.setdefault(delivery.correlation, []).append(reply)
            elif delivery.topic.startswith(self.where):
                self.parts[int(delivery.topic.rpartition("/")[2])] = delivery.payload
            elif "/events/" in delivery.topic:
                self.events.append(messages.decode(delivery.payload, messages.Event, delivery.topic))
            else:
                self.kept[delivery.topic] = delivery.payload
            self.changed.set()

    async def until(self, reached):
        async with asyncio.timeout(30):
            while not (value := reached()):
                self.changed.clear()
                await self.changed.wait()
            return value

    async def ask(self, question: str, **arguments: Any) -> Any:
        key = secrets.token_bytes(4)
        request = messages.encode(messages.Request(ask=question, arguments=arguments))
        await self.session.publish(TOPICS.request, request, response_topic=self.where, correlation=key)
        await self.until(lambda: self.replies.get(key) and len(self.replies[key]) == self.replies[key][0].pages)
        replies = self.replies[key]
        if not replies[0].ok:
            raise from_wire(replies[0].error)
        value = replies[0].value if len(replies) == 1 else [row for reply in replies for row in reply.value]
        return msgspec.convert(value, answers.ANSWERS[question])

    def status(self) -> messages.CoordinatorStatus | None:
        payload = self.kept.get(TOPICS.coordinator_status)
        return messages.decode(payload, messages.CoordinatorStatus, "status") if payload else None

    def told(self, text: str) -> list[messages.Event]:
        return [event for event in self.events if text in f"{event.did} {event.why}"]


async def hubs_online(asker, count):
    """Waits until the coordinator tells so many hubs online."""
    await asker.until(lambda: (status := asker.status()) and int(status.hubs.partition("/")[0] or 0) >= count)


async def measured(asker, hub, **values):
    """Has a scripted hub tell metrics, and returns when the coordinator has them; ``cpu`` must be another than before."""
    hub.measure(**values)
    async with asyncio.timeout(30):
        cpu = None
        while cpu != values["cpu"]:
            cpu = (await asker.ask("hubs", hub=hub.name))[0].cpu

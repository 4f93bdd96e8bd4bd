"""What a message costs on its way through ingest and the rules, in processor time of the one thread that does it.

Messages are those of plugs with an energy meter, the kind that a home has most of. Each goes the way of a real one:
`Telemetry`, `Facts`, `Evaluation`. Sets of rules take turns, and the best round of each counts, so that other work on the
machine spoils the comparison as little as it can.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from coordinator.facts import Facts
from coordinator.ingest.telemetry import Telemetry
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.files import RuleBook
from devices.mqtt.address import BrokerAddress
from devices.mqtt.firehose import Firehose
from devices.simulators.tasmota import TasmotaPlug
from devices.testing.broker import DEADLINE, RawPublisher, running_broker

PLUGS: Final = 50
FIELDS: Final = ("Power", "Voltage", "Current", "Factor", "Total")
Message = tuple[str, bytes]


def messages() -> list[Message]:
    """Returns a hundred messages of fifty plugs: of each a STATE, which no rule looks at, and a SENSOR."""
    plugs = [TasmotaPlug(name=f"plug-{number}") for number in range(PLUGS)]
    return [(told.topic, told.payload) for plug in plugs for told in plug.reading(number_of(plug))]


def number_of(plug: TasmotaPlug) -> int:
    """The plug's own number, so that no two say the same."""
    return int(plug.name.rpartition("-")[2])


def plain(number: int, topic: str) -> str:
    """A rule that compares one number; it never fires, as rules do nearly always."""
    field = FIELDS[number % len(FIELDS)]
    return f'[rule-{number}]\ntopic = "{topic}"\nwhen = "payload.ENERGY.{field} > {9000 + number}"\n'


def formula(number: int, topic: str) -> str:
    """The same in CEL, with a second condition."""
    field = FIELDS[number % len(FIELDS)]
    when = f"payload.ENERGY.{field} > {9000 + number} && payload.ENERGY.Voltage > 100"
    return f"[rule-{number}]\ntopic = \"{topic}\"\nwhen = '{when}'\n"


def window(number: int, topic: str) -> str:
    """The same over the last five minutes."""
    field = FIELDS[number % len(FIELDS)]
    return f'[rule-{number}]\ntopic = "{topic}"\nwhen = \'avg(payload.ENERGY.{field}, "5m") > {9000 + number}\'\n'


Kind = Callable[[int, str], str]


def each_its_own(kind: Kind, count: int) -> str:
    """Rules on one plug each: of a hundred, two look at a SENSOR message."""
    return "".join(kind(number, f"tele/plug-{number % PLUGS}/SENSOR") for number in range(count))


def all_of_them(kind: Kind, count: int) -> str:
    """Rules on every plug: all look at each SENSOR message."""
    return "".join(kind(number, "tele/{plug}/SENSOR") for number in range(count))


def with_others(kind: Kind, count: int, others: int) -> str:
    """Rules on every plug, and more on topics of other devices, exact ones and wildcards."""
    foreign = [f"other/{number}/state" if number % 2 else f"elsewhere/{number}/+/state" for number in range(others)]
    return all_of_them(kind, count) + "".join(kind(count + number, topic) for number, topic in enumerate(foreign))


SETS: Final = {
    "no rules": "",
    "100 rules, 2 look": each_its_own(plain, 100),
    "100 rules, all look": all_of_them(plain, 100),
    "10 rules": all_of_them(plain, 10),
    "10 rules, 990 elsewhere": with_others(plain, 10, 990),
    "100 in CEL, 2 look": each_its_own(formula, 100),
    "100 in CEL, all look": all_of_them(formula, 100),
    "10 in CEL": all_of_them(formula, 10),
    "10 in CEL, 990 elsewhere": with_others(formula, 10, 990),
    "100 windows, 2 look": each_its_own(window, 100),
}
COMPARED: Final = (("10 rules, 990 elsewhere", "10 rules"), ("10 in CEL, 990 elsewhere", "10 in CEL"))


class Ingest:
    """The coordinator's telemetry, facts and rules, with a firehose that nobody runs."""

    def __init__(self, text: str, folder: Path) -> None:
        (folder / "rules.toml").write_text(text)
        self.book = RuleBook.load(folder)
        self.fired = 0
        self.facts = Facts()
        self.evaluation = Evaluation(self.book.rules, self.facts, self._fire)
        self.firehose = Firehose(BrokerAddress.parse("mqtt://127.0.0.1"), "midstream-benchmark")
        self.telemetry = Telemetry(self.firehose, self.facts)
        self.telemetry.follow(self.book.topics())

    def _fire(self, _: object) -> None:
        self.fired += 1

    def seconds(self, heard: Sequence[Message], times: int) -> float:
        """Returns the processor time that it takes to hear messages so many times, and one tick of the clock."""
        hear, facts = self.telemetry._heard, self.facts  # noqa: SLF001 - what the firehose is given
        gc.collect()
        began = time.thread_time()
        for _ in range(times):
            for topic, payload in heard:
                hear(topic, payload, 0, False)
        facts.passed(time.monotonic())
        return time.thread_time() - began


def run(rounds: int, times: int = 20) -> dict[str, Any]:
    """Returns messages a second by set of rules, and what rules on other topics cost.

    Args:
        rounds: how often each set takes its turn.
        times: how often it hears the hundred messages in one.
    """
    heard = messages()
    best: dict[str, float] = dict.fromkeys(SETS, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        made = {name: Ingest(text, Path(folder)) for name, text in SETS.items()}
        for ingest in made.values():
            ingest.seconds(heard, 1)  # works out its routes
        for _ in range(rounds):
            for name, ingest in made.items():
                best[name] = min(best[name], ingest.seconds(heard, times))
    assert not any(ingest.fired for ingest in made.values())
    count = times * len(heard)
    return {
        "payload_bytes": round(sum(len(payload) for _, payload in heard) / len(heard)),
        "messages_a_second": {name: round(count / seconds) for name, seconds in best.items()},
        "slower_percent": {more: round(100 * (best[more] / best[less] - 1), 1) for more, less in COMPARED},
    }


# From a broker ----------------------------------------------------------------------------------------------------------


def from_a_broker(kind: str, count: int) -> dict[str, int]:
    """Returns messages a second of one core, from the socket on: of bare clients, and with a hundred rules.

    Args:
        kind: ``"mosquitto"`` or ``"embedded"``.
        count: messages that each hears.
    """
    with tempfile.TemporaryDirectory() as folder, running_broker(kind, Path(folder)) as broker:
        return {
            "paho": _bare_paho(broker.address, count),
            "aiomqtt": asyncio.run(_bare_aiomqtt(broker.address, count)),
            "ingest, no rules": asyncio.run(_through_ingest(broker.address, count, "", Path(folder))),
            "ingest, 100 rules": asyncio.run(
                _through_ingest(broker.address, count, each_its_own(plain, 100), Path(folder))
            ),
        }


@contextlib.contextmanager
def _publishing(address: BrokerAddress, count: int) -> Iterator[None]:
    """Has another thread publish; what is measured is this thread's time alone."""
    import threading

    heard = messages()

    def publish() -> None:
        with RawPublisher(address) as publisher:
            for number in range(count):
                topic, payload = heard[number % len(heard)]
                publisher.publish(topic, payload, qos=1 if number % 100 == 0 else 0)  # now and then it waits

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _rate(heard: int, seconds: float) -> int:
    return round(heard / seconds)


def _bare_paho(address: BrokerAddress, count: int) -> int:
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    heard = 0

    def take(_: object, __: object, ___: object) -> None:
        nonlocal heard
        heard += 1

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_message = take
    client.connect(address.host, address.port)
    client.subscribe("tele/#")
    until = time.monotonic() + 1
    while time.monotonic() < until:
        client.loop(0.05)
    with _publishing(address, count):
        began, until = time.thread_time(), time.monotonic() + DEADLINE
        while heard < count and time.monotonic() < until:
            client.loop(0.05)
        took = time.thread_time() - began
    client.disconnect()
    return _rate(heard, took)


async def _bare_aiomqtt(address: BrokerAddress, count: int) -> int:
    import aiomqtt

    heard = 0
    async with aiomqtt.Client(address.host, address.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("tele/#")
        with _publishing(address, count):
            began = time.thread_time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DEADLINE):
                    async for _ in client.messages:
                        heard += 1
                        if heard >= count:
                            break
            took = time.thread_time() - began
    return _rate(heard, took)


async def _through_ingest(address: BrokerAddress, count: int, rules: str, folder: Path) -> int:
    ingest = Ingest(rules, folder)
    firehose = Firehose(address, "midstream-benchmark")
    telemetry = Telemetry(firehose, ingest.facts, ["tele/#"])
    task = asyncio.create_task(telemetry.run())
    await _until(lambda: firehose.connected)
    await asyncio.sleep(0.5)  # it is subscribed by then
    with _publishing(address, count):
        began = time.thread_time()
        await _until(lambda: firehose.received >= count)
        took = time.thread_time() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return _rate(firehose.received, took)


async def _until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + DEADLINE
    while not done() and time.monotonic() < until:  # noqa: ASYNC110 - nothing tells; 50 looks a second cost nothing
        await asyncio.sleep(0.02)

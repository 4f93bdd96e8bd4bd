"""Telemetry from a real broker to a firing, and what happens when the broker goes away in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from coordinator.facts import Facts
from coordinator.ingest import telemetry as ingest
from coordinator.ingest.telemetry import Telemetry
from coordinator.rules.evaluation import Evaluation
from coordinator.rules.files import RuleBook
from coordinator.rules.rule import Firing
from devices.mqtt.firehose import Firehose
from devices.protocol import limits
from devices.testing.broker import DEADLINE, RawPublisher, publish_raw, running_broker

RULES = """
[power]
topic = "tele/{plug}/SENSOR"
when = "payload.ENERGY.Power > 2000"
cooldown = 0
[same]
topic = "tele/washer/SENSOR"
when = "payload.ENERGY.Power > 2500"
cooldown = 0
"""


@pytest.fixture(scope="module", params=["mosquitto", "embedded"])
def broker(request, tmp_path_factory):
    with running_broker(request.param, tmp_path_factory.mktemp("broker")) as running:
        yield running


class Ear:
    """Ingest, facts and rules together, as the coordinator has them."""

    def __init__(self, broker, folder, text=RULES):
        (folder / "rules.toml").write_text(text)
        self.book = RuleBook.load(folder)
        self.fired: list[Firing] = []
        self.facts = Facts()
        self.evaluation = Evaluation(self.book.rules, self.facts, self.fired.append)
        self.firehose = Firehose(broker.address, "midstream-test-telemetry")
        self.telemetry = Telemetry(self.firehose, self.facts)
        self.telemetry.follow(self.book.topics())

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.telemetry.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not reached():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def heard(ear: Ear, broker, topic: str) -> None:
    """Publishes to a topic until the ear hears it: its subscription is then in force."""
    async with asyncio.timeout(DEADLINE):
        while topic not in ear.facts.topics:
            await asyncio.to_thread(publish_raw, broker.address, topic, "hello")


async def test_a_message_from_the_broker_fires_each_rule_that_it_concerns_once(broker, tmp_path):
    ear = Ear(broker, tmp_path)
    async with ear.listening():
        await heard(ear, broker, "tele/washer/SENSOR")
        with RawPublisher(broker.address) as device:
            device.publish("tele/washer/SENSOR", "begin")
            await until(lambda: ear.facts.topics["tele/washer/SENSOR"].payload == b"begin")
            before = ear.facts.tally.heard
            for power in (100, 3000, 3100):
                device.publish("tele/washer/SENSOR", f'{{"ENERGY":{{"Power":{power}}}}}')
        await until(lambda: ear.facts.tally.heard >= before + 3)
    assert sorted((firing.rule.name, firing.value) for firing in ear.fired) == [("power", 3000), ("same", 3000)]
    assert ear.facts.tally.heard == before + 3


async def test_only_what_rules_look_at_is_heard_and_a_new_book_changes_that(broker, tmp_path):
    ear = Ear(broker, tmp_path)
    async with ear.listening():
        await heard(ear, broker, "tele/oven/SENSOR")
        ear.telemetry.follow(["home/tank", "tele/washer/SENSOR"])
        await heard(ear, broker, "home/tank")
        ear.facts.topics.clear()
        await asyncio.to_thread(publish_raw, broker.address, "tele/oven/SENSOR", "1")
        await heard(ear, broker, "tele/washer/SENSOR")
    assert "tele/oven/SENSOR" not in ear.facts.topics


async def test_a_message_that_the_broker_had_kept_does_not_fire(broker, tmp_path):
    publish_raw(broker.address, "tele/kept/SENSOR", '{"ENERGY":{"Power":9000}}', retain=True)
    try:
        ear = Ear(broker, tmp_path)
        async with ear.listening():
            await until(lambda: "tele/kept/SENSOR" in ear.facts.topics)
        assert ear.facts.topics["tele/kept/SENSOR"].retained
        assert ear.fired == []
    finally:
        publish_raw(broker.address, "tele/kept/SENSOR", "", retain=True)


async def test_what_cannot_be_read_is_counted_and_told_and_nothing_ends(broker, tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "TICK", 0.01)
    ear = Ear(broker, tmp_path)
    async with ear.listening():
        await heard(ear, broker, "tele/odd/SENSOR")
        with RawPublisher(broker.address) as device:
            for payload in (b'{"ENERGY":', b"\xff\xfe\x00", b"x" * (limits.TELEMETRY + 1), b"[" * 5000):
                device.publish("tele/odd/SENSOR", payload)
        await until(lambda: ear.facts.tally.malformed >= 3 and ear.facts.tally.oversized == 1)
        unread, oversized = ear.telemetry.attention()
        assert unread.startswith("tele/odd/SENSOR: 3 messages could not be read and changed nothing: ")
        assert oversized == "1 telemetry messages above 256 KiB were not looked into"
        monkeypatch.setattr(ingest, "RECENT", 0.0)
        assert ear.telemetry.attention() == []
    assert ear.fired == []


async def test_a_lost_broker_is_told_and_the_wait_of_a_rule_starts_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "TICK", 0.01)
    with running_broker("mosquitto", tmp_path) as broker:
        (tmp_path / "rules").mkdir()
        ear = Ear(broker, tmp_path / "rules", RULES + 'for = "1h"')
        async with ear.listening():
            await heard(ear, broker, "tele/washer/SENSOR")
            publish_raw(broker.address, "tele/washer/SENSOR", '{"ENERGY":{"Power":3000}}')
            waiting = ear.evaluation.states["same"].subjects
            await until(lambda: "tele/washer/SENSOR" in waiting)
            broker.kill()
            await until(lambda: bool(ear.telemetry.attention()))
            await until(
                lambda: "tele/washer/SENSOR" not in waiting or waiting["tele/washer/SENSOR"].latch.since is None
            )
            assert "telemetry: " in ear.telemetry.attention()[0]

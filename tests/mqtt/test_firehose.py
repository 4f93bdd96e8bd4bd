"""The firehose shows each listener each message once, in order, and survives what brokers and listeners do."""

import asyncio
import contextlib
import logging
import random

import pytest

from devices.errors import RefusedError, UsageError
from devices.mqtt.address import BrokerAddress
from devices.mqtt.firehose import Firehose
from devices.protocol import limits
from devices.testing.broker import DEADLINE, RawPublisher, publish_raw, running_broker

CONNECT, SUBSCRIBE, DISCONNECT = 0x10, 0x82, 0xE0


@contextlib.asynccontextmanager
async def flowing(address, name="firehose", **settings):
    hose = Firehose(address, name, **settings)
    task = asyncio.create_task(hose.run())
    try:
        await until(lambda: hose.connected)
        yield hose
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition):
    """Waits for a condition that changes without telling anybody."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(0.005)


def by_topic(messages):
    """The embedded broker keeps a log for each filter, and the order of messages only within one."""
    topics = {}
    for topic, payload in messages:
        topics.setdefault(topic, []).append(payload)
    return topics


@pytest.fixture(params=["plain", "embedded"])
def broker(request):
    return request.getfixturevalue(request.param)


async def in_threads(function, *args, **kwargs):
    await asyncio.to_thread(function, *args, **kwargs)


async def test_overlapping_filters_show_each_message_once_to_each_listener_in_order_of_its_topic(broker):
    async with flowing(broker.address) as hose:
        got = {topic_filter: [] for topic_filter in ("lap/#", "lap/+/x", "lap/a/x", "lap/{room}/{leaf}")}
        for topic_filter, list_ in got.items():
            hose.listen(topic_filter, lambda topic, payload, qos, retain, list_=list_: list_.append((topic, payload)))
        second = []
        hose.listen("lap/a/x", lambda topic, payload, qos, retain: second.append((topic, payload)))
        expected = []

        def publish():
            with RawPublisher(broker.address) as device:
                for number in range(200):
                    topic = random.Random(number).choice(["lap/a/x", "lap/b/x", "lap/b/y", "lap"])
                    device.publish(topic, str(number), qos=number % 2)
                    expected.append((topic, str(number).encode()))
                device.publish("lap/last", "", qos=1)

        await in_threads(publish)
        await until(lambda: len(got["lap/#"]) == 201)
        assert by_topic(got["lap/#"]) == by_topic([*expected, ("lap/last", b"")])
        assert by_topic(got["lap/+/x"]) == by_topic(e for e in expected if e[0] in ("lap/a/x", "lap/b/x"))
        assert got["lap/a/x"] == second == [e for e in expected if e[0] == "lap/a/x"]
        assert by_topic(got["lap/{room}/{leaf}"]) == by_topic(e for e in expected if e[0].count("/") == 2)
        assert hose.received == 201


async def test_a_kept_message_is_shown_once_to_each_new_filter_and_marked(broker):
    publish_raw(broker.address, "kept/a", "1", qos=1, retain=True)
    async with flowing(broker.address) as hose:
        first, second = [], []
        hose.listen("kept/#", lambda *message: first.append(message))
        await until(lambda: first)
        hose.listen("kept/+", lambda *message: second.append(message))
        await until(lambda: second)
        await in_threads(publish_raw, broker.address, "kept/a", "2", qos=1)
        await until(lambda: len(second) == 2)
        assert [(payload, retain) for _, payload, _, retain in first] == [(b"1", True), (b"2", False)]
        assert [(payload, retain) for _, payload, _, retain in second] == [(b"1", True), (b"2", False)]
    publish_raw(broker.address, "kept/a", "", qos=1, retain=True)


async def test_a_forgotten_listener_is_left_alone_and_its_filter_ended(broker):
    async with flowing(broker.address) as hose:
        first, second = [], []
        one = lambda *message: first.append(message)  # noqa: E731
        two = lambda *message: second.append(message)  # noqa: E731
        hose.listen("forget/x", one)
        hose.listen("forget/+", two)
        hose.forget("forget/x", one)
        hose.forget("forget/x", one)
        await in_threads(publish_raw, broker.address, "forget/x", "1", qos=1)
        await until(lambda: second)
        assert first == []
        hose.forget("forget/+", two)
        seen = []
        hose.listen("forget/y", lambda *message: seen.append(message))
        await in_threads(publish_raw, broker.address, "forget/x", "2", qos=1)
        await in_threads(publish_raw, broker.address, "forget/y", "3", qos=1)
        await until(lambda: seen)
        assert len(second) == 1
        assert hose.received == 2


async def test_large_payloads_are_counted_and_not_shown(plain):
    async with flowing(plain.address, largest=1000) as hose:
        got = []
        hose.listen("large/#", lambda *message: got.append(len(message[1])))
        for size in (1000, 1001, 500_000, 3):
            await in_threads(publish_raw, plain.address, "large/x", bytes(size), qos=1)
        await until(lambda: 3 in got)
        assert got == [1000, 3]
        assert hose.oversized == 2


async def test_a_listener_that_raises_costs_the_others_nothing_and_is_logged_once(plain, caplog):
    async with flowing(plain.address) as hose:
        got = []

        def broken(*message):
            raise KeyError("odd payload")

        hose.listen("raise/#", broken)
        hose.listen("raise/#", lambda *message: got.append(message[1]))
        with caplog.at_level(logging.ERROR):
            for payload in ("1", "2", "3"):
                await in_threads(publish_raw, plain.address, "raise/x", payload, qos=1)
            await until(lambda: len(got) == 3)
        assert hose.failed == 3
        assert [record.message for record in caplog.records] == [
            "a listener failed on a message of raise/x; further failures of it are only counted"
        ]


async def test_it_comes_back_after_the_broker_was_away_and_says_what_was_wrong(tmp_path):
    with running_broker("mosquitto", tmp_path) as broker:
        async with flowing(broker.address) as hose:
            got = []
            hose.listen("back/#", lambda *message: got.append(message[1]))
            broker.kill()
            await until(lambda: hose.trouble is not None and "nobody listens" in hose.trouble.message)
            assert not hose.connected
            broker.start()
            await until(lambda: hose.connected)
            await in_threads(publish_raw, broker.address, "back/x", "1", qos=1)
            await until(lambda: got)
            assert got == [b"1"]
            assert hose.connections == 2
            assert hose.trouble is None


async def test_remembered_topics_stay_within_their_bound(plain, monkeypatch):
    monkeypatch.setattr(limits, "TELEMETRY_TOPICS", 10)
    async with flowing(plain.address) as hose:
        got = []
        hose.listen("bound/#", lambda *message: got.append(message[0]))

        def publish():
            with RawPublisher(plain.address) as device:
                for number in range(55):
                    device.publish(f"bound/{number}", "")

        await in_threads(publish)
        await until(lambda: len(got) == 55)
        assert len(hose._routes) <= 10


async def test_what_is_no_filter_is_refused(plain):
    hose = Firehose(plain.address, "unused")
    with pytest.raises(UsageError):
        hose.listen("a/#/b", print)


async def test_the_brokers_own_figures_come_only_to_whom_asks_for_them(plain):
    async with flowing(plain.address) as hose:
        everything, figures = [], []
        hose.listen("#", lambda *message: everything.append(message[0]))
        hose.listen("$SYS/broker/version", lambda *message: figures.append(message[1]))
        await until(lambda: figures)
        assert figures == [b"mosquitto version 2.0.11"] or figures[0].startswith(b"mosquitto version")
        assert not any(topic.startswith("$") for topic in everything)


async def test_a_filter_that_the_broker_refuses_is_named_and_the_others_go_on():
    """No Mosquitto up to 2.1 refuses a SUBSCRIBE by its access list, other brokers do."""
    asked = []

    async def refusing(reader, writer):
        while (header := await reader.readexactly(2))[0] != DISCONNECT:
            body = await reader.readexactly(header[1])
            if header[0] == CONNECT:
                writer.write(b"\x20\x03\x00\x00\x00")
            elif header[0] == SUBSCRIBE:
                asked.append(body)
                writer.write(b"\x90\x04" + body[:2] + b"\x00" + (b"\x87" if b"closed" in body else b"\x00"))
        writer.close()

    server = await asyncio.start_server(refusing, "127.0.0.1", 0)
    address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
    async with server, flowing(address) as hose:
        hose.listen("closed/#", print)
        hose.listen("open/#", print)
        await until(lambda: len(asked) == 2 and hose.refused)
        assert list(hose.refused) == ["closed/#"]
        assert isinstance(hose.refused["closed/#"], RefusedError)

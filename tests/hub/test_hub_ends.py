"""A function's end is told until the coordinator has noted it: over the death of the hub, and before its last outputs leave."""

from __future__ import annotations

import asyncio

import pytest
from test_hub_crashes import HubProcess, reports

from devices.protocol import answers, commands, limits, messages, sealing
from devices.protocol.topics import Topics
from devices.testing.broker import Tap

TOPICS = Topics()
SHORT = """
from midstream import ctx, function

@function
def short():
    print("almost there")
    ctx.publish("out", "bye")
    return 7
"""


@pytest.fixture(params=["mosquitto"])
def kind(request):
    return request.param


async def test_an_end_is_told_again_by_the_next_life_of_its_hub_until_it_is_noted(broker, coordinator, tmp_path):
    status = messages.CoordinatorStatus(
        state="online", key=sealing.public_bytes(coordinator.key).hex(), notes_ends=True
    )
    await coordinator.session.publish(TOPICS.coordinator_status, messages.encode(status), retain=True)
    coordinator.stores = False  # so that only the end lets the output go
    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a")
    try:
        with Tap(broker.address, "out", TOPICS.instance("short", "result")) as tap:
            await reports(coordinator, 1)
            await coordinator.run("short", "hub-a", SHORT, "short")
            told = await coordinator.heard(answers.Ended)
            assert (told.state, told.result) == ("finished", 7)
            assert [line["text"] for line in told.log] == ["almost there"]
            hub.kill()
            coordinator.answers.clear()
            await coordinator.session.publish(
                TOPICS.instance("short", "claim"), b"", retain=True
            )  # as when it is noted
            hub.start_again()
            assert (await coordinator.heard(answers.Ended)).result == 7
            assert tap.payloads("out") == []
            await coordinator.answer_to("hub-a", commands.Noted(id="n1", instance="short", epoch=1))
            await asyncio.to_thread(tap.wait, lambda _: tap.payloads(TOPICS.instance("short", "result")) == [b"7"])
            assert tap.payloads("out") == [b"bye"]
    finally:
        hub.kill()


async def test_what_a_coordinator_may_have_missed_is_told_when_there_is_one_again(coordinator, hub_a):
    coordinator.stores = False
    await coordinator.run("short", "hub-a", SHORT.replace("return 7", "ctx.sleep(1000)"), "short")
    first = await coordinator.heard(answers.Captured)
    coordinator.answers.clear()
    for state in ("offline", "online"):
        status = messages.CoordinatorStatus(state=state, key=sealing.public_bytes(coordinator.key).hex())
        await coordinator.session.publish(TOPICS.coordinator_status, messages.encode(status), retain=True)
    async with asyncio.timeout(0.8 * limits.VERDICT):  # before its own time to ask again
        assert (await coordinator.heard(answers.Captured)).checkpoint == first.checkpoint

"""What a hub tells of a function's wait, and how often it keeps one that counts only while the function runs."""

from __future__ import annotations

import asyncio

import pytest

from devices.protocol import answers
from devices.protocol import checkpoint as blobs

WAITS = """
from midstream import ctx, function

@function
def waits():
    door = ctx.subscribe("door")
    door.next(timeout="10s")
    ctx.sleep("1h")
"""


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def wait_in(coordinator, told: answers.Captured):
    return blobs.decode_header(coordinator.blobs[told.checkpoint])[0].wait


async def deaf_captures(coordinator, hub) -> list:
    """What is left of the time-out in two checkpoints, between which nothing could have been heard."""
    feed = hub.agent.instances.lives["waits"].instance.feed
    waits = []
    feed.hears(False)
    for _ in range(2):
        told = await coordinator.answer_to("hub-a", coordinator.capture_command("waits"), answers.Captured)
        waits.append(wait_in(coordinator, told))
        await asyncio.sleep(1.5)  # this very time must not be counted
    feed.hears(True)
    return waits


async def test_a_wait_is_kept_while_it_counts_and_what_will_become_of_it_is_told(coordinator, hub_a, watch, device):
    def counted(told: answers.Captured) -> bool:
        wait = wait_in(coordinator, told)
        return wait is not None and wait.topics == "door" and wait.listening < 8.5

    settings = {"checkpoint": 0.1, "catch_up": "continue"}
    await coordinator.run("waits", "hub-a", WAITS, "waits", settings=settings)
    assert (await watch.state("waits", state="running"))["state"] == "running"
    # No message comes and nothing is published; a tenth of the time-out is reason enough for a checkpoint.
    assert (await coordinator.heard(answers.Captured, counted)).reason == "period"
    assert len([it for it in coordinator.answers if isinstance(it, answers.Captured)]) < 10
    first, second = await deaf_captures(coordinator, hub_a)
    assert first.listening - second.listening < 1.0  # a second and a half had passed
    device.publish("door", "open", qos=1)
    await watch.until(lambda _: any(it["waiting"].startswith("sleeps until ") for it in watch.states("waits")))
    command = coordinator.capture_command("waits", hold=True)
    told = await coordinator.answer_to("hub-a", command, answers.Captured)
    deadline = wait_in(coordinator, told).deadline
    assert (deadline.every, deadline.catch_up) == (3600.0, "continue")
    assert 3500 < deadline.left <= 3600
    await coordinator.say_stored(told)
    suspended = await watch.state("waits", state="suspended")
    assert suspended["waiting"].endswith(" left, goes on at start")

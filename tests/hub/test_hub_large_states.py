"""Checkpoints of a function whose state is large: it goes on while a copy of its process encodes them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest
from process_copies import copy_of, wait_until_gone

from devices.hub import captures
from devices.protocol import answers, commands, limits
from devices.protocol import checkpoint as blobs
from devices.testing.broker import RawPublisher, Tap

LARGE = """
from midstream import ctx, function

@function(checkpoint="1h")
def large():
    numbers = ctx.subscribe("in")
    table = {number: str(number) for number in range(60_000)}
    ctx.publish("out", "ready", immediate=True)
    for message in numbers:
        if message.text == "end":
            return len(table)
        table[len(table)] = message.text
        ctx.publish("out", message.text, immediate=True)
"""


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def tap(broker):
    with Tap(broker.address, "out") as tap:
        yield tap


@pytest.fixture
def device(broker):
    with RawPublisher(broker.address) as device:
        yield device


class Story:
    """The function on hub-a, and what comes out of it."""

    def __init__(self, coordinator, hub, tap, device) -> None:
        self.coordinator, self.hub, self.tap, self.device = coordinator, hub, tap, device

    async def begin(self) -> None:
        await self.coordinator.run("large", "hub-a", LARGE, "large")
        await self.out("ready")

    async def send(self, *payloads: str) -> None:
        for payload in payloads:
            await asyncio.to_thread(self.device.publish, "in", payload)

    async def out(self, *payloads: str) -> None:
        def came(_) -> bool:
            return [it.decode() for it in self.tap.payloads("out")] == list(payloads)

        await asyncio.to_thread(self.tap.wait, came)

    async def ask(self) -> tuple[commands.Capture, int]:
        """Asks for a checkpoint; returns the command and the copy that encodes, stopped."""
        command = self.coordinator.capture_command("large")
        await self.coordinator.send("hub-a", command)
        worker = self.hub.agent.instances.lives["large"].instance.worker
        copy = await asyncio.to_thread(copy_of, worker.pid)
        os.kill(copy, signal.SIGSTOP)
        return command, copy

    async def answer(self, command: commands.Command, kind):
        answer = await self.coordinator.heard(answers.Answer, lambda it: it.id == command.id)
        assert isinstance(answer, kind), answer
        return answer

    async def result(self) -> int:
        await self.send("end")
        return (await self.coordinator.heard(answers.Ended)).result


@pytest.fixture
async def story(coordinator, hub_a, tap, device) -> Story:
    story = Story(coordinator, hub_a, tap, device)
    await story.begin()
    return story


async def test_messages_and_outputs_go_on_while_the_state_is_encoded_and_the_checkpoint_counts_none_of_them(
    story, coordinator, hub_b
):
    command, copy = await story.ask()
    await story.send("1", "2")
    await story.out("ready", "1", "2")
    os.kill(copy, signal.SIGCONT)
    told = await story.answer(command, answers.Captured)
    header, _ = blobs.decode_header(coordinator.blobs[told.checkpoint])
    assert (header.mailbox.delivered, header.sequence) == (0, 1)
    await coordinator.move("large", "hub-a", "hub-b")
    assert await story.result() == 60_002
    await story.out("ready", "1", "2")


async def test_a_function_that_dies_goes_on_from_such_a_checkpoint(story):
    command, copy = await story.ask()
    await story.send("1")
    await story.out("ready", "1")
    os.kill(copy, signal.SIGCONT)
    await story.answer(command, answers.Captured)
    os.kill(story.hub.agent.instances.lives["large"].instance.worker.pid, signal.SIGKILL)
    assert await story.result() == 60_001
    await story.out("ready", "1")


async def test_a_move_that_is_asked_for_meanwhile_comes_next(story, coordinator, hub_b):
    command, copy = await story.ask()
    moving = asyncio.create_task(coordinator.move("large", "hub-a", "hub-b"))
    await coordinator.heard(answers.Done)  # hub-b is prepared
    os.kill(copy, signal.SIGCONT)
    await story.answer(command, answers.Captured)
    await moving
    await story.send("1")
    await story.out("ready", "1")
    assert await story.result() == 60_001


async def test_a_copy_that_dies_is_told_and_the_next_checkpoint_is_taken(story, coordinator):
    failed = None
    while not isinstance(failed, answers.Failed):  # a copy may have done its work before it is killed
        command, copy = await story.ask()
        with contextlib.suppress(ProcessLookupError):
            os.kill(copy, signal.SIGKILL)
        failed = await story.answer(command, answers.Failed | answers.Captured)
    assert "died; the function goes on" in failed.error["message"]
    again = coordinator.capture_command("large")
    await coordinator.answer_to("hub-a", again, answers.Captured)
    assert await story.result() == 60_000


async def test_a_copy_that_hangs_is_told_after_the_limit(story, monkeypatch):
    monkeypatch.setattr(limits, "ENCODING", 0.2)
    monkeypatch.setattr(captures, "_ANSWERS", 0.0)
    command, _ = await story.ask()
    failed = await story.answer(command, answers.Failed)
    assert "not encoded within" in failed.error["message"]
    assert await story.result() == 60_000


async def test_a_function_that_ends_meanwhile_has_ended_and_its_copy_too(story):
    command, copy = await story.ask()
    assert await story.result() == 60_000
    await asyncio.to_thread(wait_until_gone, copy)
    assert isinstance(await story.answer(command, answers.Answer), answers.Failed | answers.Captured)

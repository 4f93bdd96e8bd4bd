"""When a checkpoint is taken, and where it must be, as a function says."""

from __future__ import annotations

import pytest
from echoing_functions import ECHO, SUM, send, until

from devices.protocol import answers
from devices.protocol import checkpoint as blobs


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_so_many_messages_make_a_checkpoint_due(coordinator, hub_a, watch, device):
    settings = {"checkpoint": 3600.0, "checkpoint_messages": 3}
    await coordinator.run("total", "hub-a", SUM, "total", settings=settings)
    await watch.state("total", text="listening")
    await send(device, *"12")
    await watch.state("total", values={"total": 3})
    assert not [it for it in coordinator.answers if isinstance(it, answers.Captured)]
    await send(device, "3")
    told = await coordinator.heard(answers.Captured)
    assert told.reason == "messages"
    assert blobs.decode_header(coordinator.blobs[told.checkpoint])[0].mailbox.delivered == 3
    await send(device, *"456")
    told = await coordinator.heard(answers.Captured, lambda it: it.parent == told.checkpoint)
    assert told.reason == "messages"
    assert blobs.decode_header(coordinator.blobs[told.checkpoint])[0].mailbox.delivered >= 6


@pytest.mark.parametrize(("durability", "leaves"), [("spool", True), ("coordinator", False)])
async def test_outputs_wait_for_the_hubs_own_disk_or_for_the_coordinator(
    coordinator, hub_a, watch, device, durability, leaves
):
    settings = {"checkpoint": 3600.0, "durability": durability, "failover": "never"}
    coordinator.stores = False  # as one that is away: nothing is ever confirmed
    await coordinator.run("echo", "hub-a", ECHO, "echo", settings=settings)
    told = await coordinator.heard(answers.Captured)
    if leaves:
        await watch.out("ready")
        await send(device, "1")
        await watch.out("ready", "1")
    else:
        await send(device, "1")
        await watch.state("echo", lag=0, state="running")
        assert watch.outputs == []
        coordinator.stores = True
        await coordinator.say_stored(told)
        await watch.out("ready", "1")


NAPS = """
from midstream import ctx, function

@function
def naps():
    ctx.status("begun")
    ctx.sleep("6h")
"""


async def test_a_sleep_is_kept_once_although_no_message_and_no_output_came_and_not_again_while_nothing_changes(
    coordinator, hub_a, watch
):
    """Else a sleep of hours would begin anew behind a power cut, or wear out an SD card."""

    def taken() -> list:
        return [it for it in coordinator.answers if isinstance(it, answers.Captured)]

    await coordinator.run("naps", "hub-a", NAPS, "naps", settings={"checkpoint": 0.2})
    told = await coordinator.heard(answers.Captured, lambda it: it.statement == 'ctx.sleep("6h")')
    assert told.reason == "period"
    life = hub_a.agent.instances.lives["naps"]
    await until(lambda: life.instance.durable == told.checkpoint)
    assert not life.captures.has_changed()
    command = coordinator.capture_command("naps", hold=True)
    held = await coordinator.answer_to("hub-a", command, answers.Captured)
    await coordinator.say_stored(held)
    await watch.state("naps", state="suspended")
    assert not life.captures.has_changed()
    assert len(taken()) <= 3  # one may have been taken on the way to the sleep

"""What a hub says of itself, and what it makes of messages and commands that are wrong or come twice."""

from __future__ import annotations

import asyncio

import pytest
from echoing_functions import ECHO, SUM, retained, send

from devices.protocol import answers, commands, messages
from devices.protocol.topics import Topics
from devices.testing.broker import Tap, publish_raw

TOPICS = Topics()


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_a_hub_tells_what_it_is_and_measures_itself(broker, coordinator, hub_a, watch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    info = messages.decode(await retained(broker, TOPICS.hub("hub-a", "info")), messages.HubInfo, "")
    assert (info.hub, info.engines) == ("hub-a", ["python"])
    with Tap(broker.address, TOPICS.hub("hub-a", "metrics"), qos=0) as tap:
        heard = await asyncio.to_thread(tap.wait, lambda heard: any(b'"echo"' in h.payload for h in heard))
    metrics = messages.decode(heard[-1].payload, messages.HubMetrics, "")
    assert metrics.instances["echo"].memory > 1_000_000
    assert await retained(broker, TOPICS.hub("hub-a", "metrics")) is None


async def test_malformed_messages_are_counted_and_harm_nothing(broker, coordinator, hub_a, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    for topic in ("hubs/hub-a/command", "instances/echo/claim", "checkpoints/x/down/y", "coordinator/status"):
        for payload in (b"", b"{}", b"\xff\xfe", b"[1]", b'{"do":"prepare"}'):
            publish_raw(broker.address, f"midstream/{topic}", payload, qos=1)
    await send(device, "1")
    await watch.out("ready", "1")
    assert hub_a.agent.malformed > 0


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"digest": "00" * 32}, "protocol"),
        ({"epoch": 9}, "protocol"),
        ({"checkpoint": "other"}, "protocol"),
    ],
)
async def test_a_restore_that_is_not_what_was_claimed_is_refused(coordinator, hub_a, watch, change, slug):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    claim = await coordinator.claim("echo", "hub-a", coordinator.newest["echo"])
    command = coordinator.restore_command(claim, 1)
    for field, value in change.items():
        setattr(command, field, value)
    failed = await coordinator.answer_to("hub-a", command, answers.Failed)
    assert failed.error["slug"] == slug


async def test_a_blob_that_was_altered_on_its_way_is_refused(coordinator, hub_a, watch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("echo"), answers.Captured)
    claim = await coordinator.claim("echo", "hub-a", told.checkpoint)
    command = coordinator.restore_command(claim, 1)
    blob = coordinator.blobs[told.checkpoint]
    coordinator.blobs[told.checkpoint] = blob[:-1] + bytes([blob[-1] ^ 1])
    await coordinator.send_blob(told.checkpoint)
    failed = await coordinator.answer_to("hub-a", command, answers.Failed)
    assert failed.error["slug"] == "damaged"


async def test_a_repeated_command_is_answered_again_and_done_once(coordinator, hub_a, watch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    restore = coordinator.restore_command(coordinator.claims["echo"], 0)
    assert (await coordinator.answer_to("hub-a", restore, answers.Running)).epoch == 1
    capture = coordinator.capture_command("echo")
    first = await coordinator.answer_to("hub-a", capture, answers.Captured)
    coordinator.answers.clear()
    again = await coordinator.answer_to("hub-a", capture, answers.Captured)
    assert again.checkpoint == first.checkpoint


async def test_what_comes_once_more_after_a_restart_of_the_hub_is_refused_and_told(coordinator, hub_a, watch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    (report,) = [it for it in coordinator.answers if isinstance(it, answers.Report)]
    suspend = coordinator.capture_command("echo", hold=True, start=report.start)
    await coordinator.answer_to("hub-a", suspend, answers.Captured)
    await watch.state("echo", state="suspended")
    go_on = commands.GoOn(id="on", instance="echo", epoch=1, move="", reason="resumed", start=report.start)
    await coordinator.answer_to("hub-a", go_on)
    await watch.state("echo", state="running")
    coordinator.answers.clear()
    await hub_a.stop()
    await hub_a.start()
    await watch.state("echo", state="running")
    for late in (suspend, go_on):  # as they were: by who has heard them, or out of the broker's queue
        await coordinator.send("hub-a", late)
    refused = [
        await coordinator.heard(answers.Failed, lambda it, kind=kind: kind in str(it.error))
        for kind in ("Capture", "GoOn")
    ]
    assert [(it.id, it.epoch, "from before the start" in it.error["message"]) for it in refused] == [("", 1, True)] * 2
    assert (await watch.state("echo", epoch=1))["state"] == "running"
    anew = coordinator.capture_command("echo", start=report.start + 1)
    await coordinator.answer_to("hub-a", anew, answers.Captured)


async def test_a_coordinator_that_has_lost_its_store_is_given_what_is_kept_here(coordinator, hub_a, watch):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("total"), answers.Captured)
    blob = coordinator.blobs.pop(told.checkpoint)
    wanted = commands.Offer(id="o1", instance="total", checkpoint=told.checkpoint)
    offered = await coordinator.answer_to("hub-a", wanted, answers.Captured)
    assert (offered.offered, offered.checkpoint, offered.parent, offered.line) == (
        True,
        told.checkpoint,
        told.parent,
        told.line,
    )
    assert coordinator.blobs[told.checkpoint] == blob
    for instance, checkpoint in (("total", "gone"), ("nobody", told.checkpoint)):
        other = commands.Offer(id=f"o-{instance}", instance=instance, checkpoint=checkpoint)
        assert "is not on hub" in (await coordinator.answer_to("hub-a", other, answers.Failed)).error["message"]

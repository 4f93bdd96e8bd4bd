"""A suspended function's messages are all there when it goes on: its hub takes them out of the broker's queue."""

from __future__ import annotations

import asyncio
import contextlib

import psutil
import pytest
from echoing_functions import send, until
from hub_process import HubProcess
from hub_under_test import running_hub

from devices.hub.behind import Saved
from devices.hub.mail_file import MailFile
from devices.protocol import answers, commands
from devices.protocol.checkpoint import Arrival

COUNTS = """
from midstream import ctx, function

@function(checkpoint="1h")
def counts():
    messages, count = ctx.subscribe("in"), 0
    while messages.next().text != "end":
        count += 1
    return count
"""
COUNT = 3000
BURST = 600  # what the broker's queue holds in any case


@pytest.fixture(params=["stock"])  # 1,000 messages in a queue, 20 under way
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def publish(device) -> None:
    for _ in range(BURST):
        device.publish("in", "1", qos=1)


async def test_three_thousand_messages_for_a_suspended_function_are_all_there_even_if_its_hub_dies(
    broker, coordinator, watch, device, tmp_path
):
    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a")
    try:
        await coordinator.heard(answers.Report)
        await coordinator.run("total", "hub-a", COUNTS, "counts")
        await watch.state("total", waiting="in")
        await coordinator.send("hub-a", coordinator.capture_command("total", hold=True))
        await watch.state("total", state="suspended")

        for came in range(BURST, COUNT + 1, BURST):
            await asyncio.to_thread(publish, device)
            assert (await watch.state("total", lag=came))["dropped"] == 0
        await asyncio.to_thread(psutil.wait_procs, hub.kill(), 10)
        await send(device, "1")
        hub.start_again()
        assert (await watch.state("total", state="suspended", lag=COUNT + 1))["dropped"] == 0
        go_on = commands.GoOn(id="on", instance="total", epoch=1, move="", reason="resumed")
        await coordinator.answer_to("hub-a", go_on)
        for left in range(COUNT, -1, -BURST):  # each within the deadline of one wait
            await watch.until(lambda _, left=left: watch.states("total")[-1]["lag"] <= left)
        await send(device, "end")
        assert (await coordinator.heard(answers.Ended)).result == COUNT + 1
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            hub.kill()


async def test_what_was_acknowledged_meanwhile_is_there_though_the_connection_is_lost_when_it_is_resumed(
    broker, coordinator, watch, device, tmp_path
):
    async with running_hub(broker, tmp_path, "hub-a") as hub:
        await coordinator.heard(answers.Report)
        await coordinator.run("total", "hub-a", COUNTS, "counts")
        await watch.state("total", waiting="in")
        told = await coordinator.answer_to("hub-a", coordinator.capture_command("total", hold=True), answers.Captured)
        await watch.state("total", state="suspended")
        await send(device, "1", "2", "3")
        life = hub.agent.instances.lives["total"]
        await until(lambda: len(life.instance.spool.mail.read()) == 3)
        await life.session.drop()
        await send(device, "4")
        await coordinator.restore("total", "hub-a", told.checkpoint, parts=False)
        await send(device, "end")
        assert (await coordinator.heard(answers.Ended)).result == 4


def test_half_a_line_at_the_end_of_the_file_is_none(tmp_path):
    def saved(number: int) -> Saved:
        arrival = Arrival(number=number, topic="t", payload=b"\xff", qos=1, retain=False, at=1.5, subscriptions=[1])
        return Saved(arrival=arrival, packet=7, digest=b"12345678")

    written: list[int] = []
    file = MailFile(tmp_path / "mail", written.append)
    assert file.read() == []
    file.append([saved(1), saved(2)])
    file.append([saved(3)])
    assert file.read() == [saved(1), saved(2), saved(3)]
    whole = (tmp_path / "mail").read_bytes()
    assert sum(written) == len(whole)
    (tmp_path / "mail").write_bytes(whole[:-3])
    assert file.read() == [saved(1), saved(2)]
    file.clear()
    assert file.read() == []

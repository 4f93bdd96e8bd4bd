"""A suspended function's messages are all there when it goes on: its hub takes them out of the broker's queue."""

from __future__ import annotations

import asyncio
import contextlib

import psutil
import pytest
from echoing_functions import retained, send, until
from hub_process import HubProcess
from hub_under_test import running_hub
from scripted_coordinator import TOPICS

from devices.hub import sleeping_mail
from devices.hub.ahead import Ahead
from devices.hub.behind import Saved
from devices.hub.mail_file import MailFile
from devices.protocol import answers, commands, messages
from devices.protocol import checkpoint as blobs
from devices.protocol.ahead import Ahead as Word
from devices.protocol.checkpoint import Arrival

WORD = TOPICS.instance("total", "ahead")

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


async def suspended(coordinator, watch) -> None:
    """Has a function begin to count at hub-a, and suspends it."""
    await coordinator.heard(answers.Report, lambda it: it.hub == "hub-a")
    await coordinator.run("total", "hub-a", COUNTS, "counts")
    await watch.state("total", waiting="in")
    await coordinator.answer_to("hub-a", coordinator.capture_command("total", hold=True), answers.Captured)
    await watch.state("total", state="suspended")


async def test_three_thousand_messages_for_a_suspended_function_are_all_there_even_if_its_hub_dies(
    broker, coordinator, watch, device, tmp_path
):
    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a")
    try:
        await suspended(coordinator, watch)
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
    broker, coordinator, watch, device, tmp_path, monkeypatch
):
    monkeypatch.setattr(sleeping_mail, "_WORTH", 0)
    async with running_hub(broker, tmp_path, "hub-a") as hub:
        await suspended(coordinator, watch)
        await send(device, *["1"] * 12)
        life = hub.agent.instances.lives["total"]
        await until(lambda: life.ahead.owes_mail and len(life.instance.spool.mail.read()) == 12)
        await life.session.drop()
        await send(device, "1")
        await coordinator.restore("total", "hub-a", coordinator.newest["total"], parts=False)
        word = messages.decode(await retained(broker, WORD), Word, WORD)
        assert (word.epoch, word.suspended) == (2, False)  # for the coordinator it counts in the newest epoch
        await send(device, "end")
        assert (await coordinator.heard(answers.Ended)).result == 13


@pytest.mark.parametrize(("drained", "count"), [(False, 7), (True, 150)])
async def test_a_suspended_function_goes_on_elsewhere_with_all_its_messages_though_its_hub_has_lost_its_power(
    broker, coordinator, watch, device, tmp_path, drained, count
):
    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a")
    try:
        async with running_hub(broker, tmp_path, "hub-b"):
            await suspended(coordinator, watch)
            if drained:  # so many before that what comes then is worth no checkpoint elsewhere
                await send(device, *["1"] * (count - 12))
                await watch.state("total", lag=count - 12)
                await coordinator.answer_to("hub-a", commands.Drain(id="d", instance=""))
                await watch.until(
                    lambda _: b'"state":"drained"' in watch.tap.payloads(TOPICS.hub("hub-a", "status"))[-1]
                )
            await send(device, *["1"] * (12 if drained else count))
            await watch.state("total", lag=count)
            told = watch.tap.payloads(TOPICS.hub("hub-a", "status"))[-1]
            assert messages.decode(told, messages.HubStatus, "status").safe_to_power_off == drained
            assert not await retained(broker, WORD)
            await asyncio.to_thread(psutil.wait_procs, hub.kill(), 10)
            await coordinator.restore("total", "hub-b", coordinator.newest["total"])
            await send(device, "end")
            assert (await coordinator.heard(answers.Ended)).result == count
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            hub.kill()


async def test_what_one_disk_alone_has_is_acknowledged_behind_the_word_that_it_is_ahead(
    broker, coordinator, watch, device, tmp_path, monkeypatch
):
    may_be_said, say = asyncio.Event(), Ahead.say_again

    async def later(word: Ahead) -> bool:
        await may_be_said.wait()
        return await say(word)

    monkeypatch.setattr(Ahead, "say_again", lambda word: asyncio.ensure_future(later(word)))
    monkeypatch.setattr(sleeping_mail, "_WORTH", 0)
    monkeypatch.setattr(sleeping_mail, "_LONGEST", 1.0)
    async with running_hub(broker, tmp_path, "hub-a") as hub:
        await suspended(coordinator, watch)
        life = hub.agent.instances.lives["total"]
        await send(device, *["1"] * 12)
        await until(lambda: len(life.instance.spool.mail.read()) >= 10 and life.instance.mailbox.uncovered == 12)
        may_be_said.set()
        await until(lambda: life.instance.mailbox.uncovered == 0)
        await watch.until(lambda _: watch.tap.payloads(WORD)[-1:] == [b""])
        assert messages.decode(watch.tap.payloads(WORD)[0], Word, WORD).suspended
        header, _ = blobs.decode_header(coordinator.blobs[coordinator.newest["total"]])
        assert len(header.mailbox.unread) == 12
        assert life.instance.spool.mail.read() == []


async def test_a_checkpoint_with_the_messages_is_taken_when_so_many_are_new_that_it_is_worth_it(
    broker, coordinator, watch, device, tmp_path
):
    async with running_hub(broker, tmp_path, "hub-a") as hub:
        await suspended(coordinator, watch)
        before = len(coordinator.blobs)
        await send(device, *["1"] * 400)
        await watch.state("total", lag=400)
        life = hub.agent.instances.lives["total"]
        await until(lambda: 4 * (400 - life.instance.header.mailbox.arrivals) < 400)
        made = list(coordinator.blobs.values())[before:]
        unread = [len(blobs.decode_header(blob)[0].mailbox.unread) for blob in made]
        assert sum(unread) < 6 * 400


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

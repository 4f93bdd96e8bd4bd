"""While the coordinator is away a hub goes on, says so before anything depends on it, and delivers everything later."""

from __future__ import annotations

import asyncio
import contextlib

import psutil
import pytest
from echoing_functions import ECHO, retained, send, until
from hub_process import HubProcess
from scripted_coordinator import TOPICS

from devices.hub import ahead, local_view
from devices.protocol import answers, messages, sealing
from devices.protocol import checkpoint as blobs
from devices.protocol.ahead import Ahead
from devices.protocol.answers import Captured
from devices.protocol.messages import CoordinatorStatus

WORD = TOPICS.instance("echo", "ahead")


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def is_there(coordinator, there: bool) -> None:
    coordinator.stores = there
    key = sealing.public_bytes(coordinator.key).hex()
    status = CoordinatorStatus(state="online" if there else "offline", key=key)
    await coordinator.session.publish(TOPICS.coordinator_status, messages.encode(status), retain=True)


def stored_in_order(coordinator, first: str) -> list[str]:
    """Returns the checkpoints that came, each once; each is the child of the one that came before."""
    told = [it for it in coordinator.answers if isinstance(it, Captured) and it.checkpoint in coordinator.blobs]
    chain = [first]
    for each in told:
        if each.checkpoint not in chain:
            assert each.parent == chain[-1]
            chain.append(each.checkpoint)
    return chain


async def test_outputs_go_on_without_a_coordinator_and_it_gets_what_it_lacks_in_order(
    broker, coordinator, hub_a, watch, device, monkeypatch
):
    monkeypatch.setattr(ahead, "AFTER", 0.3)
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    first = coordinator.claims["echo"].checkpoint
    await is_there(coordinator, False)
    await send(device, "1", "2")
    await watch.out("ready", "1", "2")
    word = messages.decode(await retained(broker, WORD), Ahead, WORD)
    assert (word.hub, word.epoch, word.checkpoint) == ("hub-a", 1, coordinator.newest["echo"])
    (row,) = local_view.alive(hub_a.agent.instances.lives.values())
    assert (row.ahead, row.stored) == (word.since, False)
    for number in range(3, 9):
        await send(device, str(number))
        await watch.out(str(number))
    assert await asyncio.to_thread(lambda: len(list(hub_a.config.spool.glob("echo/*.checkpoint")))) <= 5
    await is_there(coordinator, True)
    await send(device, "9")
    await watch.out("ready", *map(str, range(1, 10)))
    await watch.until(lambda _: watch.tap.payloads(WORD)[-1:] == [b""])
    await watch.until(lambda _: coordinator.blobs[coordinator.newest["echo"]])
    chain = stored_in_order(coordinator, first)
    header, _ = blobs.decode_header(coordinator.blobs[chain[-1]])
    assert header.mailbox.delivered == 9
    headers = [blobs.decode_header(coordinator.blobs[it])[0] for it in chain[1:]]
    numbers = {it.number for header in headers for it in (*header.consumed.arrivals, *header.mailbox.unread)}
    assert numbers == set(range(1, 10))  # nothing is missing for a fallback either


async def test_a_hub_that_died_ahead_goes_on_from_its_spool_and_delivers(broker, coordinator, watch, device, tmp_path):
    hub = HubProcess(broker, tmp_path / "hub-a", "hub-a")
    try:
        await coordinator.heard(answers.Report)
        await coordinator.run("echo", "hub-a", ECHO, "echo")
        await watch.out("ready")
        await is_there(coordinator, False)
        await send(device, "1", "2")
        await watch.out("ready", "1", "2")
        await asyncio.to_thread(psutil.wait_procs, hub.kill(), 10)
        await send(device, "3")
        hub.start_again()
        await watch.until(lambda _: list(dict.fromkeys(watch.outputs)) == ["ready", "1", "2", "3"])
        assert await retained(broker, WORD)
        await is_there(coordinator, True)
        await watch.until(lambda _: watch.tap.payloads(WORD)[-1:] == [b""])
        stored_in_order(coordinator, coordinator.claims["echo"].checkpoint)
        header, _ = blobs.decode_header(coordinator.blobs[coordinator.newest["echo"]])
        assert header.mailbox.delivered == 3
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            hub.kill()


async def test_a_word_that_the_broker_has_lost_is_said_again_unless_the_function_is_another_hubs_by_now(
    broker, coordinator, hub_a, watch, device, monkeypatch
):
    monkeypatch.setattr(ahead, "AFTER", 0.3)
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    await is_there(coordinator, False)
    await send(device, "1")
    await watch.out("ready", "1")
    life = hub_a.agent.instances.lives["echo"]
    await coordinator.session.publish(WORD, b"", retain=True)
    hub_a.agent.control._session.abort()
    await watch.until(lambda _: watch.tap.payloads(WORD)[-1])
    await coordinator.claim("echo", "hub-b", coordinator.newest["echo"])
    await until(lambda: "echo" not in hub_a.agent.instances.lives)
    before = len(watch.tap.payloads(WORD))
    await life.ahead.say_again_if_ours()
    await life.instance.hub.control.sent()
    await coordinator.session.publish(WORD, b"", retain=True)
    await watch.until(lambda _: watch.tap.payloads(WORD)[-1] == b"")
    assert len(watch.tap.payloads(WORD)) == before + 1

"""What becomes of an instance on one hub: suspended, resumed, stopped, ended, set back, fenced, taken up again."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import secrets
import signal

import psutil
import pytest
from hub_under_test import running_hub
from scripted_coordinator import first_checkpoint

from devices.errors import RefusedError
from devices.hub.agent import run
from devices.hub.config import read_config
from devices.mqtt.session import Session, end_session
from devices.protocol import checkpoint as blobs
from devices.protocol import limits, messages
from devices.protocol.topics import Topics
from devices.testing.broker import RawPublisher, Tap, publish_raw

TOPICS = Topics()
ECHO = """
from midstream import ctx, function

@function(checkpoint="1h")
def echo():
    numbers = ctx.subscribe("in")
    ctx.publish("out", "ready")
    while True:
        message = numbers.next()
        ctx.publish("out", message.text)
"""
SUM = """
from midstream import ctx, function

@function(checkpoint="1h")
def total():
    numbers, total = ctx.subscribe("in"), 0
    ctx.status("listening")
    while True:
        message = numbers.next()
        if message.text == "end":
            ctx.publish("out", "bye")
            return total
        if message.text == "crash":
            raise ValueError("no number")
        total += int(message.text)
        ctx.status("added", total=total)
"""


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


class Watch:
    """Ears on everything, with questions."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap

    async def until(self, enough):
        return await asyncio.to_thread(self.tap.wait, enough)

    async def out(self, *payloads: str):
        """Waits until exactly these came out, in order."""
        await self.until(lambda _: self.outputs[-len(payloads) :] == list(payloads))

    @property
    def outputs(self) -> list[str]:
        return [payload.decode() for payload in self.tap.payloads("out")]

    def states(self, instance: str) -> list[dict]:
        return [json.loads(it) for it in self.tap.payloads(TOPICS.instance(instance, "state")) if it]

    async def state(self, instance: str, **wanted) -> dict:
        def fits(_):
            return bool(self.states(instance)) and self.states(instance)[-1].items() >= wanted.items()

        await self.until(fits)
        return self.states(instance)[-1]


@pytest.fixture
def watch(broker):
    with Tap(broker.address, "out", "midstream/instances/#") as tap:
        yield Watch(tap)


@pytest.fixture
def device(broker):
    with RawPublisher(broker.address) as device:
        yield device


async def send(device, *payloads: str, qos: int = 1) -> None:
    for payload in payloads:
        await asyncio.to_thread(device.publish, "in", payload, qos=qos)


async def retained(broker, topic: str) -> bytes | None:
    async with Session(broker.address, f"look-{secrets.token_hex(3)}", clean_start=True, session_expiry=0) as session:
        await session.subscribe({topic: 0})
        try:
            async with asyncio.timeout(0.5):
                delivery = await session.next_delivery()
        except TimeoutError:
            return None
        return delivery.payload if delivery and delivery.retain else None


async def test_a_finished_function_tells_its_result_and_leaves_nothing_behind(
    broker, coordinator, hub_a, watch, device
):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "1", "2", "end")
    ended = await coordinator.heard(messages.Ended)
    assert (ended.state, ended.result, ended.consumed) == ("finished", 3, 3)
    await watch.out("bye")
    await watch.state("total", state="finished")
    await watch.until(lambda _: watch.tap.payloads(TOPICS.instance("total", "result")) == [b"3"])
    await until(lambda: not hub_a.agent.instances.lives)
    assert not (hub_a.config.spool / "total").exists()
    assert not await session_exists(broker, "total")


async def test_a_function_that_raises_has_failed_with_its_traceback(coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "crash")
    ended = await coordinator.heard(messages.Ended)
    assert ended.state == "failed"
    assert "main.py" in ended.error
    assert "no number" in ended.error
    assert "no number" in (await watch.state("total", state="failed"))["reason"]


async def test_a_suspended_function_gets_what_came_meanwhile_when_it_is_resumed(coordinator, hub_a, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("echo", hold=True), messages.Captured)
    await watch.state("echo", state="suspended")
    assert told.held
    assert hub_a.agent.instances.lives["echo"].instance.worker is None
    await send(device, "1", "2")
    await send(device, "3", qos=0)
    await watch.state("echo", lag=3)
    assert watch.outputs == ["ready"]
    await coordinator.restore("echo", "hub-a", told.checkpoint, parts=False)
    await watch.out("ready", "1", "2", "3")


async def test_a_suspended_function_goes_on_elsewhere(coordinator, hub_a, hub_b, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    await coordinator.answer_to("hub-a", coordinator.capture_command("echo", hold=True), messages.Captured)
    await watch.state("echo", state="suspended")
    await send(device, "1")
    await send(device, "2", qos=0)
    await watch.state("echo", lag=2)
    await coordinator.move("echo", "hub-a", "hub-b")
    running = await coordinator.heard(messages.Running, lambda it: it.hub == "hub-b")
    assert running.first_statement == "main.py:9"
    await watch.out("ready", "1", "2")
    await until(lambda: not hub_a.agent.instances.lives)


async def test_a_cancelled_move_leaves_the_function_where_it_is(coordinator, hub_a, hub_b, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    command = coordinator.capture_command("echo", hold=True, move="m1")
    await coordinator.answer_to("hub-a", command, messages.Captured)
    await send(device, "1")
    await send(device, "2", qos=0)
    await watch.state("echo", state="held")
    assert watch.outputs == ["ready"]
    go_on = messages.GoOn(id="g1", instance="echo", epoch=1, move="m1", reason="no place there")
    assert (await coordinator.answer_to("hub-a", go_on)).state == "running"
    await watch.out("ready", "1", "2")


async def test_a_held_function_asks_again_what_becomes_of_it(coordinator, hub_a, watch, monkeypatch):
    monkeypatch.setattr(limits, "VERDICT", 0.1)
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to(
        "hub-a", coordinator.capture_command("echo", hold=True, move="m1"), messages.Captured
    )
    coordinator.answers.clear()
    again = await coordinator.heard(messages.Captured)
    assert (again.checkpoint, again.move, again.held) == (told.checkpoint, "m1", True)
    go_on = messages.GoOn(id="g1", instance="echo", epoch=1, move="m1", reason="nobody knows this move")
    assert (await coordinator.answer_to("hub-a", go_on)).state == "running"


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"], indirect=True)
async def test_a_release_that_cannot_be_noted_leaves_the_function_where_it_is(
    coordinator, hub_a, watch, device, monkeypatch, kind
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    handover = "disconnect" if kind == "embedded" else "takeover"
    command = coordinator.capture_command("echo", hold=True, move="m1", handover=handover)
    told = await coordinator.answer_to("hub-a", command, messages.Captured)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    stored = messages.Stored(id="s1", instance="echo", checkpoint=told.checkpoint, epoch=1)
    with monkeypatch.context() as patched:
        patched.setattr(hub_a.agent.instances.lives["echo"].instance.spool, "note", full)
        failed = await coordinator.answer_to("hub-a", stored, messages.Failed)
    assert "cannot be noted" in failed.error["message"]
    await send(device, "1")
    await watch.out("ready", "1")


async def test_a_move_that_fails_behind_the_commit_point_comes_back_with_all_messages(
    coordinator, hub_a, hub_b, watch, device
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    command = coordinator.capture_command("echo", hold=True, move="m1")
    told = await coordinator.answer_to("hub-a", command, messages.Captured)
    await send(device, "1")
    await send(device, "2", qos=0)
    stored = messages.Stored(id="s1", instance="echo", checkpoint=told.checkpoint, epoch=1)
    assert (await coordinator.answer_to("hub-a", stored, messages.Released)).move == "m1"
    await coordinator.claim("echo", "hub-b", told.checkpoint)
    assert watch.outputs == ["ready"]
    await coordinator.restore("echo", "hub-a", told.checkpoint, parts=False)
    await watch.out("ready", "1", "2")
    await send(device, "3")
    await watch.out("1", "2", "3")


async def test_a_stopped_instance_ends_its_session(broker, coordinator, hub_a, watch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    stop = messages.Stop(id="x1", instance="echo", epoch=1, reason="not wanted")
    assert (await coordinator.answer_to("hub-a", stop)).state == "stopped"
    await watch.state("echo", state="stopped")
    assert not await session_exists(broker, "echo")
    assert hub_a.agent.instances.lives == {}


async def test_a_function_whose_process_is_killed_is_set_back_and_loses_nothing(coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "1")
    await send(device, "2", qos=0)
    await watch.state("total", values={"total": 3})
    await coordinator.answer_to("hub-a", coordinator.capture_command("total"), messages.Captured)
    await send(device, "3")
    await send(device, "4", qos=0)
    await watch.state("total", values={"total": 10})
    os.kill(hub_a.agent.instances.lives["total"].instance.worker.pid, signal.SIGKILL)
    await watch.until(lambda _: any("was killed" in state["reason"] for state in watch.states("total")))
    await send(device, "5", "end")
    assert (await coordinator.heard(messages.Ended)).result == 15


async def test_a_function_whose_process_dies_at_once_again_and_again_has_failed(coordinator, hub_a, watch):
    source = (
        "import os, signal\nfrom midstream import ctx, function\n\n"
        "@function\ndef dies():\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    await coordinator.run("dies", "hub-a", source, "dies")
    ended = await coordinator.heard(messages.Ended)
    assert ended.state == "failed"
    assert "SIGSEGV" in ended.error


async def test_a_cut_connection_is_taken_back_under_the_own_claim(broker, coordinator, hub_a, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    for number in range(3):
        hub_a.agent.instances.lives["echo"].session._session.abort()
        async with Session(broker.address, "echo", receive_maximum=5, manual_ack=True):
            pass
        await send(device, str(number))
        await watch.out(str(number))
    # An output whose acknowledgement was cut off leaves again, under its key.
    assert list(dict.fromkeys(watch.outputs)) == ["ready", "0", "1", "2"]


async def test_a_newer_claim_for_another_hub_ends_the_copy_here(coordinator, hub_a, hub_b, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("echo"), messages.Captured)
    await coordinator.restore("echo", "hub-b", told.checkpoint)
    await until(lambda: "echo" not in hub_a.agent.instances.lives)
    await send(device, "1")
    await watch.out("ready", "1")
    assert not (hub_a.config.spool / "echo").exists()


async def test_acknowledgements_wait_for_the_coordinators_word(broker, coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await coordinator.answer_to("hub-a", coordinator.capture_command("total"), messages.Captured)
    life = hub_a.agent.instances.lives["total"]
    await until(lambda: not life.captures.pending)
    coordinator.stores = False
    await send(device, "1", "2")
    await watch.state("total", values={"total": 3})
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("total"), messages.Captured)
    assert life.session._session.unacknowledged == 2
    coordinator.stores = True
    await coordinator.say_stored(told)
    await until(lambda: life.session._session.unacknowledged == 0)


async def test_outputs_wait_for_the_coordinators_word_unless_they_are_immediate(coordinator, hub_a, watch):
    source = """
from midstream import ctx, function

@function
def speaks():
    ctx.publish("out", "later")
    ctx.publish("out", "now", immediate=True)
    ctx.sleep("1h")
"""
    coordinator.stores = False
    await coordinator.run("speaks", "hub-a", source, "speaks")
    await watch.out("now")
    told = await coordinator.heard(messages.Captured)
    assert watch.outputs == ["now"]
    coordinator.stores = True
    await coordinator.say_stored(told)
    await until(lambda: "later" in watch.outputs)
    assert watch.outputs == ["now", "later"]


async def test_a_full_spool_costs_a_checkpoint_and_not_the_function(coordinator, hub_a, watch, device, monkeypatch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    spool = hub_a.agent.instances.lives["echo"].instance.spool

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(spool, "keep", full)
        for hold in (False, True):
            command = coordinator.capture_command("echo", hold=hold, move="m1" if hold else "")
            failed = await coordinator.answer_to("hub-a", command, messages.Failed)
            assert "the spool takes no checkpoint: No space left on device" in failed.error["message"]
    await send(device, "1")
    await watch.out("ready", "1")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_that_name\n", "nothing_of_that_name"),
        ("from midstream import function\n@function\ndef other():\n    pass\n", "echo"),
    ],
)
async def test_a_function_that_cannot_begin_leaves_nothing_behind(coordinator, hub_a, source, said):
    blob = first_checkpoint(coordinator.key, "echo", source, "echo")
    checkpoint = blobs.decode_header(blob)[0].checkpoint
    coordinator.blobs[checkpoint] = blob
    failed = await coordinator.restore("echo", "hub-a", checkpoint, kind=messages.Failed)
    assert said in str(failed.error)
    assert hub_a.agent.instances.lives == {}
    assert not (hub_a.config.spool / "echo").exists()


async def test_a_function_that_holds_a_socket_is_told_so_and_goes_on(coordinator, hub_a, watch, device):
    source = """
import socket
from midstream import ctx, function

@function
def holds():
    numbers = ctx.subscribe("in")
    plug = socket.socket()
    ctx.status("listening")
    while True:
        message = numbers.next()
        ctx.status(message.text, socket=plug.fileno())
"""
    await coordinator.run("holds", "hub-a", source, "holds")
    await watch.state("holds", text="listening")
    failed = await coordinator.answer_to("hub-a", coordinator.capture_command("holds"), messages.Failed)
    assert "plug" in str(failed.error)
    assert failed.error["slug"] == "cannot-travel"
    await send(device, "still here")
    await watch.state("holds", text="still here")


async def test_a_function_that_finds_no_place_to_stop_is_told_the_line_and_runs_on(
    broker, coordinator, watch, tmp_path
):
    source = """
from itertools import count
from midstream import ctx, function

def measured(number):
    ctx.status("measuring", number=number)
    ctx.sleep(0.05)
    return number

@function
def driven():
    return sum(measured(number) for number in count())
"""
    async with running_hub(broker, tmp_path, "hub-a", **{"limits.stop": "200ms"}):
        await coordinator.run("driven", "hub-a", source, "driven")
        await watch.state("driven", text="measuring")
        failed = await coordinator.answer_to("hub-a", coordinator.capture_command("driven"), messages.Failed)
        assert failed.error["slug"] == "cannot-stop"
        assert "called from inside an operation" in failed.error["message"]
        assert failed.error["place"] == "main.py:12"
        told = watch.states("driven")[-1]["values"]["number"]
        await watch.until(lambda _: watch.states("driven")[-1]["values"]["number"] > told + 3)


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"], indirect=True)
async def test_a_hub_that_is_stopped_and_started_goes_on_where_it_was(
    broker, coordinator, hub_a, watch, device, tmp_path, kind
):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "1", "2")
    await watch.state("total", values={"total": 3})
    await hub_a.stop()
    status = json.loads(await retained(broker, TOPICS.hub("hub-a", "status")))
    assert status["state"] == "offline"
    await send(device, "3")
    await hub_a.start()
    await send(device, "4", "end")
    assert (await coordinator.heard(messages.Ended)).result == 10


async def test_a_hub_forgets_what_was_claimed_elsewhere_while_it_was_away(
    broker, coordinator, hub_a, hub_b, watch, device
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    await hub_a.stop()
    newest = (await coordinator.heard(messages.Captured, lambda it: it.reason == "its hub is stopped")).checkpoint
    await coordinator.restore("echo", "hub-b", newest)
    await hub_a.start()
    await until(lambda: not (hub_a.config.spool / "echo").exists())
    await send(device, "1")
    await watch.out("ready", "1")


async def test_a_second_hub_of_the_same_name_is_refused_and_the_first_unharmed(
    broker, coordinator, hub_a, watch, device, tmp_path
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    with pytest.raises(RefusedError, match="running already, on this machine"):
        async with running_hub(broker, tmp_path / "elsewhere", "hub-a"):
            pass
    await send(device, "1")
    await watch.out("ready", "1")
    assert hub_a.agent.control.up.is_set()


async def test_of_two_hubs_that_begin_in_the_same_moment_one_stays(broker, coordinator, tmp_path):
    given = {"name": "twin", "broker.url": broker.address.url, "spool.path": ""}
    twins = [
        asyncio.create_task(run(read_config(None, {}, given | {"folder": str(tmp_path / side)}), asyncio.Event()))
        for side in ("left", "right")
    ]
    done, left = await asyncio.wait(twins, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    for twin in left:
        twin.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    (error,) = [twin.exception() for twin in done]
    assert isinstance(error, RefusedError)
    assert "'twin' is running already" in error.message


async def test_a_session_that_the_broker_lost_is_opened_anew_and_the_loss_told(
    broker, coordinator, hub_a, watch, device
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    await end_session(broker.address, "echo")
    await watch.until(lambda _: any("had lost" in state["reason"] for state in watch.states("echo")))
    await send(device, "1")
    await watch.out("ready", "1")


async def test_a_broker_that_goes_and_comes_back_changes_nothing(broker, coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "1")
    await watch.state("total", values={"total": 1})
    pid = hub_a.agent.instances.lives["total"].instance.worker.pid
    await asyncio.to_thread(broker.stop)
    await until(lambda: not hub_a.agent.control.up.is_set())
    await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    await asyncio.to_thread(broker.start)
    await until(lambda: hub_a.agent.control.up.is_set())
    await until(lambda: psutil.Process(pid).status() != psutil.STATUS_STOPPED)
    await asyncio.to_thread(publish_raw, broker.address, "in", "2", qos=1)
    with Tap(broker.address, TOPICS.instance("total", "state")) as tap:
        await asyncio.to_thread(tap.wait, lambda heard: any(b'"total":3' in it.payload for it in heard))


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
    failed = await coordinator.answer_to("hub-a", command, messages.Failed)
    assert failed.error["slug"] == slug


async def test_a_blob_that_was_altered_on_its_way_is_refused(coordinator, hub_a, watch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("echo"), messages.Captured)
    claim = await coordinator.claim("echo", "hub-a", told.checkpoint)
    command = coordinator.restore_command(claim, 1)
    blob = coordinator.blobs[told.checkpoint]
    coordinator.blobs[told.checkpoint] = blob[:-1] + bytes([blob[-1] ^ 1])
    await coordinator.send_blob(told.checkpoint)
    failed = await coordinator.answer_to("hub-a", command, messages.Failed)
    assert failed.error["slug"] == "damaged"


async def test_a_repeated_command_is_answered_again_and_done_once(coordinator, hub_a, watch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    restore = coordinator.restore_command(coordinator.claims["echo"], 0)
    assert (await coordinator.answer_to("hub-a", restore, messages.Running)).epoch == 1
    capture = coordinator.capture_command("echo")
    first = await coordinator.answer_to("hub-a", capture, messages.Captured)
    coordinator.answers.clear()
    again = await coordinator.answer_to("hub-a", capture, messages.Captured)
    assert again.checkpoint == first.checkpoint


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- of the agent's own values, which have no event
            await asyncio.sleep(0.01)


async def session_exists(broker, client_id: str) -> bool:
    async with Session(broker.address, client_id) as session:
        present = session.session_present
        await session.end()
    return present

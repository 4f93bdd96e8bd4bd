"""What becomes of an instance on one hub: suspended, resumed, moved, stopped, ended, set back."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import threading

import pytest
from echoing_functions import ECHO, SUM, send, session_exists, until
from hub_under_test import running_hub
from scripted_coordinator import first_checkpoint

from devices.errors import MidstreamError
from devices.hub import process
from devices.hub.spool import InstanceSpool
from devices.protocol import answers, commands, limits
from devices.protocol import checkpoint as blobs
from devices.protocol.topics import Topics

TOPICS = Topics()


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_a_finished_function_tells_its_result_and_leaves_nothing_behind(
    broker, coordinator, hub_a, watch, device
):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "1", "2", "end")
    ended = await coordinator.heard(answers.Ended)
    assert (ended.state, ended.result, ended.consumed) == ("finished", 3, 3)
    await watch.out("bye")
    await watch.state("total", state="finished")
    await watch.until(lambda _: watch.tap.payloads(TOPICS.instance("total", "result")) == [b"3"])
    await until(lambda: not hub_a.agent.instances.lives)
    await until(lambda: not (hub_a.config.spool / "total").exists())
    assert not await session_exists(broker, "total")


async def test_a_function_that_raises_has_failed_with_its_traceback(coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await send(device, "crash")
    ended = await coordinator.heard(answers.Ended)
    assert ended.state == "failed"
    assert "main.py" in ended.error
    assert "no number" in ended.error
    assert "no number" in (await watch.state("total", state="failed"))["reason"]


async def test_a_suspended_function_gets_what_came_meanwhile_when_it_is_resumed(coordinator, hub_a, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("echo", hold=True), answers.Captured)
    await watch.state("echo", state="suspended")
    assert told.held
    assert hub_a.agent.instances.lives["echo"].instance.worker is None
    await send(device, "1", "2")
    await send(device, "3", qos=0)
    await watch.state("echo", lag=3)
    assert watch.outputs == ["ready"]
    await coordinator.restore("echo", "hub-a", told.checkpoint, parts=False)
    await watch.out("ready", "1", "2", "3")


async def test_a_resumed_function_waits_for_no_checkpoint_that_was_under_way_while_it_was_suspended(
    coordinator, hub_a, watch, device, monkeypatch
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("echo", hold=True), answers.Captured)
    await watch.state("echo", state="suspended")
    keep, begun, may_end = InstanceSpool.keep, threading.Event(), threading.Event()

    def slow_disk(*args):
        begun.set()
        assert may_end.wait(30)
        keep(*args)

    monkeypatch.setattr(InstanceSpool, "keep", slow_disk)
    coordinator.stores = False  # it is of an epoch that is over when it comes
    await send(device, "1")
    hub_a.agent.instances.lives["echo"].captures.make_due()
    await until(begun.is_set)
    resuming = asyncio.create_task(coordinator.restore("echo", "hub-a", told.checkpoint, parts=False))
    await asyncio.wait([resuming], timeout=1)  # it goes on at once, or waits for the disk: both must do
    may_end.set()
    await resuming
    await coordinator.heard(answers.Captured, lambda it: it.parent == told.checkpoint)
    coordinator.stores = True
    await send(device, "2")
    await watch.out("ready", "1", "2")
    after = await coordinator.heard(answers.Captured, lambda it: it.epoch == 2)
    assert after.parent == told.checkpoint


async def test_a_suspended_function_goes_on_elsewhere(coordinator, hub_a, hub_b, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    await coordinator.answer_to("hub-a", coordinator.capture_command("echo", hold=True), answers.Captured)
    await watch.state("echo", state="suspended")
    await send(device, "1")
    await send(device, "2", qos=0)
    await watch.state("echo", lag=2)
    await coordinator.move("echo", "hub-a", "hub-b")
    running = await coordinator.heard(answers.Running, lambda it: it.hub == "hub-b")
    assert running.first_statement == "main.py:9"
    await watch.out("ready", "1", "2")
    await until(lambda: not hub_a.agent.instances.lives)


async def test_no_checkpoint_has_a_dead_process_s_messages_without_its_state(coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    life = hub_a.agent.instances.lives["total"]
    await send(device, "1", "2")
    await until(lambda: life.instance.mailbox.delivered == 2)
    life.process.end()
    with pytest.raises(MidstreamError, match="process ended"):
        await life.captures.take("a move that was asked for before", hold=True, move="m1")
    await life.process.set_back("it died")
    await send(device, "end")
    assert (await coordinator.heard(answers.Ended)).result == 3


async def test_a_cancelled_move_leaves_the_function_where_it_is(coordinator, hub_a, hub_b, watch, device):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    command = coordinator.capture_command("echo", hold=True, move="m1")
    await coordinator.answer_to("hub-a", command, answers.Captured)
    await send(device, "1")
    await send(device, "2", qos=0)
    await watch.state("echo", state="held")
    assert watch.outputs == ["ready"]
    go_on = commands.GoOn(id="g1", instance="echo", epoch=1, move="m1", reason="no place there")
    assert (await coordinator.answer_to("hub-a", go_on)).state == "running"
    await watch.out("ready", "1", "2")


async def test_a_held_function_asks_again_what_becomes_of_it(coordinator, hub_a, watch, monkeypatch):
    monkeypatch.setattr(limits, "VERDICT", 0.1)
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    told = await coordinator.answer_to(
        "hub-a", coordinator.capture_command("echo", hold=True, move="m1"), answers.Captured
    )
    coordinator.answers.clear()
    again = await coordinator.heard(answers.Captured)
    assert (again.checkpoint, again.move, again.held) == (told.checkpoint, "m1", True)
    go_on = commands.GoOn(id="g1", instance="echo", epoch=1, move="m1", reason="nobody knows this move")
    assert (await coordinator.answer_to("hub-a", go_on)).state == "running"


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"], indirect=True)
async def test_a_release_that_cannot_be_noted_leaves_the_function_where_it_is(
    coordinator, hub_a, watch, device, monkeypatch, kind
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    handover = "disconnect" if kind == "embedded" else "takeover"
    command = coordinator.capture_command("echo", hold=True, move="m1", handover=handover)
    told = await coordinator.answer_to("hub-a", command, answers.Captured)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    stored = commands.Stored(id="s1", instance="echo", checkpoint=told.checkpoint, epoch=1)
    with monkeypatch.context() as patched:
        patched.setattr(hub_a.agent.instances.lives["echo"].instance.spool, "note", full)
        failed = await coordinator.answer_to("hub-a", stored, answers.Failed)
    assert "cannot be noted" in failed.error["message"]
    await send(device, "1")
    await watch.out("ready", "1")


async def test_a_move_that_fails_behind_the_commit_point_comes_back_with_all_messages(
    coordinator, hub_a, hub_b, watch, device
):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    command = coordinator.capture_command("echo", hold=True, move="m1")
    told = await coordinator.answer_to("hub-a", command, answers.Captured)
    await send(device, "1")
    await send(device, "2", qos=0)
    stored = commands.Stored(id="s1", instance="echo", checkpoint=told.checkpoint, epoch=1)
    assert (await coordinator.answer_to("hub-a", stored, answers.Released)).move == "m1"
    await coordinator.claim("echo", "hub-b", told.checkpoint)
    assert watch.outputs == ["ready"]
    await coordinator.restore("echo", "hub-a", told.checkpoint, parts=False)
    await watch.out("ready", "1", "2")
    await send(device, "3")
    await watch.out("1", "2", "3")


async def test_a_stopped_instance_ends_its_session(broker, coordinator, hub_a, watch):
    await coordinator.run("echo", "hub-a", ECHO, "echo")
    await watch.out("ready")
    stop = commands.Stop(id="x1", instance="echo", epoch=1, reason="not wanted")
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
    await coordinator.answer_to("hub-a", coordinator.capture_command("total"), answers.Captured)
    await send(device, "3")
    await send(device, "4", qos=0)
    await watch.state("total", values={"total": 10})
    os.kill(hub_a.agent.instances.lives["total"].instance.worker.pid, signal.SIGKILL)
    await watch.until(lambda _: any("was killed" in state["reason"] for state in watch.states("total")))
    await send(device, "5", "end")
    assert (await coordinator.heard(answers.Ended)).result == 15


async def test_a_function_whose_process_dies_at_once_again_and_again_has_failed(coordinator, hub_a, watch, monkeypatch):
    monkeypatch.setattr(process, "RESTARTS", 4)
    source = (
        "import os, signal\nfrom midstream import ctx, function\n\n"
        "@function\ndef dies():\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    await coordinator.run("dies", "hub-a", source, "dies")
    ended = await coordinator.heard(answers.Ended)
    assert ended.state == "failed"
    assert "SIGSEGV" in ended.error


async def test_what_came_since_the_last_checkpoint_of_a_function_that_failed_comes_again_when_it_is_restored(
    coordinator, hub_a, watch, device, tmp_path
):
    broken = tmp_path / "broken"
    broken.touch()
    source = SUM.replace(
        'if message.text == "crash":', f'if message.text == "7" and __import__("os").path.exists("{broken}"):'
    )
    await coordinator.run("total", "hub-a", source, "total")
    await watch.state("total", text="listening")
    await send(device, "1", "2")
    await watch.state("total", values={"total": 3})
    taken = await coordinator.answer_to("hub-a", coordinator.capture_command("total"), answers.Captured)
    await send(device, "3", "7", "5")
    assert (await coordinator.heard(answers.Ended)).state == "failed"
    await watch.state("total", state="failed")
    broken.unlink()
    await coordinator.restore("total", "hub-a", taken.checkpoint)
    await watch.state("total", state="running", values={"total": 18})


async def test_outputs_of_a_function_whose_process_dies_for_good_leave_only_if_a_checkpoint_holds_them(
    coordinator, hub_a, watch, device, monkeypatch
):
    monkeypatch.setattr(process, "RESTARTS", 1)
    source = ECHO.replace("message.text)", 'message.text)\n        __import__("os")._exit(3)')
    coordinator.stores = False
    await coordinator.run("echo", "hub-a", source, "echo")
    told = await coordinator.heard(answers.Captured)
    await coordinator.say_stored(told)
    await watch.out("ready")
    await send(device, "1")
    assert "exit status 3" in (await coordinator.heard(answers.Ended)).error
    await watch.state("echo", state="failed")
    await send(device, "2")
    assert watch.outputs == ["ready"]


async def test_acknowledgements_wait_for_the_coordinators_word(broker, coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await coordinator.answer_to("hub-a", coordinator.capture_command("total"), answers.Captured)
    life = hub_a.agent.instances.lives["total"]
    await until(lambda: not life.captures.pending)
    coordinator.stores = False
    await send(device, "1", "2")
    await watch.state("total", values={"total": 3})
    told = await coordinator.answer_to("hub-a", coordinator.capture_command("total"), answers.Captured)
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
    told = await coordinator.heard(answers.Captured)
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
            failed = await coordinator.answer_to("hub-a", command, answers.Failed)
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
    failed = await coordinator.restore("echo", "hub-a", checkpoint, kind=answers.Failed)
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
    failed = await coordinator.answer_to("hub-a", coordinator.capture_command("holds"), answers.Failed)
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
        failed = await coordinator.answer_to("hub-a", coordinator.capture_command("driven"), answers.Failed)
        assert failed.error["slug"] == "cannot-stop"
        assert "called from inside an operation" in failed.error["message"]
        assert failed.error["place"] == "main.py:12"
        told = watch.states("driven")[-1]["values"]["number"]
        await watch.until(lambda _: watch.states("driven")[-1]["values"]["number"] > told + 3)

"""Brokers as our children: they start where they should, say why when they do not, and never outlive us."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devices.errors import RefusedError, UnreachableError, UsageError
from devices.mqtt import broker as broker_module
from devices.mqtt.broker import Embedded, Mosquitto, find_mosquitto
from devices.mqtt.configuration import config_folder, mosquitto_config
from devices.mqtt.session import Session, end_session
from devices.testing.broker import DEADLINE, publish_raw, running_broker

KINDS = [Mosquitto, Embedded]


@pytest.mark.parametrize("kind", KINDS)
def test_a_taken_port_is_told_before_anything_starts(kind, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is taken") as caught:
            kind(tmp_path, port).start()
        assert f"mqtt://127.0.0.1:{port}" in caught.value.remedy


@pytest.mark.parametrize("kind", KINDS)
def test_two_brokers_take_ports_and_folders_of_their_own(kind, tmp_path):
    with kind(tmp_path / "a") as first, kind(tmp_path / "b") as second:
        assert first.address.port != second.address.port
        assert first.version[0].isdigit()
        assert first.version.count(".") == 2


def test_a_configuration_that_mosquitto_refuses_is_told_in_its_own_words(tmp_path):
    (tmp_path / "odd.conf").write_text("listener 1883\nsurprise true\n")
    with pytest.raises(UnreachableError, match="surprise") as caught:
        Mosquitto(tmp_path, config=tmp_path / "odd.conf").start()
    assert "mosquitto.log" in caught.value.remedy


def test_a_broken_configuration_of_the_embedded_broker_is_told_too(tmp_path, monkeypatch):
    monkeypatch.setattr(broker_module, "embedded_config", lambda text, port: f"port = {port}")
    with pytest.raises(UnreachableError, match="died at its start") as caught:
        Embedded(tmp_path).start()
    assert "embedded.log" in caught.value.remedy


def test_a_missing_wheel_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "iotcore", None)
    monkeypatch.setattr(broker_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        Embedded(tmp_path)
    assert "midstream[demo]" in caught.value.remedy


def test_mosquitto_is_found_outside_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_mosquitto() == Path(shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin"))


def test_no_mosquitto_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(broker_module, "find_mosquitto", lambda: None)
    with pytest.raises(UnreachableError) as caught:
        Mosquitto(tmp_path)
    assert "apt install mosquitto" in caught.value.remedy


async def test_a_stop_saves_sessions_queues_and_kept_messages_with_the_home_configuration(tmp_path):
    with running_broker("mosquitto", tmp_path) as broker:
        async with Session(broker.address, "kept") as session:
            await session.subscribe({"kept/#": 1})
        publish_raw(broker.address, "kept/x", "1", qos=0)
        publish_raw(broker.address, "kept/y", "2", qos=1, retain=True)
        port = broker.address.port
        broker.stop()
        assert not broker.running
        broker.start()
        assert broker.address.port == port
        async with Session(broker.address, "kept") as session:
            assert session.session_present
            assert [(await session.next_delivery()).payload for _ in range(2)] == [b"1", b"2"]
            await session.subscribe({"kept/y": 1})
            assert (await session.next_delivery()).retain
        await end_session(broker.address, "kept")


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_broker_can_be_started_again_in_its_place(kind, tmp_path):
    with kind(tmp_path) as broker:
        broker.kill()
        assert not broker.running
        broker.start()
        publish_raw(broker.address, "x", "", qos=1)


PARENT = """
import sys, time
from pathlib import Path
from devices.mqtt.broker import Embedded, Mosquitto
broker = {"Mosquitto": Mosquitto, "Embedded": Embedded}[sys.argv[1]](Path(sys.argv[2]))
try:
    with broker:
        print(broker.pid, flush=True)
        sys.stdin.read()
except KeyboardInterrupt:
    pass
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_broker_ends_with_whoever_started_it(kind, number, tmp_path):
    command = [sys.executable, "-c", PARENT, kind.__name__, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as parent:
        child = int(parent.stdout.readline())
        watch = os.pidfd_open(child)
        os.killpg(parent.pid, number)  # as the terminal does with Ctrl-C: the whole foreground group
        parent.stdin.close()  # a signal just before the read would be seen only after it
        parent.wait(DEADLINE)
        wait_for_end(watch)
    if kind is Mosquitto:
        assert (tmp_path / "mosquitto.db").exists(), "it was not ended in order"


def wait_for_end(watch):
    try:
        loop = asyncio.new_event_loop()
        ended = loop.create_future()
        loop.add_reader(watch, lambda: ended.done() or ended.set_result(None))
        loop.run_until_complete(asyncio.wait_for(ended, DEADLINE))
        loop.remove_reader(watch)
        loop.close()
    finally:
        os.close(watch)


def test_a_setting_is_changed_where_it_stands_added_or_left_out():
    text = "# listener 1\nlistener 1883\nallow_anonymous false\npassword_file /x\n"
    changed = mosquitto_config(text, {"listener": "2 127.0.0.1", "password_file": None, "user": "me", "acl_file": None})
    assert changed == "# listener 1\nlistener 2 127.0.0.1\nallow_anonymous false\nuser me\n"


def test_the_home_configuration_and_its_access_list_work_as_they_are_shipped(tmp_path):
    """Only where the files lie is changed, as far as a test may."""
    shutil.copy(config_folder() / "acl", tmp_path / "acl")
    users = ["midstream-coordinator", "midstream-hub-hub-a", "devices", "midstream-viewer"]
    for number, user in enumerate(users):
        flags = ["-b"] if number else ["-b", "-c"]
        subprocess.run(["mosquitto_passwd", *flags, str(tmp_path / "passwd"), user, "secret"], check=True)
    shipped = {
        "allow_anonymous": "false",
        "password_file": str(tmp_path / "passwd"),
        "acl_file": str(tmp_path / "acl"),
    }
    with Mosquitto(tmp_path, settings=shipped) as broker:
        asyncio.run(each_role_may_do_its_part(broker))


async def each_role_may_do_its_part(broker):
    may = {
        ("midstream-coordinator", "midstream/instances/washer/claim"): True,
        ("midstream-coordinator", "notify/phone"): True,
        ("midstream-hub-hub-a", "midstream/hubs/hub-a/status"): True,
        ("midstream-hub-hub-a", "midstream/hubs/hub-b/status"): False,
        ("midstream-hub-hub-a", "midstream/coordinator/status"): False,
        ("midstream-hub-hub-a", "midstream/instances/washer/state"): True,
        ("midstream-hub-hub-a", "midstream/instances/washer/claim"): False,
        ("midstream-hub-hub-a", "midstream/checkpoints/1/up/0"): True,
        ("midstream-hub-hub-a", "midstream/checkpoints/1/down/0"): False,
        ("devices", "tele/plug/SENSOR"): True,
        ("devices", "midstream/hubs/hub-a/command"): False,
        ("midstream-viewer", "midstream/instances/washer/set"): False,
        ("midstream-viewer", "tele/plug/SENSOR"): False,
    }
    got = {}
    for user, topic in may:
        async with Session(broker.address.with_login(user, "secret"), user, clean_start=True) as session:
            try:
                await session.publish(topic, b"")
            except RefusedError:
                got[user, topic] = False
            else:
                got[user, topic] = True
    assert got == may

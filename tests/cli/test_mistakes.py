"""A person's mistake gets one clear sentence, a way out, and the exit status of its kind; never a traceback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from calling import Midstream

from devices.mqtt.broker import Broker, Mosquitto
from devices.protocol import messages
from devices.testing.broker import publish_raw, running_broker

ASKING = [
    (),
    ("ps",),
    ("hubs",),
    ("checkpoint", "washer"),
    ("suspend", "washer"),
    ("resume", "washer"),
    ("migrate", "washer"),
    ("move", "washer"),
    ("stop", "washer"),
    ("lineage", "washer"),
    ("logs", "washer"),
    ("logs", "washer", "-f"),
    ("events",),
    ("restore", "washer"),
]


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_without_a_broker_every_command_says_so_and_what_to_start(midstream: Midstream, command: tuple[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = midstream(*command, environment={"MIDSTREAM_BROKER": f"mqtt://127.0.0.1:{port}"})
    said.is_one_clear_error(3, f"nobody listens at 127.0.0.1:{port}", "--broker")


def test_with_json_the_error_stays_on_stderr(midstream: Midstream) -> None:
    midstream("ps", "--json", "--broker", "mqtt://127.0.0.1:1").is_one_clear_error(3, "127.0.0.1:1")


def test_without_a_broker_named_the_way_out_is_to_start_everything(midstream: Midstream) -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 1883))  # bound, not listening: connections are refused
        except OSError:
            pytest.skip("somebody listens on 1883 here")
        midstream().is_one_clear_error(3, "midstream up")


def test_a_broker_without_coordinator_is_told_apart_from_no_broker(midstream: Midstream, lonely_broker: Broker) -> None:
    said = midstream("ps", "--broker", str(lonely_broker.address))
    said.is_one_clear_error(3, "no coordinator has ever been on it", "midstream coordinator --broker")


def test_a_coordinator_that_left_is_told_apart_from_one_that_never_was(
    midstream: Midstream, lonely_broker: Broker
) -> None:
    status = messages.encode(messages.CoordinatorStatus(state="offline"))
    publish_raw(lonely_broker.address, "left/coordinator/status", status, qos=1, retain=True)
    said = midstream("ps", "--prefix", "left", "--broker", str(lonely_broker.address))
    said.is_one_clear_error(3, "has left")


@pytest.mark.skipif(not shutil.which("mosquitto_passwd"), reason="needs mosquitto_passwd")
def test_a_wrong_password_is_named_and_not_shown(midstream: Midstream, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "anna", "right"], check=True, capture_output=True)
    settings = {"allow_anonymous": "false", "password_file": str(passwords)}
    with Mosquitto(tmp_path / "broker", settings=settings) as broker:
        said = midstream("ps", "--broker", f"mqtt://anna:secret-word@{broker.address.place}")
        said.is_one_clear_error(3, "user anna", "password")
        assert "secret-word" not in said.err
        midstream("ps", "--broker", str(broker.address)).is_one_clear_error(3, "without a user name")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("pss",), ["'pss'", "midstream ps"]),
        (("ps", "--jsn"), ["--jsn"]),
        (("migrate",), ["INSTANCE"]),
        (("ps", "--broker", "http://x"), ["http://", "mqtt://"]),
        (("ps", "--broker", "mqtt://anna:se/cret@x"), ["no broker address"]),
        (("ps", "--prefix", "a/#"), ["a/#"]),
        (("ps", "--config", "missing.toml"), ["missing.toml", "No such file"]),
        (("run", "missing.py"), ["missing.py", "there is no file"]),
        (("run", "."), ["directory"]),
        (("run", "fine.py", "--arg", "plug"), ["'plug'", "NAME=VALUE"]),
        (("logs", "Not A Name"), ["'Not A Name'", "lower-case"]),
        (("up", "--json"), ["no JSON"]),
        (("up", "--hubs", "99"), ["99"]),
        (("up", "--embedded", "--broker", "mqtt://x"), ["--embedded", "--broker"]),
        (("demo", "--embedded", "--broker", "mqtt://x"), ["--embedded", "--broker"]),
        (("completion", "tcsh"), ["tcsh"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_slip_in_the_words_of_the_call_is_named(
    midstream: Midstream, tmp_path: Path, command: tuple[str], words: list[str]
) -> None:
    (tmp_path / "fine.py").write_text("pass\n")
    said = midstream(*command)
    said.is_one_clear_error(2, *words)
    assert "se/cret" not in said.err


def test_a_function_that_is_no_text_is_named_with_its_line(midstream: Midstream, tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"x = 1\nname = '\xfc'\n")
    midstream("run", "latin.py").is_one_clear_error(2, "latin.py:2", "UTF-8")


def test_a_configuration_that_is_no_toml_is_named_with_its_line(midstream: Midstream, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('name = "nas"\n[broker\n')
    midstream("ps", "--config", "hub.toml").is_one_clear_error(2, "hub.toml", "line 2")


def test_the_broker_of_a_configuration_is_asked_and_options_weigh_more(midstream: Midstream, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('prefix = "home"\n[broker]\nurl = "mqtt://127.0.0.1:2"\nuser = "nas"\n')
    assert "127.0.0.1:2" in midstream("ps", "--config", "hub.toml").err
    assert "127.0.0.1:3" in midstream("ps", "--config", "hub.toml", "--broker", "mqtt://127.0.0.1:3").err
    environment = {"MIDSTREAM_CONFIG": "hub.toml", "MIDSTREAM_BROKER": "mqtt://127.0.0.1:4"}
    assert "127.0.0.1:4" in midstream("ps", environment=environment).err
    assert "127.0.0.1:5" in midstream("--broker", "mqtt://127.0.0.1:5", "ps", environment=environment).err


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
def test_a_taken_port_is_named(midstream: Midstream, tmp_path: Path, kind: str) -> None:
    embedded = ("--embedded",) if kind == "embedded" else ()
    with running_broker(kind, tmp_path / "first") as broker:
        said = midstream("broker", *embedded, "--port", str(broker.address.port), "--folder", str(tmp_path / "second"))
    said.is_one_clear_error(2, str(broker.address.port), "taken")


def test_the_reader_that_has_enough_ends_the_command_without_a_word(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -P -m coordinator.cli --help | head -1", shell=True, executable="/bin/bash",
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shells_script(midstream: Midstream, shell: str) -> None:
    said = midstream("completion", shell)
    assert said.status == 0
    assert "_MIDSTREAM_COMPLETE" in said.out


def test_completion_knows_the_commands_without_loading_them(midstream: Midstream) -> None:
    environment = {"_MIDSTREAM_COMPLETE": "bash_complete", "COMP_WORDS": "midstream mig", "COMP_CWORD": "1"}
    said = midstream(environment=environment)
    assert said.out.split() == ["plain,migrate"]


@pytest.mark.parametrize(
    ("part", "text", "words"),
    [
        ("hub", 'name = "nas"\n[metrics]\nevry = "5s"\n', ["part.toml:3", "'evry'", "'every'"]),
        ("hub", 'name = "Not A Name"\n', ["'Not A Name'"]),
        ("coordinator", '[broker]\nurll = "mqtt://x"\n', ["part.toml:2", "'urll'", "'url'"]),
        ("coordinator", 'timezone = "Mars/Olympus"\n', ["Mars/Olympus"]),
        ("coordinator", '[folders]\nrules = "nowhere"\n', ["nowhere"]),
    ],
)
def test_a_part_names_what_is_wrong_in_its_configuration(
    midstream: Midstream, tmp_path: Path, part: str, text: str, words: list[str]
) -> None:
    (tmp_path / "part.toml").write_text(text)
    said = midstream(part, "--config", "part.toml", "--folder", str(tmp_path / "part"))
    said.is_one_clear_error(2, *words)


def test_a_demo_on_a_broker_that_is_not_there_says_so(midstream: Midstream) -> None:
    midstream("demo", "--json", "--broker", "mqtt://127.0.0.1:1").is_one_clear_error(3, "127.0.0.1:1")


@pytest.mark.parametrize("part", ["hub", "coordinator", "simulate"])
def test_a_part_without_a_broker_says_so(midstream: Midstream, tmp_path: Path, part: str) -> None:
    options = () if part == "simulate" else ("--folder", str(tmp_path / "part"))
    midstream(part, *options, "--broker", "mqtt://127.0.0.1:1").is_one_clear_error(3, "127.0.0.1:1")


def test_an_unknown_simulated_device_is_named(midstream: Midstream, lonely_broker: Broker) -> None:
    said = midstream("simulate", "tasmotta", "--broker", str(lonely_broker.address))
    said.is_one_clear_error(2, "tasmotta", "tasmota")

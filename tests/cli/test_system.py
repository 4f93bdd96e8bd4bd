"""Every command against a whole system: `midstream up` as a person leaves it running, and the words of each answer."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from calling import Midstream, Said

from coordinator.cli import schemas
from devices.mqtt.address import BrokerAddress
from devices.testing.broker import DEADLINE, RawPublisher

COUNTER = """
from midstream import ctx, function

@function(checkpoint="1h")
def counter(topic: str = "meter", step: int = 1):
    total = 0
    for message in ctx.subscribe(topic):
        total += step
        print("counted", message.text)
        ctx.status("counting", total=total)
        if message.text == "end":
            return {"total": total}
"""
HOLDS_A_SOCKET = """
import socket
from midstream import ctx, function

@function
def clinging():
    plug = socket.socket()
    for message in ctx.subscribe("clinging"):
        plug.settimeout(1)
"""


class System:
    """A running system and the folder of its functions."""

    def __init__(self, address: BrokerAddress, folder: Path) -> None:
        self.address = address
        self.folder = folder

    def call(self, *arguments: str, typed: str = "") -> Said:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MIDSTREAM_")}
        environment |= {"MIDSTREAM_BROKER": str(self.address), "COLUMNS": "120"}
        environment["MIDSTREAM_FOLDER"] = str(self.folder / "data")
        done = subprocess.run(
            [sys.executable, "-P", "-m", "coordinator.cli", *arguments], input=typed,
            capture_output=True, text=True, env=environment, cwd=self.folder, timeout=100, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, status: int = 0) -> Any:
        """The JSON document of a command, as its schema says."""
        said = self.call(*arguments, "--json")
        assert (said.status, said.err) == (status, ""), said
        document = json.loads(said.out)
        command = {"move": "migrate"}.get(arguments[0], arguments[0]) if arguments else "status"
        command = next((f"{command}{it[1:]}" for it in arguments if it in ("--if-lost", "--local")), command)
        jsonschema.validate(document, json.loads((schemas.FOLDER / f"{command}.json").read_text()))
        return document

    def publish(self, topic: str, *payloads: str) -> None:
        with RawPublisher(self.address) as device:
            for payload in payloads:
                device.publish(topic, payload, qos=1)

    def until(self, instance: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE
        while True:
            (row,) = self.json("ps", instance)
            if reached(row):
                return dict(row)
            assert time.monotonic() < deadline, row
            time.sleep(0.1)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("up")
    (folder / "counter.py").write_text(COUNTER)
    (folder / "clinging.py").write_text(HOLDS_A_SOCKET)
    with running(folder) as it:
        yield it


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[System]:
    """A system of its own: broker, coordinator, two hubs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MIDSTREAM_")}
    environment |= {"MIDSTREAM_FOLDER": str(folder / "data")}
    up = subprocess.Popen(
        [sys.executable, "-P", "-m", "coordinator.cli", "up", "--port", str(port), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert up.stdout is not None
    assert up.stderr is not None
    try:
        while not (line := up.stdout.readline()).startswith("ready"):
            assert line, up.stderr.read()
        yield System(BrokerAddress("127.0.0.1", port), folder)
    finally:
        up.send_signal(signal.SIGTERM)
        _, err = up.communicate(timeout=60)
    assert (up.returncode, err) == (128 + signal.SIGTERM, "")


@pytest.fixture
def counter(system: System, request: pytest.FixtureRequest) -> Iterator[str]:
    """A running counter with a name and a topic of its own, on hub-a."""
    name = re.sub(r"[^a-z0-9]+", "-", f"c-{abs(hash(request.node.name)) % 10**9}")
    started = system.json("run", "counter.py", "--on", "hub-a", "--name", name, "--arg", f"topic={name}")
    assert (started["instance"], started["hub"]) == (name, "hub-a")
    system.until(name, lambda row: bool(row["waiting"]))
    yield name
    system.call("stop", name)


def counted(total: int) -> Callable[[dict[str, Any]], bool]:
    return lambda row: row["values"].get("total") == total


def test_all_is_well_and_both_hubs_are_there(system: System) -> None:
    said = system.call()
    assert said.status == 0
    assert said.out.startswith("all is well")
    assert system.json()["well"] is True
    assert [hub["state"] for hub in system.json("hubs")] == ["online", "online"]
    assert "hub-b" in system.call("hubs").out


def test_a_suspended_function_says_what_it_waits_for(system: System, counter: str) -> None:
    said = system.call("suspend", counter, "--until", "after 22:00 or hub.cpu < 0")
    assert (said.status, said.err, said.out.splitlines()[-1]) == (0, "", "  until after 22:00 or hub.cpu < 0")
    (row,) = system.json("ps", counter)
    assert row["until"].startswith("until ")
    assert "hub.cpu < 0 (hub-a:" in system.call("ps", counter).out
    said = system.call("suspend", counter, "--until", "later")
    assert (said.status, said.err.splitlines()[0]) == (2, "error: until: 'later' is nothing that can be waited for")


def test_place_explains_each_hub_for_an_instance_and_for_a_file(system: System, counter: str) -> None:
    told = system.json("place", counter)
    assert {(row["hub"], row["here"], row["fits"]) for row in told["hubs"]} == {
        ("hub-a", True, True), ("hub-b", False, True),
    }  # fmt: skip
    (system.folder / "bound.py").write_text(COUNTER.replace('checkpoint="1h"', 'needs={"labels": ["gpu"]}'))
    said = system.call("place", "bound.py")
    assert (said.status, said.err) == (1, "")
    assert said.out.splitlines()[0] == "counter needs label gpu"
    assert said.out.splitlines()[-1] == "no hub that is there has label 'gpu'"
    assert "has no label 'gpu'" in said.out


def test_a_function_moves_with_its_total_and_goes_on(system: System, counter: str) -> None:
    system.publish(counter, "1", "2", "3")
    system.until(counter, counted(3))
    moved = system.json("move", counter, "--to", "hub-b")
    assert (moved["source"], moved["destination"]) == ("hub-a", "hub-b")
    assert "total: int" in moved["variables"]
    system.publish(counter, "4")
    row = system.until(counter, counted(4))
    assert (row["hub"], row["moves"], row["epoch"]) == ("hub-b", 1, 2)
    assert "counter.py:" in row["line"]


def test_the_words_of_a_move_name_line_size_and_gap(system: System, counter: str) -> None:
    said = system.call("migrate", counter)
    assert said.status == 0
    assert re.match(rf"{counter}: hub-a -> hub-b, stopped at counter\.py:\d+, [\d.]+ K?B, [\d.]+ ms", said.out)
    assert "total: int" in said.out


def test_suspended_it_keeps_its_messages_and_resumes_elsewhere(system: System, counter: str) -> None:
    system.publish(counter, "1")
    system.until(counter, counted(1))
    assert system.json("suspend", counter)["state"] == "suspended"
    system.publish(counter, "2", "3")
    resumed = system.json("resume", counter, "--to", "hub-b")
    assert resumed["hub"] == "hub-b"
    system.until(counter, counted(3))


def test_its_checkpoints_make_a_lineage_and_an_older_one_a_branch(system: System, counter: str) -> None:
    system.publish(counter, "1")
    system.until(counter, counted(1))
    old = system.json("checkpoint", counter)
    system.publish(counter, "2")
    system.until(counter, counted(2))
    system.json("checkpoint", counter)
    branch = system.json("restore", old["checkpoint"], "--as-new")
    assert (branch["branch_of"], branch["muted"]) == (counter, True)
    system.until(branch["instance"], lambda row: bool(row["waiting"]))
    rows = system.json("lineage", counter)
    assert {row["instance"] for row in rows} == {counter, branch["instance"]}
    assert rows[0]["parent"] == ""
    tree = system.call("lineage", counter)
    assert all(row["checkpoint"] in tree.out for row in rows)
    system.json("stop", branch["instance"])


def test_what_it_prints_is_its_log(system: System, counter: str) -> None:
    system.publish(counter, "hello")
    system.until(counter, counted(1))
    assert [line["text"] for line in system.json("logs", counter)] == ["counted hello"]
    assert "counted hello" in system.call("logs", counter).out


def test_what_happens_to_it_is_an_event_with_a_reason(system: System, counter: str) -> None:
    system.json("migrate", counter)
    told = system.json("events", "--instance", counter)
    assert [event["did"] for event in told] == [
        f"started {counter} on hub-a",
        f"moved {counter} from hub-a to hub-b",
    ]
    assert all(event["why"] for event in told)
    assert f"moved {counter} from hub-a to hub-b" in system.call("events").out


def test_a_finished_function_shows_its_result(system: System, counter: str) -> None:
    system.publish(counter, "1", "end")
    row = system.until(counter, lambda row: row["state"] == "finished")
    assert row["result"] == {"total": 2}
    assert counter not in system.call("ps").out
    assert counter in system.call("ps", "--all").out


def test_a_stopped_function_is_gone_and_its_lineage_stays(system: System, counter: str) -> None:
    assert system.json("stop", counter)["state"] == "stopped"
    assert system.json("lineage", counter)


@pytest.mark.parametrize("command", ["logs", "events"])
def test_following_gives_a_document_a_line_until_ctrl_c(system: System, counter: str, command: str) -> None:
    arguments = {"logs": ("logs", counter), "events": ("events", "--instance", counter)}[command]
    environment = {**os.environ, "MIDSTREAM_BROKER": str(system.address)}
    follower = subprocess.Popen(
        [sys.executable, "-P", "-m", "coordinator.cli", *arguments, "-f", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert follower.stdout is not None
    system.publish(counter, "old")
    system.until(counter, counted(1))
    system.json("checkpoint", counter)
    schema = json.loads((schemas.FOLDER / f"{command}-line.json").read_text())
    wanted = {"logs": "counted old", "events": f"made a checkpoint of {counter}"}[command]
    for line in follower.stdout:
        document = json.loads(line)
        jsonschema.validate(document, schema)
        if wanted in (document.get("text"), document.get("did")):
            break
    follower.send_signal(signal.SIGINT)
    _, err = follower.communicate(timeout=DEADLINE)
    assert (follower.returncode, err.strip()) == (130, "")


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (("ps", "nobody"), 4, ["'nobody'"]),
        (("hubs", "nowhere"), 4, ["'nowhere'", "hub-a"]),
        (("migrate", "nobody"), 4, ["'nobody'"]),
        (("checkpoint", "nobody"), 4, ["'nobody'"]),
        (("lineage", "nobody"), 4, ["'nobody'"]),
        (("inspect", "nobody"), 4, ["no checkpoint nobody", "lineage"]),
        (("restore", "nobody"), 4, ["no checkpoint nobody", "lineage"]),
        (("run", "counter.py", "--on", "nowhere"), 4, ["'nowhere'"]),
        (("run", "counter.py:nothing"), 2, ["nothing", "counter"]),
        (("run", "counter.py", "--arg", "tpoic=x"), 2, ["tpoic", "topic"]),
        (("run", "counter.py", "--arg", "step=many"), 2, ["step", "many"]),
        (("run", "counter.py", "--name", "Not A Name"), 2, ["'Not A Name'"]),
        (("run", "broken.py"), 2, ["broken.py:3"]),
        (("run", "empty.py"), 2, ["no @function"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_done_is_refused_in_one_clear_sentence(
    system: System, command: tuple[str], status: int, words: list[str]
) -> None:
    (system.folder / "broken.py").write_text("from midstream import function\n\ndef (:\n")
    (system.folder / "empty.py").write_text("x = 1\n")
    system.call(*command).is_one_clear_error(status, *words)


def test_a_function_with_a_socket_stays_where_it_is_and_the_error_names_the_variable(system: System) -> None:
    system.json("run", "clinging.py", "--on", "hub-a")
    system.until("clinging", lambda row: bool(row["waiting"]))
    said = system.call("migrate", "clinging", "--to", "hub-b")
    said.is_one_clear_error(4, "clinging", "line 8", "plug")
    row = system.until("clinging", lambda row: row["state"] == "running" and bool(row["waiting"]))
    assert row["hub"] == "hub-a"
    system.json("stop", "clinging")


def test_a_drained_hub_says_what_is_in_the_way_and_when_its_plug_may_be_pulled(system: System, counter: str) -> None:
    system.json("run", "clinging.py", "--on", "hub-b", "--name", "in-the-way")
    system.until("in-the-way", lambda row: bool(row["waiting"]))
    system.publish(counter, "1")
    system.until(counter, counted(1))
    system.json("move", counter, "--to", "hub-b")
    said = system.call("drain", "hub-b")
    assert said.status == 4
    assert f"{counter} -> hub-a" in said.out
    assert "hub-b is not safe to power off: in-the-way: " in said.err
    assert "plug: a socket" in said.err
    assert "--undo ends it" in said.err
    system.call("stop", "in-the-way")
    said = system.call("drain", "hub-b")
    assert (said.status, said.out, said.err) == (0, "hub-b: safe to power off\n", "")
    (row,) = system.json("hubs", "hub-b")
    assert (row["state"], row["safe_to_power_off"], row["instances"]) == ("drained", True, [])
    said = system.call("drain", "hub-a")
    assert said.status == 0
    assert (
        f"{counter} is suspended: hub-a is drained, and there is no other hub to move to: hub-b is drained" in said.out
    )
    assert said.out.endswith(f"hub-a: safe to power off; suspended there: {counter}\n")
    system.publish(counter, "2")
    assert system.json("drain", "hub-a", "--undo")["suspended"] == [counter]
    row = system.until(counter, counted(2))
    assert (row["hub"], row["state"]) == ("hub-a", "running")
    assert system.json("drain", "hub-b", "--undo")["in_the_way"] == []


def test_a_pause_is_what_there_is_to_do_until_it_ends(system: System) -> None:
    assert system.json("pause")["paused"]
    said = system.call()
    assert (said.status, said.out.startswith("to do: nothing moves by itself since")) == (1, True)
    assert system.call("pause", "--off").out == "things move by themselves again\n"
    assert system.call().status == 0


def test_what_would_go_where_without_a_hub_is_a_table(system: System, counter: str) -> None:
    (row,) = (row for row in system.json("hubs", "hub-a", "--if-lost") if row["instance"] == counter)
    assert (row["failover"], row["goes_to"], row["lost"]) == ("wait 2m", "hub-b", "")
    said = system.call("hubs", "hub-a", "--if-lost")
    assert re.search(rf"{counter} +wait 2m +hub-b +\d+ s old +nothing", said.out)
    assert system.call("hubs", "--if-lost").status == 2


def test_the_hubs_of_this_machine_answer_for_themselves(system: System, counter: str) -> None:
    hubs = system.json("ps", "--local", counter)
    ((hub, row),) = ((hub, row) for hub in hubs for row in hub["instances"])
    assert (hub["hub"], hub["state"], hub["broker"], hub["coordinator"]) == ("hub-a", "online", True, True)
    assert (row["instance"], row["state"], row["function"]) == (counter, "running", "counter")
    said = system.call("ps", "--local")
    assert "hub-b: online, connected to the broker, the coordinator is there" in said.out
    assert system.call("ps", "--local", "nobody").status == 4


def test_a_move_to_where_it_is_already_is_refused(system: System, counter: str) -> None:
    system.call("migrate", counter, "--to", "hub-a").is_one_clear_error(4, "hub-a")


def test_a_second_up_on_the_same_folder_is_refused(system: System, midstream: Midstream) -> None:
    said = midstream("up", environment={"MIDSTREAM_FOLDER": str(system.folder / "data")})
    said.is_one_clear_error(4, "runs here already")


def test_up_is_found_without_naming_its_broker(system: System, midstream: Midstream) -> None:
    said = midstream(environment={"MIDSTREAM_FOLDER": str(system.folder / "data")})
    assert said.out.startswith("all is well")


def test_a_second_hub_of_the_same_name_ends_with_one_error(system: System, tmp_path: Path) -> None:
    said = system.call("hub", "--name", "hub-a", "--folder", str(tmp_path / "rival"))
    assert said.status == 4
    assert "hub-a" in said.err
    assert "Traceback" not in said.err
    assert [hub["state"] for hub in system.json("hubs")] == ["online", "online"]


def test_a_checkpoint_can_be_looked_into_with_the_values_of_its_variables(system: System, counter: str) -> None:
    system.publish(counter, "1", "2")
    system.until(counter, counted(2))
    made = system.json("checkpoint", counter)
    shown = system.json("inspect", counter, "--save", "blob.cbor")
    assert shown["checkpoint"] == made["checkpoint"]
    assert shown["signature"] == "good"
    (frame,) = shown["frames"]
    assert frame["function"] == "counter"
    assert frame["line"] == shown["line"]
    assert frame["loops"] == [f"Subscription('{counter}')"]
    variables = {one["name"]: (one["type"], one["value"]) for one in frame["variables"]}
    assert variables["total"] == ("int", "2")
    assert variables["step"] == ("int", "1")
    assert shown["subscriptions"] == [{"filters": [counter], "latest_only": False}]
    from_file = system.json("inspect", "blob.cbor")
    assert from_file["signature"].startswith("not checked")
    assert from_file | {"signature": "good"} == shown
    words = system.call("inspect", "blob.cbor")
    assert "total   = 2\n" in words.out
    assert f"in counter\n    {frame['statement']}\n" in words.out
    with_source = system.call("inspect", "blob.cbor", "--source")
    assert re.search(r"-> +\d+ +for message in ctx.subscribe\(topic\):", with_source.out)


@pytest.mark.parametrize("damage", ["cut", "altered", "no checkpoint"])
def test_a_damaged_blob_is_refused_by_name(system: System, counter: str, damage: str) -> None:
    system.call("checkpoint", counter)
    assert system.call("inspect", counter, "--save", "whole.cbor").status == 0
    blob = (system.folder / "whole.cbor").read_bytes()
    spoiled = {"cut": blob[:-9], "altered": blob[:-9] + b"\0" + blob[-8:], "no checkpoint": b"hello"}[damage]
    (system.folder / "spoiled.cbor").write_bytes(spoiled)
    system.call("inspect", "spoiled.cbor").is_one_clear_error(1, "spoiled.cbor")


def test_a_function_that_fails_is_what_there_is_to_do_until_it_is_stopped(system: System) -> None:
    (system.folder / "failing.py").write_text(
        "from midstream import function\n\n@function\ndef failing():\n    numbers = []\n    return 1 / len(numbers)\n"
    )
    system.json("run", "failing.py")
    row = system.until("failing", lambda row: row["state"] == "failed")
    assert "failing.py" in row["error"]
    assert "line 6" in row["error"]
    assert "ZeroDivisionError" in row["error"]
    said = system.call()
    assert said.status == 1
    assert said.out.startswith("to do: ")
    assert "failing" in said.out.splitlines()[0]
    assert system.json(status=1)["well"] is False
    assert "ZeroDivisionError" in system.call("ps", "failing").out
    system.json("stop", "failing")
    assert system.call().status == 0


def test_the_readmes_first_function_runs_as_it_stands_there(system: System) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    source = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert source is not None
    (system.folder / "washer.py").write_text(source[1])
    assert "washer runs on hub-" in system.call("run", "washer.py").out
    system.until("washer", lambda row: bool(row["waiting"]))
    system.publish("tele/washer/SENSOR", '{"ENERGY": {"Power": 2104}}', '{"ENERGY": {"Power": 7}}')
    row = system.until("washer", lambda row: row["values"].get("highest_watts") == 2104.0)
    other = {"hub-a": "hub-b", "hub-b": "hub-a"}[row["hub"]]
    said = system.call("migrate", "washer", "--to", other)
    assert said.out.startswith(f"washer: {row['hub']} -> {other}, stopped at washer.py:7, ")
    assert "highest: float" in said.out
    system.json("stop", "washer")


def test_a_demo_beside_it_starts_a_broker_of_its_own(system: System, midstream: Midstream, tmp_path: Path) -> None:
    before = system.json("ps")
    environment = {"MIDSTREAM_FOLDER": str(system.folder / "data"), "TMPDIR": str(tmp_path)}
    said = midstream("demo", environment=environment)
    assert said.status == 0, said
    assert str(system.address.port) not in said.out
    assert [row["instance"] for row in system.json("ps")] == [row["instance"] for row in before]


def test_devices_are_told_with_their_readings_and_one_that_nobody_heard_is_refused(system: System) -> None:
    system.publish("tele/attic-plug/SENSOR", '{"ENERGY":{"Power":25,"Factor":"12,5"}}')
    deadline = time.monotonic() + DEADLINE
    while not (found := [row for row in system.json("devices") if row["device"] == "attic-plug"]):
        assert time.monotonic() < deadline
    assert (found[0]["dialect"], found[0]["liveness"]) == ("tasmota", "online")
    said = system.call("devices", "attic-plug").out
    assert re.search(r"ENERGY\.Power +25 +W +gauge", said)
    assert "not wholly a plain number; it said '12,5'" in said
    assert system.call("devices", "nobody").status == 4

"""`functions.toml` in a house that runs: on save, by `midstream apply`, and asked why the next morning."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from calling import Midstream
from test_system import COUNTER, System, counted, running

from devices.testing.broker import DEADLINE

LANDS = COUNTER.replace('"counting", total', '"counts", total')
DOES_NOT = LANDS.replace("ctx.subscribe(topic)", 'ctx.subscribe(topic, keep="all")')


def until_it_is_there(system: System, instance: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while (said := system.call("ps", instance)).status:
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


def until_it_says(system: System, words: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while words not in (said := system.call()).out:
        assert time.monotonic() < deadline, said
        time.sleep(0.2)
    assert said.status == 1


@pytest.mark.timeout(240)
def test_a_file_is_what_runs_always_and_its_changes_are_taken_on_save_or_asked_about(tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "counter.py").write_text(COUNTER)
    (functions / "functions.toml").write_text('meter = { file = "counter.py", hub = "hub-b", failover = "auto" }\n')
    with running(tmp_path, "--functions", str(functions)) as system:
        until_it_is_there(system, "meter")
        row = system.until("meter", lambda row: bool(row["waiting"]))
        assert (row["hub"], row["declared"], row["function"]) == ("hub-b", "functions", "counter")
        system.publish("meter", "1", "2")
        system.until("meter", counted(2))
        (functions / "counter.py").write_text(LANDS)
        system.until("meter", lambda row: row["epoch"] == 2 and row["state"] == "running")
        system.publish("meter", "3")
        row = system.until("meter", counted(3))  # its total came along
        assert (row["text"], row["hub"], row["input_qos"]) == ("counts", "hub-b", 1)
        (functions / "counter.py").write_text(DOES_NOT)
        until_it_says(system, "to do: meter is not as functions.toml declares it: the changed source does not fit")
        (seen,) = system.json("apply", "--dry-run")
        assert (seen["action"], seen["safe"], seen["done"], seen["places"]) == (
            "choose",
            False,
            False,
            ["hub-a", "hub-b"],
        )
        assert "its statement is gone or has changed" in seen["frames"][0]["reason"]
        kept = system.call("apply", typed="old\n")
        assert kept.status == 1
        assert "meter: goes on as it is until it ends" in kept.out
        began = system.call("apply", "functions", typed="new\n")
        assert (began.status, began.err) == (0, ""), began
        assert "meter: runs from its start on hub-b" in began.out
        system.until("meter", lambda row: row["epoch"] == 3 and bool(row["waiting"]))
        system.publish("meter", "4")
        row = system.until("meter", counted(1))
        assert "session" not in row["reason"]  # it was ended, not lost
        again = system.call("apply")
        assert (again.status, again.out) == (0, "as it is    meter: it is as it is declared\n")
        assert system.call().status == 0  # nothing is left to be decided
        told = system.json("why", "meter")
        began_events = [each["did"] for each in told["rows"] if "checkpoint" not in each["did"]]
        assert began_events == [
            "started meter on hub-b",
            "put meter on changed source on hub-b",
            "started meter on hub-b",
        ]
        assert {each["by"] for each in told["rows"]} == {"apply"}
        words = system.call("why", "meter", "--since", "1h").out
        assert "functions.toml: it has changed: source" in words
        assert "why hub-b: it was named; cpu" in words
        (functions / "functions.toml").write_text("")
        until_it_says(system, "meter runs, but functions.toml does not have it any more")
        assert system.call("apply", "--yes").status == 1
        assert system.json("apply", "--yes", "--stop")[0]["done"] is True
        (row,) = system.json("ps", "meter")
        assert (row["state"], row["declared"]) == ("stopped", "")


def test_mistakes_are_told_before_anybody_is_asked(midstream: Midstream, tmp_path: Path) -> None:
    midstream("apply").is_one_clear_error(2, "there is no functions.toml", "washer.file")
    (tmp_path / "functions.toml").write_text("\nwasher.fiel = 'washer.py'\n")
    midstream("apply").is_one_clear_error(2, "functions.toml:2", "there is no key 'fiel'", "did you mean 'file'?")
    midstream("apply", "--json").is_one_clear_error(2, "--json does not ask", "--dry-run")
    midstream("apply", "nowhere").is_one_clear_error(2, "'nowhere'")

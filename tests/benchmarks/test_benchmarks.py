"""The benchmarks measure: each kind once, as briefly as it can be. What they measured is not looked at."""

from __future__ import annotations

import json
import os
import sys

import pytest
from click.testing import CliRunner

from benchmarks import engine, workers
from benchmarks.__main__ import _deploy_table, _peers_table, main
from benchmarks.peers import run as peers


async def test_a_worker_is_captured_and_another_one_takes_up_the_blob() -> None:
    figures = await workers.resumed("small", workers.SMALL, 1)
    assert 0 < figures["blob_bytes_beyond_source"] < figures["blob_bytes"]
    assert figures["first_statement_p50_ms"] > 0


def test_a_program_costs_something_in_normal_form_and_after_a_move() -> None:
    cost, resumed = engine._ratios(engine.programs()["fib"], 1)
    assert cost > 0
    assert resumed > 0


def test_peers_that_are_not_there_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "READINGS", {"1 KB": 40})
    without_packages = f"{sys.executable} -I -S"
    asked = ["peers", "--rounds", "1", "--python", without_packages, "--criu", "no-such-program", "--json"]
    found = json.loads(CliRunner().invoke(main, asked, catch_exceptions=False).stdout)["peers"]
    assert found["dispatch-py"]["1 KB"] == {"not_available": "ModuleNotFoundError: No module named 'dispatch'"}
    assert found["CRIU"]["1 KB"] == {"not_available": "no-such-program: No such file or directory"}
    for name in (peers.WITHIN, peers.IN_A_PROCESS):
        assert min(found[name]["1 KB"].values()) > 0
    assert _peers_table(found).caption.count("is not available here") == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="building a tree gives files to users")
def test_plans_trees_and_confined_starts_are_measured_at_three_sizes() -> None:
    asked = ["deploy", "--resources", "50", "--files", "20", "--starts", "1", "--json"]
    found = json.loads(CliRunner().invoke(main, asked, catch_exceptions=False).stdout)["deploy"]
    assert [found[what][scale]["ms"] > 0 for what in ("plan", "apply") for scale in ("1x", "2x", "4x")] == [True] * 6
    assert found["apply"]["4x"]["files"] == 80
    assert min(found["start"].values()) > 0
    assert _deploy_table(found).row_count == 3

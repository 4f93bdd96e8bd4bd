"""The coordinator is killed between any two steps of a move, under load: the next one finishes or undoes each move."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from system import COMMAND, System
from test_planned_moves import LEDGER, Applied, publish_in_a_closed_loop

from coordinator.moves.steps import CRASH_POINTS
from devices.testing.broker import RawPublisher, Tap

MORTAL = [sys.executable, "-P", str(Path(__file__).with_name("mortal_coordinator.py"))]
TOPIC = "numbers/paho/1"


@pytest.mark.timeout(300)
def test_the_death_of_the_coordinator_at_any_step_of_a_move_loses_nothing_and_doubles_nothing(tmp_path):
    (tmp_path / "ledger.py").write_text(LEDGER)
    where = tmp_path / "dies-at"
    with System(tmp_path) as system, Tap(system.address, "numbers/#", "applied/#") as tap:
        system.command("run", str(tmp_path / "ledger.py"), "--on", "hub-a")
        system.end("coordinator")
        system.start_coordinator([*MORTAL, str(where)])
        system.until(lambda: len(system.online_hubs()) == 2, "the coordinator is there")
        applied, enough, failures, outcomes = Applied(tap), threading.Event(), [], {}
        with RawPublisher(system.address, "paho-1") as publisher:
            loop = threading.Thread(
                target=publish_in_a_closed_loop,
                args=(TOPIC, lambda text: publisher.publish(TOPIC, text, qos=1), applied, enough, failures),
            )
            loop.start()
            try:
                for point in CRASH_POINTS:
                    before = system.instance("ledger")
                    there = "hub-b" if before["hub"] == "hub-a" else "hub-a"
                    where.write_text(point)
                    asking = subprocess.Popen(
                        [*COMMAND, "migrate", "ledger", "--to", there],
                        env=system.environment,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                    try:
                        system.processes.pop("coordinator").wait(60)
                    finally:
                        asking.kill()
                        asking.wait()
                    system.start_coordinator([*MORTAL, str(where)])
                    system.until(lambda hubs=(before["hub"], there): settled(system, hubs), f"it runs on after {point}")
                    heard = len(applied.of(TOPIC))
                    applied.wait_for(TOPIC, heard + 5)
                    outcomes[point] = system.instance("ledger")["hub"] == there
            finally:
                enough.set()
                loop.join()
        assert not failures, (failures, system.logs())
        sent = [int(heard.payload) for heard in tap.heard if heard.topic == TOPIC]
        assert applied.of(TOPIC) == [(n, n * (n + 1) // 2) for n in range(1, len(sent) + 1)]
        assert all(outcomes.values()), outcomes  # nothing else had failed, so each was finished


def settled(system, hubs):
    done = system.command("ps", "ledger", "--json", status=None)
    if done.returncode:
        return False
    row = system.instance("ledger")
    moves = [event for event in system.ask("events") if event["rule"] == "move"]
    return row["state"] == "running" and row["hub"] in hubs and moves[-1]["did"].startswith("moved")

"""The coordinator is killed between any two steps of a move, under load: the next one finishes or undoes each move."""

import json
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
MOVE = "midstream/instances/ledger/move"


@pytest.mark.timeout(300)
def test_the_death_of_the_coordinator_at_any_step_of_a_move_loses_nothing_and_doubles_nothing(tmp_path):
    (tmp_path / "ledger.py").write_text(LEDGER)
    where = tmp_path / "dies-at"
    with System(tmp_path) as system, Tap(system.address, "numbers/#", "applied/#", MOVE) as tap:
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
                for number, point in enumerate(CRASH_POINTS):
                    there = "hub-b" if number % 2 == 0 else "hub-a"
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
                    tap.wait(lambda _, count=number: len(tap.payloads(MOVE)) > count, 60)
                    report = json.loads(tap.payloads(MOVE)[-1])
                    outcomes[point] = (report["state"], report["destination"]) == ("done", there)
                    applied.wait_for(TOPIC, len(applied.of(TOPIC)) + 5)
            finally:
                enough.set()
                loop.join()
        assert not failures, (failures, system.logs())
        sent = [int(heard.payload) for heard in tap.heard if heard.topic == TOPIC]
        assert applied.of(TOPIC) == [(n, n * (n + 1) // 2) for n in range(1, len(sent) + 1)]
        assert all(outcomes.values()), outcomes  # nothing else had failed, so each was finished

"""The coordinator as its own process, started as a person starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devices.protocol import messages
from devices.protocol.messages import CoordinatorStatus
from devices.testing.broker import Tap, running_broker

ROOT = Path(__file__).parents[2]
DEADLINE = 30.0


class Process:
    """`midstream coordinator` on a broker."""

    def __init__(self, url: str, folder: Path) -> None:
        self.log = folder / "coordinator.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "coordinator.cli", "coordinator", "--folder", str(folder / "state")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "MIDSTREAM_BROKER": url, "PYTHONPATH": str(ROOT)},
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ended(self) -> int:
        return self.process.wait(DEADLINE)

    def said(self) -> str:
        return self.log.read_text()


def statuses(heard) -> list[CoordinatorStatus]:
    topic = "midstream/coordinator/status"
    return [messages.decode(each.payload, CoordinatorStatus, topic) for each in heard if each.topic == topic]


def online(heard) -> bool:
    return bool(statuses(heard)) and statuses(heard)[-1].state == "online"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_it_with_a_goodbye_and_without_a_traceback(tmp_path, mosquitto, number):
    with Tap(mosquitto, "midstream/coordinator/status") as tap, Process(mosquitto.url, tmp_path) as it:
        tap.wait(lambda heard: online([each for each in heard if not each.retain]))
        it.process.send_signal(number)
        it.ended()
        tap.wait(lambda heard: statuses(heard)[-1].state == "offline")
        assert "Traceback" not in it.said()


def test_killed_it_leaves_a_will_and_comes_back_with_the_same_key_and_store(tmp_path):
    with running_broker("mosquitto", tmp_path / "broker") as broker, Tap(broker.address, "midstream/#") as tap:
        with Process(broker.address.url, tmp_path) as it:
            first = statuses(tap.wait(online))[-1]
            it.process.kill()
            it.ended()
        tap.wait(lambda heard: statuses(heard)[-1].state == "offline")
        with Process(broker.address.url, tmp_path):
            again = statuses(tap.wait(online))[-1]
        assert (again.key, again.generation) == (first.key, first.generation)


def test_without_a_broker_it_says_so_in_one_sentence(tmp_path):
    with Process("mqtt://127.0.0.1:1", tmp_path) as it:
        assert it.ended() == 3
        assert it.said().startswith("error: nobody listens at 127.0.0.1:1")
        assert "Traceback" not in it.said()


def test_a_damaged_store_is_kept_as_it_is_beside_a_new_one_and_told(tmp_path, mosquitto):
    (tmp_path / "state").mkdir()
    damaged = b"this was a database once" * 1000
    (tmp_path / "state" / "store.sqlite").write_bytes(damaged)
    with Tap(mosquitto, "midstream/coordinator/status") as tap, Process(mosquitto.url, tmp_path) as it:
        tap.wait(lambda heard: online(heard) and any("was damaged" in text for text in statuses(heard)[-1].attention))
        assert "Traceback" not in it.said()
    (aside,) = (tmp_path / "state").glob("store.sqlite.corrupt-*")
    assert aside.read_bytes() == damaged


def test_it_survives_a_broker_that_goes_and_comes_back(tmp_path):
    folder = tmp_path / "broker"
    with running_broker("mosquitto", folder) as broker:
        address = broker.address
        it = Process(address.url, tmp_path)
        with Tap(address, "midstream/#") as tap:
            tap.wait(online)
    with it:
        from devices.mqtt.broker import Mosquitto

        with Mosquitto(folder, address.port), Tap(address, "midstream/#") as tap:
            tap.wait(lambda heard: online([each for each in heard if not each.retain]))
            assert it.process.poll() is None
        assert "Traceback" not in it.said()


def test_a_second_process_in_the_same_folder_is_refused(tmp_path, mosquitto):
    with Tap(mosquitto, "midstream/coordinator/status") as tap, Process(mosquitto.url, tmp_path):
        tap.wait(lambda heard: online([each for each in heard if not each.retain]))
        with Process(mosquitto.url, tmp_path) as second:
            assert second.ended() == 4
            assert "another coordinator works in this folder" in second.said()

"""The power of the whole house fails: broker, coordinator and hubs die at once, and come back in any order."""

import json
import signal
import time

import pytest
from system import System
from test_planned_moves import LEDGER
from test_sudden_death import AppliedAtLeastOnce

from devices.testing.broker import RawPublisher, Tap

ORDERS = (
    ("broker", "coordinator", "hub-a", "hub-b"),
    ("hub-b", "hub-a", "coordinator", "broker"),
    ("coordinator", "hub-a", "broker", "hub-b"),
)
SAVES_AT_ONCE = {"autosave_interval": "1", "autosave_on_changes": "true"}
"""What a killed broker forgets is its own affair, and bounded by these: see broker-config."""


@pytest.mark.timeout(300)
def test_after_a_power_cut_of_the_whole_house_the_numbers_go_on_in_whatever_order_its_parts_come_back(tmp_path):
    (tmp_path / "ledger.py").write_text(LEDGER)
    (tmp_path / "still.py").write_text(LEDGER.replace("numbers/#", "still/#"))
    with System(tmp_path, settings=SAVES_AT_ONCE) as system:
        system.command("run", str(tmp_path / "ledger.py"), "--on", "hub-a")
        system.command("run", str(tmp_path / "still.py"), "--on", "hub-b", "--name", "still")
        system.until(lambda: system.instance("ledger")["waiting"], "the function listens")
        system.until(lambda: system.instance("still")["waiting"], "the other one too")
        system.command("suspend", "still")
        number = 0
        for order in ORDERS:
            number = go_on_counting(system, number)
            say(system, "still/meter", number, 1)
            number = say(system, "numbers/meter", number, 5)  # some of them on their way when the power fails
            cut_the_power(system)
            for part in order:
                start(system, part)
            system.until(lambda: len(system.online_hubs()) == 2, "both hubs are back")
        number = go_on_counting(system, number)
        row = system.instance("ledger")
        assert (row["hub"], row["state"], row["epoch"]) == ("hub-a", "running", 1)
        assert system.instance("still")["state"] == "suspended"
        with Tap(system.address, "applied/#") as tap:
            system.command("resume", "still")
            assert applied(tap, "still/meter", 41, 3) == [(11, 11), (26, 37), (41, 78)]


@pytest.mark.timeout(300)
def test_when_the_broker_has_lost_everything_claims_are_published_again_and_people_are_told(tmp_path):
    (tmp_path / "ledger.py").write_text(LEDGER)
    with System(tmp_path, settings=SAVES_AT_ONCE) as system:
        system.command("run", str(tmp_path / "ledger.py"), "--on", "hub-a")
        system.until(lambda: system.instance("ledger")["waiting"], "the function listens")
        number = go_on_counting(system, 0)
        system.broker.kill()
        (system.folder / "broker" / "mosquitto.db").unlink()
        system.broker.start()
        lost = "had lost this instance's session"
        system.until(lambda: lost in str(system.ask("events")), "it is an event")
        system.until(lambda: lost in system.instance("ledger")["reason"], "the instance shows it too")
        number = go_on_counting(system, number)
        row = system.instance("ledger")
        assert (row["hub"], row["state"], row["epoch"]) == ("hub-a", "running", 1)
        with Tap(system.address, "midstream/instances/ledger/claim") as tap:
            (claim,) = tap.wait(bool)
        assert (claim.retain, json.loads(claim.payload)["epoch"]) == (True, 1)


def go_on_counting(system, number):
    """Publishes ten numbers: the total behind each tells whether all before it were counted once."""
    with Tap(system.address, "applied/#") as tap:
        last = say(system, "numbers/meter", number, 10)
        assert applied(tap, "numbers/meter", last, 10) == [(n, n * (n + 1) // 2) for n in range(number + 1, last + 1)]
    return last


def applied(tap, topic, last, count):
    """Returns what a function has said up to a number; what had left before the cut may leave again."""
    heard = AppliedAtLeastOnce(tap)
    tap.wait(lambda _: last in dict(heard.of(topic)), 60)
    return heard.of(topic)[-count:]


def say(system, topic, number, count):
    """Publishes the next numbers, and returns when the broker has them on its disk."""
    with RawPublisher(system.address, "meter") as publisher:
        for _ in range(count):
            number += 1
            publisher.publish(topic, str(number), qos=1)
    accepted, database = time.time_ns(), system.folder / "broker" / "mosquitto.db"
    system.until(lambda: database.stat().st_mtime_ns > accepted, "the broker has saved")
    return number


def cut_the_power(system):
    """Kills all parts before any of them can react to the death of another."""
    for process in system.processes.values():
        process.send_signal(signal.SIGSTOP)
    system.broker.kill()
    for name in list(system.processes):
        system.end(name, signal.SIGKILL)


def start(system, part):
    match part:
        case "broker":
            system.broker.start()
        case "coordinator":
            system.start_coordinator()
        case hub:
            system.start_hub(hub)

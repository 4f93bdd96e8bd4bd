"""Real processes: hubs with workers, a coordinator that is killed in the middle of moves, and a tap that counts."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "acceptance"))

from system import COMMAND, DEADLINE, System

from devices.testing.broker import Heard, RawPublisher, Tap

LEDGER = """
from midstream import ctx, function

@function
def ledger():
    total = 0
    for message in ctx.subscribe("numbers"):
        total += int(message.text)
        ctx.publish("applied", f"{message.text} {total}")
"""
WINDOW = 8
POINTS = {
    "capture is asked for": ("/command", b'"do":"capture"'),
    "the checkpoint is announced": ("/answer", b'"what":"captured"'),
    "the source has let go": ("/answer", b'"what":"released"'),
    "the claim is out": ("/instances/ledger/claim", b'"epoch"'),
    "the destination runs it": ("/answer", b'"what":"running"'),
}


def applied(tap: Tap) -> list[tuple[int, int]]:
    pairs = [payload.decode().split() for payload in tap.payloads("applied")]
    return [(int(number), int(total)) for number, total in pairs]


def seen(topic: str, sign: bytes, heard: list[Heard]) -> bool:
    return any(h.topic.endswith(topic) and sign in h.payload and not h.retain for h in heard)


def keep_publishing(raw: RawPublisher, tap: Tap, enough: threading.Event, sent: list[int]) -> None:
    while not enough.is_set():
        sent.append(len(sent) + 1)
        raw.publish("numbers", str(sent[-1]), qos=1)
        tap.wait(lambda _: len(applied(tap)) >= sent[-1] - WINDOW, 2 * DEADLINE)
    tap.wait(lambda _: len(applied(tap)) >= sent[-1], 2 * DEADLINE)


@pytest.mark.timeout(300)
def test_moves_stay_exact_when_the_coordinator_is_killed_in_the_middle_of_each(tmp_path):
    (tmp_path / "ledger.py").write_text(LEDGER)
    sent: list[int] = []
    enough = threading.Event()
    with (
        System(tmp_path) as system,
        Tap(system.address, "applied") as tap,
        RawPublisher(system.address, "device") as raw,
    ):
        system.command("run", str(tmp_path / "ledger.py"), "--on", "hub-a")
        system.until(lambda: system.instance("ledger")["waiting"], "the function listens")
        publishing = threading.Thread(target=keep_publishing, args=(raw, tap, enough, sent))
        publishing.start()
        try:
            for name, (topic, sign) in POINTS.items():
                with Tap(system.address, "midstream/hubs/#", "midstream/instances/ledger/claim", qos=0) as ear:
                    asking = subprocess.Popen(
                        [*COMMAND, "migrate", "ledger"], env=system.environment, stderr=subprocess.DEVNULL
                    )
                    ear.wait(partial(seen, topic, sign))
                    system.end("coordinator", signal.SIGKILL)
                    asking.wait(DEADLINE)
                system.start("coordinator", ["coordinator", "--folder", str(tmp_path / "coordinator")])
                system.until(lambda: len(system.online_hubs()) == 2, f"both hubs are back after: {name}")
                system.until(lambda: system.instance("ledger")["state"] == "running", f"it runs again after: {name}")
        finally:
            enough.set()
            publishing.join()
        expected = list(range(1, len(sent) + 1))
        assert [number for number, _ in applied(tap)] == expected
        assert [total for _, total in applied(tap)] == [n * (n + 1) // 2 for n in expected]


@pytest.mark.timeout(300)
def test_a_function_of_a_killed_hub_goes_on_elsewhere_by_hand(tmp_path):
    (tmp_path / "ledger.py").write_text(LEDGER)
    with System(tmp_path) as system, Tap(system.address, "applied") as tap, RawPublisher(system.address) as raw:
        system.command("run", str(tmp_path / "ledger.py"), "--on", "hub-a")
        system.until(lambda: system.instance("ledger")["waiting"], "the function listens")
        for number in range(1, 6):
            raw.publish("numbers", str(number), qos=1)
        tap.wait(lambda _: len(applied(tap)) == 5)
        system.end("hub-a", signal.SIGKILL)
        system.until(lambda: system.online_hubs() == ["hub-b"], "hub-a is known to be dead")
        raw.publish("numbers", "6", qos=1)
        moved = system.ask("migrate", "ledger")
        assert (moved["source"], moved["destination"]) == ("hub-a", "hub-b")
        raw.publish("numbers", "7", qos=1)
        tap.wait(lambda _: applied(tap)[-1] == (7, 28))
        system.start_hub("hub-a")
        system.until(lambda: len(system.online_hubs()) == 2, "hub-a is back")
        raw.publish("numbers", "8", qos=1)
        tap.wait(lambda _: applied(tap)[-1] == (8, 36))
        # What had left before the death may come again, under the same sequence number; nothing is applied twice.
        assert list(dict.fromkeys(applied(tap))) == [(n, n * (n + 1) // 2) for n in range(1, 9)]
        assert system.instance("ledger")["hub"] == "hub-b"

"""Planned moves are exact, as seen from outside: by a tap on the broker, with publishers that know nothing of us."""

import subprocess
import threading
from collections import defaultdict

import pytest
from system import System

from devices.testing.broker import RawPublisher, Tap

LEDGER = '''
from midstream import ctx, function


def booked(totals, account, number):
    totals[account] = totals.get(account, 0) + number
    return totals[account]


@function
def ledger():
    """Adds up the numbers of each topic, and says after each what it has."""
    totals = {}
    for message in ctx.subscribe("numbers/#"):
        try:
            total = booked(totals, message.topic, int(message.text))
        finally:
            ctx.publish("applied/" + message.topic, f"{message.text} {totals.get(message.topic)}")
'''
WINDOW = 8
"""Numbers of one publisher that may be unanswered: fewer than any broker's queue drops."""
MOVES = 20


class Applied:
    """What the tap has heard the function say, by topic: pairs of number and total."""

    def __init__(self, tap):
        self.tap = tap

    def of(self, topic):
        pairs = [payload.decode().split() for payload in self.tap.payloads(f"applied/{topic}")]
        return [(int(number), int(total)) for number, total in pairs]

    def wait_for(self, topic, count):
        self.tap.wait(lambda _: len(self.of(topic)) >= count, 60)


def publish_in_a_closed_loop(topic, say, applied, enough, failures):
    """Publishes 1, 2, 3 ..., never more than the window ahead of what was applied, until it is enough."""
    number = 0
    try:
        while not enough.is_set() or number < 30:
            number += 1
            say(str(number))
            applied.wait_for(topic, number - WINDOW)
        applied.wait_for(topic, number)
    except Exception as error:  # told in the test's own thread
        failures.append(error)


def mosquitto_pub(address, topic, qos):
    where = ["-h", address.host, "-p", str(address.port)]
    return subprocess.Popen(
        ["mosquitto_pub", "-V", "mqttv5", *where, "-t", topic, "-q", str(qos), "-l"],
        stdin=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("broker", "config"), [("mosquitto", "home"), ("mosquitto", "stock"), ("embedded", "home")], ids=str
)
def test_twenty_moves_under_load_apply_every_number_once_and_in_order(tmp_path, long_run, broker, config):
    (tmp_path / "ledger.py").write_text(LEDGER)
    moves = 15 * MOVES if long_run else MOVES
    with System(tmp_path, broker, config) as system, Tap(system.address, "numbers/#", "applied/#") as tap:
        system.command("run", str(tmp_path / "ledger.py"), "--on", "hub-a")
        system.until(lambda: system.instance("ledger")["waiting"], "the function listens")
        applied, enough, failures = Applied(tap), threading.Event(), []
        with RawPublisher(system.address, "paho-0") as raw_0, RawPublisher(system.address, "paho-1") as raw_1:
            pubs = [mosquitto_pub(system.address, f"numbers/mosquitto_pub/{qos}", qos) for qos in (0, 1)]
            voices = {
                "numbers/paho/0": lambda text: raw_0.publish("numbers/paho/0", text, qos=0),
                "numbers/paho/1": lambda text: raw_1.publish("numbers/paho/1", text, qos=1),
                "numbers/mosquitto_pub/0": lambda text: pubs[0].stdin.write(text + "\n"),
                "numbers/mosquitto_pub/1": lambda text: pubs[1].stdin.write(text + "\n"),
            }
            threads = [
                threading.Thread(target=publish_in_a_closed_loop, args=(topic, say, applied, enough, failures))
                for topic, say in voices.items()
            ]
            for thread in threads:
                thread.start()
            try:
                for number in range(moves):
                    there = "hub-b" if number % 2 == 0 else "hub-a"
                    moved = system.ask("migrate", "ledger", "--to", there)
                    assert moved["destination"] == there
            finally:
                enough.set()
                for thread in threads:
                    thread.join()
                for pub in pubs:
                    pub.communicate(timeout=30)
        assert not failures, (failures, system.logs())
        sent = defaultdict(list)
        for heard in tap.heard:
            if heard.topic in voices:
                sent[heard.topic].append(int(heard.payload))
        for topic in voices:
            expected = list(range(1, len(sent[topic]) + 1))
            assert sent[topic] == expected
            assert [number for number, _ in applied.of(topic)] == expected
            assert [total for _, total in applied.of(topic)] == [n * (n + 1) // 2 for n in expected]
        row = system.instance("ledger")
        assert row["moves"] == moves
        assert row["epoch"] == moves + 1

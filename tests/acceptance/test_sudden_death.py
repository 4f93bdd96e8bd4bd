"""A hub is killed under load: its function goes on at the other one, and outside nothing is missing and nothing twice."""

import signal
import threading

import pytest
from system import System
from test_planned_moves import LEDGER, Applied, publish_in_a_closed_loop

from devices.testing.broker import RawPublisher, Tap

TOPIC = "numbers/paho/1"


class AppliedAtLeastOnce(Applied):
    """An output of a state that died with its hub may come again, under its key; what it says is the same."""

    def of(self, topic):
        return list(dict.fromkeys(super().of(topic)))


@pytest.mark.timeout(240)
def test_the_kill_of_a_hub_loses_no_number_and_applies_none_twice(tmp_path):
    source = LEDGER.replace("@function\n", '@function(failover="auto")\n')
    (tmp_path / "ledger.py").write_text(source)
    with System(tmp_path) as system, Tap(system.address, "numbers/#", "applied/#") as tap:
        system.command("run", str(tmp_path / "ledger.py"), "--on", "hub-a")
        system.until(lambda: system.instance("ledger")["waiting"], "the function listens")
        applied, enough, failures = AppliedAtLeastOnce(tap), threading.Event(), []
        with RawPublisher(system.address, "paho-1") as publisher:
            loop = threading.Thread(
                target=publish_in_a_closed_loop,
                args=(TOPIC, lambda text: publisher.publish(TOPIC, text, qos=1), applied, enough, failures),
            )
            loop.start()
            try:
                for dies, takes_over in (("hub-a", "hub-b"), ("hub-b", "hub-a")):
                    heard = len(applied.of(TOPIC))
                    applied.wait_for(TOPIC, heard + 20)
                    system.end(dies, signal.SIGKILL)
                    system.until(lambda hub=takes_over: on(system, hub), f"it runs on {takes_over}")
                    system.start_hub(dies)
                    system.until(lambda: len(system.online_hubs()) == 2, f"{dies} is back")
            finally:
                enough.set()
                loop.join()
        assert not failures, (failures, system.logs())
        sent = [int(heard.payload) for heard in tap.heard if heard.topic == TOPIC]
        expected = list(range(1, len(sent) + 1))
        assert sent == expected
        assert applied.of(TOPIC) == [(n, n * (n + 1) // 2) for n in expected]
        row = system.instance("ledger")
        assert (row["hub"], row["epoch"], row["moves"]) == ("hub-a", 3, 2)


def on(system, hub):
    row = system.instance("ledger")
    return row["hub"] == hub and row["state"] == "running"

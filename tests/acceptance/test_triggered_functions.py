"""Functions that messages start, with a real Mosquitto, coordinator and hubs in processes of their own."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

from system import System

from devices.testing.broker import RawPublisher, Tap

LIGHTS = """\
from midstream import function, ctx

@function(on="house/{room}/motion", mode="parallel", failover="auto")
def lights(message, level: int = 1):
    ctx.publish("done", f"{message.params['room']} {message.text} {level}")
"""


def test_each_message_is_one_run_through_a_burst_and_a_coordinator_that_is_killed_in_it(tmp_path: Path):
    (tmp_path / "lights.py").write_text(LIGHTS)
    first, meanwhile = ([f"{word}-{number}" for number in range(20)] for word in ("before", "meanwhile"))
    with System(tmp_path) as system, Tap(system.address, "done") as tap, RawPublisher(system.address) as sensor:
        told = system.command("run", str(tmp_path / "lights.py"), "--arg", "level=7").stdout
        assert told == "lights starts on house/{room}/motion\n"
        for room in first:
            sensor.publish(f"house/{room}/motion", "on", qos=1)
        tap.wait(lambda heard: len(heard) >= 3)
        system.end("coordinator", signal.SIGKILL)
        for room in meanwhile:
            sensor.publish(f"house/{room}/motion", "on", qos=1)
        system.start_coordinator()
        wanted = Counter(f"{room} on 7" for room in [*first, *meanwhile])
        tap.wait(lambda heard: set(wanted) <= {each.payload.decode() for each in heard})
        system.until(lambda: not system.ask("triggers")[0]["running"], "all runs have ended")
        assert Counter(payload.decode() for payload in tap.payloads("done")) == wanted
        (row,) = system.ask("triggers", "lights")
        assert (row["started"], row["waiting"], row["failed"], row["dropped"]) == (40, 0, 0, 0)
        shown = system.command("ps").stdout
        assert "nothing runs now" in shown
        assert "house/{room}/motion" in shown
        assert "side by side" in system.command("triggers", "lights").stdout
        assert "lights is a trigger" in system.command("ps", "lights", status=4).stderr
        by_hand = system.ask("run", str(tmp_path / "lights.py"), "--once", "--message", "house/bath/motion=off")
        assert by_hand["instance"] == "lights-2"
        tap.wait(lambda heard: "bath off 1" in {each.payload.decode() for each in heard})
        assert "lights: stopped" in system.command("stop", "lights").stdout

"""A service manager stops a hub: SIGTERM, and when somebody is impatient a second one."""

import signal

from system import DEADLINE, System

from devices.testing.broker import RawPublisher

COUNTER = """
from midstream import ctx, function

@function(checkpoint="1h", failover="never")
def counter():
    total = 0
    for message in ctx.subscribe("numbers"):
        total += int(message.text)
        ctx.status("counting", total=total)
        if message.text == "7":
            sum(iter(int, 1))  # in C, for ever
"""


def test_a_hub_that_is_told_to_stop_saves_what_runs_and_told_twice_says_what_it_has_not(tmp_path):
    (tmp_path / "counter.py").write_text(COUNTER)
    (tmp_path / "hub.toml").write_text('[limits]\nstop = "10m"\nshutdown = "10m"\n')
    with System(tmp_path, hubs={"hub-a": ["--config", str(tmp_path / "hub.toml")]}) as system:
        system.environment["MIDSTREAM_HUB_FOLDER"] = str(tmp_path / "hubs" / "hub-a")

        def local_state():
            ((row,),) = (hub["instances"] for hub in system.ask("ps", "--local"))
            return row["state"]

        def total_is(total):
            system.until(lambda: system.instance("counter")["values"].get("total") == total, f"the total is {total}")

        def stopped(*, twice=False):
            process = system.processes.pop("hub-a")
            process.send_signal(signal.SIGTERM)
            if twice:
                system.until(lambda: local_state() == "capturing", "it is being stopped")
                process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0
            system.until(lambda: system.ask("hubs")[0]["state"] == "offline", "the coordinator knows")
            return system.ask("hubs")[0]

        system.command("run", str(tmp_path / "counter.py"))
        system.until(lambda: system.instance("counter")["waiting"], "it listens")
        with RawPublisher(system.address, "meter") as meter:
            meter.publish("numbers", "1", qos=1)
            total_is(1)
            row = stopped()
            assert (row["safe_to_power_off"], row["reason"]) == (True, "it was stopped")
            system.start_hub("hub-a", "--config", str(tmp_path / "hub.toml"))
            meter.publish("numbers", "2", qos=1)
            total_is(3)
            meter.publish("numbers", "7", qos=1)
            total_is(10)
        row = stopped(twice=True)
        assert not row["safe_to_power_off"]
        assert "counter goes back to its last checkpoint: there was no time left" in row["reason"]
        assert "counter goes back to its last checkpoint" in (tmp_path / "hub-a.log").read_text()

"""The whole chain on readings that are really measured: a function that burns its core, one that eats memory."""

import pytest
from system import System

BURN = '''
from midstream import function


@function
def burn(seconds_of_work: int = 10**9):
    """Counts as fast as it can."""
    count = 0
    for _ in range(seconds_of_work):
        count = (count + 1) % 1000003
    return count
'''
EAT = '''
from midstream import ctx, function


@function
def eat(megabytes: int = 60):
    """Takes memory, a megabyte at a time, and keeps it."""
    eaten = []
    while True:
        if len(eaten) < megabytes:
            eaten.append(bytearray(1024 * 1024))
        ctx.sleep(0.02)
'''


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "source", "condition"),
    [("burn", BURN, "instance.cpu > 15"), ("eat", EAT, "instance.memory > 50000000")],
    ids=["cpu", "memory"],
)
def test_a_function_that_crosses_a_measured_threshold_is_moved_and_the_event_says_why(
    tmp_path, name, source, condition
):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "own.toml").write_text(f'[too-much]\nwhen = "{condition}"\nfor = "2s"\ndo = "migrate"\ncooldown = "10m"\n')
    (tmp_path / f"{name}.py").write_text(source)
    with System(tmp_path, coordinator=["--rules", str(rules)]) as system:
        system.command("run", str(tmp_path / f"{name}.py"), "--on", "hub-a")
        system.until(lambda: runs_on(system.instance(name), "hub-b"), "the rule moves it", 90)
        events = [event for event in system.ask("events") if event["rule"] == "too-much"]
        assert events, system.logs()
        assert events[0]["metric"] == condition.split()[0]
        assert events[0]["value"] > events[0]["threshold"]


def runs_on(instance, hub):
    """Whether a move has ended there: its place changes with the claim, its state when the first statement has run."""
    return instance["hub"] == hub and instance["state"] == "running"

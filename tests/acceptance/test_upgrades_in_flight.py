"""A running function gets a new version of its source, and its messages lose and double nothing over that."""

import json
import threading

import pytest
from system import System

from devices.testing.broker import RawPublisher, Tap

METER = '''
from midstream import ctx, function

UNIT = "W"


@function
def meter():
    """Adds up numbers, and says after each what it has."""
    total = 0
    for message in ctx.subscribe("numbers"):
        total += int(message.text)
        ctx.publish("applied", {"number": int(message.text), "total": total, "unit": UNIT})
'''
BETTER = METER.replace('UNIT = "W"', 'UNIT = "kW"\nFACTOR = 1').replace(
    "        ctx.publish", "        doubled = total * 2 * FACTOR\n        ctx.publish"
).replace('"unit": UNIT', '"unit": UNIT, "doubled": doubled')  # fmt: skip
MISSING = METER.replace("UNIT =", "import a_module_that_nobody_has\n\nUNIT =")
ELSEWHERE = METER.replace('"numbers"', '"others"')
WINDOW = 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("broker", ["mosquitto", "embedded"])
def test_a_counting_function_is_upgraded_between_numbered_messages_without_a_loss(tmp_path, broker):
    paths = {}
    for name, text in {"meter": METER, "better": BETTER, "elsewhere": ELSEWHERE, "missing": MISSING}.items():
        paths[name] = tmp_path / name / "meter.py"
        paths[name].parent.mkdir()
        paths[name].write_text(text)
    with System(tmp_path, broker, hubs={"hub-a": []}) as system, Tap(system.address, "applied") as tap:
        system.command("run", str(paths["meter"]))
        system.until(lambda: system.instance("meter")["waiting"], "the function listens")
        enough, failures = threading.Event(), []

        def heard():
            return [json.loads(payload) for payload in tap.payloads("applied")]

        def publish():
            number = 0
            try:
                with RawPublisher(system.address, "numbers") as raw:
                    while not enough.is_set():
                        number += 1
                        raw.publish("numbers", str(number), qos=1)
                        tap.wait(lambda _, number=number: len(heard()) > number - WINDOW, 60)
                    tap.wait(lambda _: len(heard()) >= number, 60)
            except Exception as error:  # told in the test's own thread
                failures.append(error)

        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            plan = json.loads(
                system.command("upgrade", "meter", str(paths["elsewhere"]), "--dry-run", "--json", status=1).stdout
            )
            refused = system.command("upgrade", "meter", str(paths["elsewhere"]), status=4)
            unloaded = system.command("upgrade", "meter", str(paths["missing"]), status=4)
            dry = system.ask("upgrade", "meter", str(paths["better"]), "--dry-run")
            assert system.instance("meter")["epoch"] == 1
            made = system.ask("upgrade", "meter", str(paths["better"]))
            tap.wait(lambda _: sum("doubled" in each for each in heard()) > WINDOW, 60)
        finally:
            enough.set()
            publisher.join()
        assert not failures, (failures, system.logs())
        applied = heard()
        assert [each["number"] for each in applied] == list(range(1, len(applied) + 1))
        assert [each["total"] for each in applied] == [n * (n + 1) // 2 for n in range(1, len(applied) + 1)]
        units = [each["unit"] for each in applied]
        assert units == sorted(units)  # first all in W, then all in kW
        upgraded = [each for each in applied if each["unit"] == "kW"]
        assert 0 < len(upgraded) < len(applied)
        assert all(each["doubled"] == 2 * each["total"] for each in upgraded)
        assert (plan["lands"], plan["upgraded"]) == (False, "")
        assert {each["reason"] for each in plan["frames"]} <= {
            "its statement is gone or has changed",
            "the 'for' of line 11, in which it stands, is gone or has changed",
        }
        assert "a_module_that_nobody_has" in unloaded.stderr
        assert "stays with the source that it has" in refused.stderr
        assert (dry["lands"], dry["upgraded"], dry["kept"]) == (True, "", [])
        row = system.instance("meter")
        assert (row["epoch"], row["state"], made["lands"]) == (2, "running", True)
        lineage = {node["checkpoint"]: node for node in system.ask("lineage", "meter")}
        assert (lineage[made["upgraded"]]["parent"], lineage[made["upgraded"]]["reason"]) == (
            made["checkpoint"],
            "upgrade",
        )
        a_branch_goes_on_from_another_total_and_is_heard_when_it_is_unmuted(system, tap)


def a_branch_goes_on_from_another_total_and_is_heard_when_it_is_unmuted(system, tap):
    branch = system.ask("restore", "meter", "--set", "total=1000")
    assert (branch["instance"], branch["branch_of"], branch["muted"]) == ("meter~2", "meter", True)
    system.until(lambda: system.instance("meter~2")["waiting"], "the branch listens")
    before = len(tap.payloads("applied"))
    with RawPublisher(system.address, "more") as raw:
        raw.publish("numbers", "7", qos=1)
        system.until(lambda: system.instance("meter~2")["withheld"] == 1, "the branch has been silent once")
        tap.wait(lambda _: len(tap.payloads("applied")) == before + 1, 60)  # the trunk
        assert system.ask("unmute", "meter~2")["muted"] is False
        assert "is not muted" in system.command("unmute", "meter~2", status=4).stderr
        raw.publish("numbers", "2", qos=1)
        tap.wait(lambda _: len(tap.payloads("applied")) == before + 3, 60)
    totals = [json.loads(payload)["total"] for payload in tap.payloads("applied")[before + 1 :]]
    assert 1009 in totals

"""A hub that is alone protects itself: what runs is saved, then suspended, the least important first; and goes on."""

from __future__ import annotations

import asyncio
import functools
import json
from pathlib import Path

import pytest
from echoing_functions import SUM, TOPICS, send
from hub_under_test import running_hub
from test_ahead import is_there

from devices.conditions import comparison
from devices.conditions.metrics import HUB
from devices.errors import ConfigurationError
from devices.hub import ahead, guard
from devices.hub.config import read_config
from devices.hub.guard import STEP, Guard, Protection
from devices.hub.metrics import Meter
from devices.hub.power import FRESH, Ups, from_folder
from devices.protocol import answers
from devices.testing.broker import RawPublisher, Tap


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def protection(**changes) -> Protection:
    when, clear = comparison.parse("hub.memory > 95", HUB), comparison.parse("hub.memory < 85", HUB)
    return Protection(**({"name": "memory", "when": when, "hold": 30.0, "clear": clear} | changes))


def judged(one: Guard, *readings: tuple[float, float | None]) -> list[str]:
    return [one.judge({} if memory is None else {"hub.memory": memory}, at) for at, memory in readings]


def test_it_acts_when_the_condition_has_held_and_then_step_by_step_while_it_holds():
    readings = [(0, 96), (20, 96), (30, 96), (40, 96), (60, 96), (80, 96), (90, 90), (120, 96), (121, 96)]
    assert judged(Guard(protection()), *readings) == ["", "", "save", "", "suspend", "", "", "suspend", ""]


def test_functions_go_on_step_by_step_while_it_is_clear():
    one = Guard(protection(hold=0.0))
    assert judged(one, (0, 96), (5, 80)) == ["save", ""]
    assert judged(one, (STEP, 80), (STEP + 1, 80), (2 * STEP, 90), (3 * STEP, 80)) == ["go on", "", "", "go on"]


def test_no_reading_proves_nothing_and_a_peak_is_none():
    assert judged(Guard(protection()), (0, 96), (29, 90), (31, 96), (60, None), (62, 96)) == ["", "", "", "", "save"]


def test_one_that_only_saves_suspends_nobody():
    one = Guard(protection(hold=0.0, do="checkpoint"))
    assert judged(one, (0, 96), (60, 96), (120, 80), (180, 80)) == ["save", "", "", ""]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('memory = { when = "hub.memry > 95" }', "there is no metric 'hub.memry'"),
        ('memory = { when = "hub.memory > 95", clear = "hub.memory > 90" }', "can hold while"),
        ('memory = { when = "hub.memory > 95", clear = "hub.cpu < 90" }', "can hold while"),
        ('memory = { when = "hub.memory > 95", for = "long" }', "is no duration"),
        ("memory = true", "a table is needed"),
    ],
)
def test_a_protection_that_cannot_be_is_refused_with_its_name(tmp_path: Path, text: str, said: str):
    (tmp_path / "hub.toml").write_text(f"[protect]\n{text}\n")
    with pytest.raises(ConfigurationError, match=said) as refused:
        read_config(tmp_path / "hub.toml", {}, {})
    assert "protect.memory" in (refused.value.place or "")


def test_a_low_battery_is_seen_to_without_being_asked_and_can_be_turned_off(tmp_path: Path):
    (own,) = read_config(None, {}, {}).protect
    assert (own.name, own.when.words(12), own.hold) == ("battery", "hub.reserve 12 < 20", 30.0)
    (tmp_path / "hub.toml").write_text('[protect]\nbattery = false\nfull = { when = "hub.memory > 95" }\n')
    (full,) = read_config(tmp_path / "hub.toml", {}, {}).protect
    assert (full.name, full.clear.words(95)) == ("full", "hub.memory 95 <= 95")


def battery(folder: Path, capacity: int, status: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "capacity").write_text(f"{capacity}\n")
    (folder / "status").write_text(f"{status}\n")


def test_a_battery_is_read_as_linux_shows_it(tmp_path: Path):
    meter = Meter(tmp_path, power=lambda: from_folder(tmp_path / "BAT0"))
    assert (meter.read({}, 0).battery, meter.read({}, 0).mains) == (None, None)
    for status, mains in (("Discharging", False), ("Charging", True), ("Full", True), ("Not charging", True)):
        battery(tmp_path / "BAT0", 42, status)
        assert (meter.read({}, 0).battery, meter.read({}, 0).mains) == (42.0, mains)


CHARGE, STATUS = "nut2mqtt/hosts/nas/ups/battery/charge", "nut2mqtt/hosts/nas/ups/ups/status"


@pytest.mark.parametrize(
    ("status", "mains"),
    [(b"OL", True), (b"OB DISCHRG", False), (b"OL CHRG LB", True), (b"ONBATT", False), (b"ALARM", None), (b"", None)],
)
def test_a_ups_is_believed_while_it_speaks_and_never_by_what_the_broker_had_kept(status, mains):
    ups = Ups(CHARGE, STATUS)
    ups.take(CHARGE, b"17", retained=True, at=0.0)
    ups.take(STATUS, status, retained=False, at=0.0)
    assert ups.power(1.0) == (None, mains)
    for payload in (b"17.5", b"", b"nan", b"low", b"170", b'{"charge": 3}', b"\xff"):
        ups.take(CHARGE, payload, retained=False, at=1.0)
    ups.take("nut2mqtt/hosts/pi/ups/battery/charge", b"3", retained=False, at=1.0)
    assert ups.power(2.0) == (17.5, mains)
    assert ups.power(FRESH + 0.5) == (17.5, None)
    assert ups.power(FRESH + 2.0) == (None, None)


async def test_a_ups_is_this_hubs_battery(broker, coordinator, tmp_path):
    settings = {"metrics.battery": CHARGE, "metrics.mains": STATUS, "metrics.every": "100ms"}
    with Tap(broker.address, TOPICS.hub("hub-a", "metrics")) as tap, RawPublisher(broker.address) as bridge:
        async with running_hub(broker, tmp_path, "hub-a", **settings):
            told = functools.partial(asyncio.to_thread, tap.wait)
            await told(lambda heard: bool(heard))
            for topic, payload in ((CHARGE, "31"), (STATUS, "OB")):
                await asyncio.to_thread(bridge.publish, topic, payload)

            def says_so(heard) -> bool:
                metrics = json.loads(heard[-1].payload)
                return (metrics["battery"], metrics["mains"]) == (31.0, False)

            await told(says_so)


async def test_on_a_low_battery_functions_are_suspended_and_go_on_with_mains_also_after_a_restart_and_with_a_coordinator(
    broker, coordinator, watch, device, tmp_path, monkeypatch
):
    monkeypatch.setattr(ahead, "AFTER", 0.2)
    monkeypatch.setattr(guard, "STEP", 0.1)
    power = tmp_path / "BAT0"
    battery(power, 10, "Charging")
    protect = {"when": "hub.reserve < 20", "for": "200ms", "clear": "hub.reserve > 30"}
    settings = {"metrics.battery": str(power), "metrics.every": "100ms", "protect.battery": protect}
    async with running_hub(broker, tmp_path, "hub-a", **settings) as hub:
        for name, priority in (("light", -5), ("heavy", 5)):
            await coordinator.run(name, "hub-a", SUM, "total", settings={"checkpoint": 3600.0, "priority": priority})
            await watch.state(name, text="listening")
        await send(device, "3")
        await watch.state("heavy", values={"total": 3})
        battery(power, 10, "Discharging")  # the coordinator is there: it decides
        await coordinator.heard(answers.Report)
        await is_there(coordinator, False)
        light, heavy = [await watch.state(name, state="suspended") for name in ("light", "heavy")]
        assert light["since"] < heavy["since"]
        assert light["reason"] == "battery: hub.reserve 10 < 20; it goes on when hub.reserve > 30"
        assert all(life.instance.worker is None for life in hub.agent.instances.lives.values())
        await send(device, "4")
        await hub.stop()
        await hub.start()
        battery(power, 11, "Charging")
        for name in ("heavy", "light"):
            await watch.state(name, state="running", values={"total": 7})
        battery(power, 9, "Discharging")
        await watch.state("light", state="suspended")
        await is_there(coordinator, True)

        def told(report: answers.Report) -> bool:
            return any((it.instance, it.until) == ("light", "hub.reserve > 30") for it in report.holding)

        await coordinator.heard(answers.Report, told)

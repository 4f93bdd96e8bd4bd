"""`rules`: what a running coordinator says of its rules."""

from __future__ import annotations

import asyncio

import pytest
from coordinator_house import WASHER, hubs_online

from coordinator.cli.showing_rules import rule_cells, rule_facts
from devices.errors import RefusedError
from devices.mqtt.session import Session

RULES = """
[hot]
when = "hub.temperature > 75"
for = "1s"
do = "migrate"
[power]
topic = "tele/{plug}/SENSOR"
when = 'payload.Power > 100 && true'
[meter]
topic = "meter"
silent = "5m"
quiet = "00:00-23:59"
"""


async def test_each_rule_tells_its_present_value_its_last_firing_and_what_went_wrong(house, tmp_path):
    await house.stop()
    house.rules = tmp_path / "rules"
    house.rules.mkdir()
    (house.rules / "house.toml").write_text(RULES)
    async with Session(house.address, "plug", clean_start=True, session_expiry=0) as plug:
        await plug.publish("tele/b/SENSOR", b'{"Power": 300}', retain=True)
    await house.start()
    asker = await house.asker()
    await asker.until(lambda: asker.status() and asker.status().state == "online")
    hub = await house.hub("hub-a")
    await hubs_online(asker, 1)
    await asker.ask("run", files={"washer.py": WASHER})
    async with Session(house.address, "plug", clean_start=True, session_expiry=0) as plug:
        async with asyncio.timeout(30):
            while not asker.told("stays on hub-a"):
                hub.measure(temperature=80.0)
                await asyncio.sleep(0.1)
            while (await asker.ask("rules", rule="power"))[0].errors == 0:
                await plug.publish("tele/a/SENSOR", b'{"Power": 50}')
                await plug.publish("tele/a/SENSOR", b'{"Power": "much"}')
                await asyncio.sleep(0.1)
        await plug.publish("tele/a/SENSOR", b'{"Power": 50}')
        built_in, hot, power, meter = await asker.ask("rules")
        while power.subjects[0].value is None:
            (power,) = await asker.ask("rules", rule="power")
    assert (built_in.rule, built_in.builtin, built_in.place) == ("low-battery", True, "built in:1")
    assert [each.no_value for each in built_in.subjects] == ["it does not measure that"]
    (about,) = hot.subjects
    assert (hot.when, hot.threshold, hot.hold) == ("hub.temperature > 75", 75.0, 1.0)
    assert (about.subject, about.value, about.holds, about.active) == ("hub-a", 80.0, True, True)
    assert (hot.fired, hot.last_subject, hot.last_did) == (1, "hub-a", "migrate washer")
    told = {each.subject: each for each in power.subjects}
    assert told["tele/b/SENSOR"].retained
    assert (told["tele/a/SENSOR"].value, told["tele/a/SENSOR"].values) == (0.0, {"payload.Power": 50.0})
    assert "operand types" in power.error
    assert (meter.when, meter.quiet, meter.quiet_now) == ("silent for 5m", "00:00-23:59", meter.quiet_now)
    assert [subject.subject for subject in meter.subjects] == ["meter"]
    shown = [[str(cell) for cell in cells] for row in (built_in, hot, power, meter) for cells in rule_cells(row)]
    assert shown[1][:4] == ["hot", "hub.temperature > 75", "hub-a", "80"]
    assert "errors" in shown[2][-1] + shown[3][-1]
    facts = dict(rule_facts(hot))
    assert (facts["does"], facts["fired"]) == ("migrate (most cpu)", "once since the coordinator's start")
    assert facts["last fired"].endswith(", hub-a: migrate washer")
    last = hot.last_fired
    await house.stop()
    await house.start()
    await asker.until(lambda: asker.status() and asker.status().state == "online")
    (hot,) = await asker.ask("rules", rule="hot")
    assert (hot.fired, hot.last_fired) == (0, last)
    with pytest.raises(RefusedError, match="there is no rule 'hott'"):
        await asker.ask("rules", rule="hott")

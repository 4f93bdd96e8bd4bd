"""The rules of a real house, word for word as its owner wrote them, and what becomes of them on its messages."""

from __future__ import annotations

from rules_judged import Judged

from coordinator.rules.rule import Recovery

HOUSE = """\
[hot]                                          # 1: the plain one; works without CEL too
when  = "hub.temperature > 75"
for   = "20s"
clear = "hub.temperature < 65"
do    = "migrate"
which = "most cpu"                             # one at a time, until it is expected below the threshold
[memory-ahead]                                 # 2: before, not after
when  = 'forecast(hub.memory, "10m") > 92'
do    = ["checkpoint", "migrate"]
which = "lowest priority"
[on-battery]                                   # 3: any topic, named segments; suspends here, resumes by itself
topic   = "nut2mqtt/hosts/{host}/ups/ups/status"
when    = 'payload.contains("OB")'
for     = "1m"
do      = "suspend"
which   = "label:batch"
resume  = 'payload.contains("OL")'
publish = { topic = "notify/phone", text = "${topic.host} on battery: ${acted_on} suspended" }
[meter-silent]                                 # 4: absence; a retained message is no sign of life
topic   = "evcc/site/gridPower"
silent  = "5m"
publish = { topic = "notify/phone", text = "The grid meter has been silent for ${age}" }
"""
UPS = "nut2mqtt/hosts/nas/ups/ups/status"


def test_all_four_fire_when_they_should(tmp_path):
    judged = Judged(tmp_path, HOUSE)
    judged.facts.passed(0)
    judged.say(UPS, "OB DISCHRG", 0, retain=True)
    for at in range(0, 1200, 10):
        judged.hub("nas", at, memory=40 + at / 20, temperature=80 if at >= 100 else 60)
        judged.facts.passed(at)
        if at < 400:
            judged.say("evcc/site/gridPower", "-120.5", at)
        if at >= 500:
            judged.say(UPS, "OB DISCHRG", at)
    first = {}
    for firing in judged.fired:
        first.setdefault(firing.rule.name, firing)
    assert {name: firing.at for name, firing in first.items() if name != "memory-ahead"} == {
        "hot": 120,
        "on-battery": 560,
        "meter-silent": 690,
    }
    assert 300 < first["memory-ahead"].at < 1040 - 300
    assert first["on-battery"].mentioned == {"topic.host": "nas"}
    assert first["on-battery"].why == f"{UPS}: payload.contains(\"OB\") (payload 'OB DISCHRG') for 1m"
    again = [firing.at for firing in judged.fired if firing.rule.name == "hot"]
    assert again == list(range(120, 1200, 60))


def test_what_was_suspended_goes_on_when_the_power_is_back_and_not_by_a_retained_message(tmp_path):
    judged = Judged(tmp_path, HOUSE)
    recovered: list[Recovery] = []
    judged.evaluation._recover = recovered.append
    judged.evaluation._awaited = {"on-battery": {UPS}, "gone": {UPS}}
    judged.say(UPS, "OL", 0, retain=True)
    judged.say(UPS, "OB", 1)
    judged.say(UPS.replace("nas", "desk"), "OL", 2)
    judged.say(UPS, "", 3)
    assert recovered == []
    judged.say(UPS, "OL CHRG", 4)
    (recovery,) = recovered
    assert recovery.why == f"{UPS}: payload.contains(\"OL\") (payload 'OL CHRG')"

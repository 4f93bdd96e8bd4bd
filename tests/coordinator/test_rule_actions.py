"""What rules do, in a whole coordinator: suspend and let go on over a restart, publish, run, and know when to stop."""

from __future__ import annotations

import asyncio

import pytest
from coordinator_house import WASHER, Asker, hubs_online

from devices.mqtt.session import Session

LABELLED = WASHER.replace("@function", '@function(labels=["wash"])')
UPS = "nut2mqtt/hosts/nas/ups/ups/status"
RULES = """
[on-battery]
topic = "nut2mqtt/hosts/{host}/ups/ups/status"
when = 'payload.contains("OB")'
do = "suspend"
which = "label:wash"
resume = 'payload.contains("OL")'
publish = { topic = "notify/phone", text = "${topic.host} on battery: ${acted_on} suspended" }
[ring]
topic = "bell"
when = 'payload == "ring"'
publish = { topic = "midstream/hubs/x/command", text = "no" }
run = { file = "notify.py", args = { plug = "${payload}" } }
"""


class Device:
    """Speaks on the house's broker and hears what is said to it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def say(self, topic: str, payload: str) -> None:
        await self.session.publish(topic, payload.encode())

    async def listen(self) -> None:
        await self.session.subscribe({"notify/#": 1})
        async for delivery in self.session.deliveries():
            self.heard.put_nowait((delivery.topic, delivery.payload))


@pytest.fixture
async def device(house):
    async with Session(house.address, "device", clean_start=True, session_expiry=0) as session:
        device = Device(session)
        listening = asyncio.create_task(device.listen())
        yield device
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def with_rules(house, tmp_path, text: str) -> Asker:
    await house.stop()
    house.rules = tmp_path / "rules"
    house.rules.mkdir(exist_ok=True)
    (house.rules / "notify.py").write_text(WASHER.replace("def washer", "def notify"))
    (house.rules / "house.toml").write_text(text)
    await house.start()
    asker = await house.asker()
    await asker.until(lambda: asker.status() and asker.status().state == "online")
    return asker


async def test_what_a_rule_has_suspended_goes_on_by_itself_after_the_coordinator_was_started_anew(
    house, tmp_path, device
):
    asker = await with_rules(house, tmp_path, RULES)
    hub = await house.hub("hub-a")
    await hubs_online(asker, 1)
    await asker.ask("run", files={"washer.py": LABELLED})
    await asker.ask("run", files={"washer.py": WASHER}, name="dryer")
    await asker.ask("suspend", instance="dryer")
    async with asyncio.timeout(30):
        while not asker.told("suspended washer"):
            await device.say(UPS, "OB DISCHRG")
            await asyncio.sleep(0.1)
        said = await device.heard.get()
    assert said == ("notify/phone", b"nas on battery: washer suspended")
    (row,) = await asker.ask("ps", instance="washer")
    assert row.until == "rule on-battery to let it go on"
    assert (await asker.ask("rules", rule="on-battery"))[0].suspended == ["washer"]
    await house.stop()
    await house.start()
    await asker.until(lambda: asker.status() and asker.status().state == "online")
    await device.say(UPS.replace("nas", "desk"), "OL")
    async with asyncio.timeout(30):
        while not asker.told("resumed washer on hub-a"):
            await device.say(UPS, "OL")
            await asyncio.sleep(0.1)
    assert hub.copies["washer"].epoch == 2
    rows = {row.instance: row.state for row in await asker.ask("ps")}
    assert rows == {"washer": "running", "dryer": "suspended"}
    assert (await asker.ask("why", instance="washer"))[-1].did == "resumed washer on hub-a"


async def test_what_somebody_has_resumed_and_suspended_again_stays_so(house, tmp_path, device):
    asker = await with_rules(house, tmp_path, RULES)
    await house.hub("hub-a")
    await hubs_online(asker, 1)
    await asker.ask("run", files={"washer.py": LABELLED})
    async with asyncio.timeout(30):
        while not house.coordinator._reactions.awaited:
            await device.say(UPS, "OB DISCHRG")
            await asyncio.sleep(0.1)
    await asker.ask("resume", instance="washer")
    await asker.ask("suspend", instance="washer")
    async with asyncio.timeout(30):
        while house.coordinator._reactions.awaited["on-battery"]:
            await device.say(UPS, "OL")
            await asyncio.sleep(0.1)
    assert [row.state for row in await asker.ask("ps")] == ["suspended"]


async def test_a_rule_runs_a_function_publishes_nothing_below_our_own_topics_and_says_who_waits_for_it(
    house, tmp_path, device
):
    asker = await with_rules(house, tmp_path, RULES)
    hub = await house.hub("hub-a")
    await hubs_online(asker, 1)
    await asker.ask("run", files={"washer.py": LABELLED})
    async with asyncio.timeout(30):
        while not asker.told("suspended washer"):
            await device.say(UPS, "OB")
            await asyncio.sleep(0.1)
        while not asker.told("started notify on hub-a"):
            await device.say("bell", "ring")
            await asyncio.sleep(0.1)
    await asker.until(lambda: asker.told("could not publish on midstream/hubs/x/command"))
    assert hub.copies["notify"].epoch == 1
    (house.rules / "house.toml").write_text("")
    waits = "washer was suspended by rule on-battery, which is not there any more: midstream resume washer"
    await asker.until(lambda: waits in asker.status().attention)

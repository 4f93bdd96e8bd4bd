"""The examples, run and moved at each of their waits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted_agent import ScriptedHub

from devices.protocol import link
from devices.runtime.function import choose, read_functions
from devices.runtime.source import read_source

EXAMPLES = Path(__file__).parents[2] / "examples"


class Moving:
    """A function that is moved to a new process whenever it waits, as long as ``moves`` lasts."""

    def __init__(self, workers, name: str) -> None:
        self.workers = workers
        self.source = read_source(EXAMPLES / f"{name}.py")
        self.filters: dict[int, list[str]] = {}
        self.heard: dict[int, link.Deliver | None] = {}
        self.published: list[tuple[str, str]] = []
        self.moves = 0
        self.hub: ScriptedHub

    async def load(self) -> ScriptedHub:
        hub = await self.workers.ready()
        hub.send(link.Load(module=self.source.module, files=self.source.files))
        assert hub.expect(link.Ready).loaded
        return hub

    async def start(self) -> None:
        self.hub = await self.load()
        self.hub.begin(self.source.module)

    async def waits(self) -> link.Pull | link.Sleeping:
        """Serves the function until it waits, then moves it and lets it come to the same wait again."""
        frame = self._serve()
        self.hub.ask_for_capture(hold=True)
        while isinstance(captured := self.hub.expect(link.Captured | link.Unpull), link.Unpull):
            pass
        old, self.hub = self.hub, await self.load()
        begin = {"image": captured.image, "sequence": captured.sequence, "delivered": captured.delivered}
        self.hub.begin(self.source.module, subscriptions=self.filters, **begin)
        old.worker.close()
        self.moves += 1
        again = self._serve()
        assert type(again) is type(frame)
        return again

    def _serve(self) -> link.Pull | link.Sleeping:
        while True:
            frame = self.hub.frame()
            match frame:
                case link.Subscribe():
                    self.filters[frame.subscription] = frame.filters
                    self.hub.send(link.Subscribed(subscription=frame.subscription))
                case link.Unsubscribe():
                    del self.filters[frame.subscription]
                case link.Latest():
                    self.hub.send(link.Newest(message=self.heard.get(frame.subscription)))
                case link.Publish():
                    self.published.append((frame.topic, frame.payload.decode()))
                case link.Unpull():  # sooner than the test could speak: then that silence counts for nothing
                    self.hub.send(link.Unpulled(deaf=60.0))
                case link.Pull():
                    return frame
                case link.Sleeping(until=until) if until is not None:
                    return frame
                case link.Log() | link.Status() | link.Sleeping():
                    pass
                case _:
                    raise AssertionError(frame)

    def tell(self, subscription: int, topic: str, payload: object, at: float = 1_767_225_600.0) -> None:
        data = payload if isinstance(payload, str) else json.dumps(payload)
        self.heard[subscription] = self.hub.message(topic, data, subscription=subscription)
        self.hub.deliver(topic, data, subscription=subscription, at=at)

    def time_out(self) -> None:
        """The function has taken back its pull: nothing came."""
        self.hub.expect(link.Unpull)
        self.hub.send(link.Unpulled())


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_an_example_reads_as_a_function(name):
    declaration = choose(read_functions(read_source(EXAMPLES / f"{name}.py")), None)
    assert declaration.name == name
    assert declaration.docstring


async def test_the_washer_tells_once_what_the_wash_used_and_nags_until_the_door_is_opened(workers):
    washer = Moving(workers, "washer")
    text = washer.source.files["washer.py"].replace('"6m"', '"200ms"').replace('"15m"', '"200ms"')
    washer.source = type(washer.source)("washer", {"washer.py": text})
    await washer.start()
    for power, total in ((3, 1.0), (900, 1.0), (1500, 1.4), (4, 1.5)):
        await washer.waits()
        washer.tell(1, "tele/washer/SENSOR", {"ENERGY": {"Power": power, "Total": total}})
    await washer.waits()
    washer.time_out()
    await washer.waits()
    assert washer.published == [("notify/phone", "Washing done, 0.40 kWh")]
    washer.time_out()
    await washer.waits()
    assert washer.published[-1] == ("notify/phone", "The washing is still in the machine")
    washer.tell(2, "zigbee2mqtt/washer_door", {"contact": True})
    await washer.waits()
    washer.tell(2, "zigbee2mqtt/washer_door", {"contact": False})
    await washer.waits()
    assert washer.filters == {1: ["tele/washer/SENSOR"]}
    assert len([text for _, text in washer.published if "done" in text]) == 1
    assert washer.moves == 9


async def test_the_boiler_heats_with_the_sun_and_ends_a_boost(workers):
    boiler = Moving(workers, "boiler")
    await boiler.start()
    await boiler.waits()
    boiler.tell(2, "boiler/sensor/tank/state", "45")
    for _ in range(12):
        await boiler.waits()
        boiler.tell(1, "evcc/site/gridPower", "-2500")
    await boiler.waits()
    assert [text for _, text in boiler.published] == ["OFF", "ON"]
    boiler.tell(2, "boiler/sensor/tank/state", "61")
    await boiler.waits()
    assert boiler.published[-1] == ("cmnd/boiler/POWER", "OFF")
    boiler.tell(3, "home/boiler/boost", "3s")
    slept = await boiler.waits()
    assert isinstance(slept, link.Sleeping)
    assert boiler.published[-1] == ("cmnd/boiler/POWER", "ON")
    await boiler.waits()
    assert boiler.published[-1] == ("cmnd/boiler/POWER", "OFF")

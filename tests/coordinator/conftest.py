"""A house for each test: a broker, a coordinator, hubs."""

from __future__ import annotations

import pytest
from coordinator_house import WASHER, House, hubs_online
from scripted_hub import TOPICS

from devices.testing.broker import running_broker


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory):
    with running_broker("mosquitto", tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker.address


@pytest.fixture
async def house(tmp_path, request):
    """A coordinator on a broker of its own for each test: nothing retained is left over."""
    kind = getattr(request, "param", "mosquitto")
    with running_broker(kind, tmp_path / "broker") as broker:
        it = House(broker.address, tmp_path / "coordinator")
        await it.start()
        try:
            yield it
        finally:
            await it.close()


@pytest.fixture
async def asker(house):
    it = await house.asker()
    await it.until(lambda: TOPICS.coordinator_status in it.kept)
    return it


@pytest.fixture
async def washer(house, asker):
    """The instance `washer`, running on hub-a; hub-b is there too."""
    a, b = await house.hub("hub-a"), await house.hub("hub-b")
    await hubs_online(asker, 2)
    started = await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a")
    assert (started.instance, started.hub, started.epoch) == ("washer", "hub-a", 1)
    return a, b

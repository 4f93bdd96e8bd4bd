"""However an instance ends, the broker keeps no session of it: one would queue messages that nobody ever reads."""

from __future__ import annotations

import secrets

import pytest
from echoing_functions import SUM, send, session_exists, until

from devices.protocol import commands


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def stop(coordinator, instance: str, hub: str) -> None:
    epoch = coordinator.epochs[instance]
    command = commands.Stop(id=secrets.token_hex(4), instance=instance, epoch=epoch, reason="asked")
    await coordinator.answer_to(hub, command)


async def test_no_session_is_left_of_what_has_moved_slept_and_ended(broker, coordinator, hub_a, hub_b, watch, device):
    names = ("moved", "suspended", "stayed", "finished")
    for name in names:
        await coordinator.run(name, "hub-a", SUM, "total")
        await watch.state(name, waiting="in")
    for name in ("moved", "finished"):
        await coordinator.move(name, "hub-a", "hub-b")
    await stop(coordinator, "moved", "hub-b")
    await coordinator.send("hub-a", coordinator.capture_command("suspended", hold=True))
    await watch.state("suspended", state="suspended")
    await send(device, "1")
    await watch.state("suspended", lag=1)
    await stop(coordinator, "suspended", "hub-a")
    await send(device, "end")
    await watch.state("finished", state="finished")
    await watch.state("stayed", state="finished")
    await until(lambda: not hub_a.agent.instances.lives and not hub_b.agent.instances.lives)
    assert [name for name in names if await session_exists(broker, name)] == []
    assert list(hub_a.config.spool.iterdir()) == list(hub_b.config.spool.iterdir()) == []

"""What a hub tells on its own machine: through a door for its owner, and by its spool when it does not run."""

from __future__ import annotations

import asyncio
import json
import stat

import msgspec
import pytest
from echoing_functions import SUM, send, until

from devices.errors import UnreachableError
from devices.hub import claims, door
from devices.hub.local import LocalHub
from devices.hub.local_view import kept
from devices.protocol.topics import Topics
from devices.testing.broker import publish_raw

TOPICS = Topics()
NEVER = {"settings": {"failover": "never", "durability": "spool"}}


@pytest.fixture(params=["mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def asked(hub) -> LocalHub:
    told = await asyncio.to_thread(door.ask, hub.config.folder)
    return msgspec.json.decode(told, type=LocalHub)


async def test_a_hub_tells_its_owner_what_it_runs_also_without_broker_and_coordinator(
    broker, coordinator, hub_a, watch, device
):
    await coordinator.run("total", "hub-a", SUM, "total")
    await coordinator.run("never", "hub-a", SUM, "total", **NEVER)
    for name in ("total", "never"):
        await watch.state(name, text="listening")
    await send(device, "1")
    for name in ("total", "never"):
        await watch.state(name, values={"total": 1})
    socket = hub_a.config.folder / "door"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    local = await asked(hub_a)
    assert (local.hub, local.state, local.broker, local.coordinator) == ("hub-a", "online", True, True)
    assert [(it.instance, it.function, it.state, it.text) for it in local.instances] == [
        ("total", "total", "running", "added"),
        ("never", "total", "running", "added"),
    ]
    broker.kill()
    await until(lambda: not hub_a.agent.control.up.is_set())
    total, never = hub_a.agent.instances.lives["total"].instance, hub_a.agent.instances.lives["never"].instance
    await until(lambda: total.waits)
    await until(lambda: never.steady.is_set())
    local = await asked(hub_a)
    assert (local.broker, local.coordinator) == (False, False)
    assert [it.reason for it in local.instances] == [claims.UNREADABLE, ""]
    broker.start()


async def test_a_function_whose_claim_the_broker_has_lost_waits_for_it_unless_it_never_goes_elsewhere(
    broker, coordinator, hub_a, watch, device
):
    await coordinator.run("total", "hub-a", SUM, "total")
    await coordinator.run("never", "hub-a", SUM, "total", **NEVER)
    await watch.state("never", text="listening")
    await watch.state("total", text="listening")
    await hub_a.stop()
    for name in ("total", "never"):
        await asyncio.to_thread(publish_raw, broker.address, TOPICS.instance(name, "claim"), b"", qos=1, retain=True)
    await hub_a.start()
    await watch.state("never", state="running")
    await send(device, "5")
    await watch.state("never", values={"total": 5})
    rows = {it.instance: it for it in (await asked(hub_a)).instances}
    assert rows["total"].reason == claims.UNREADABLE
    assert "its hub was started again" in rows["never"].reason
    claim = coordinator.claims["total"]
    await asyncio.to_thread(
        publish_raw,
        broker.address,
        TOPICS.instance("total", "claim"),
        json.dumps(msgspec.to_builtins(claim)),
        qos=1,
        retain=True,
    )
    await watch.state("total", values={"total": 5})
    assert claims.UNREADABLE not in {it.reason for it in (await asked(hub_a)).instances}


async def test_of_a_hub_that_does_not_run_the_spool_is_read_and_not_changed(coordinator, hub_a, watch, device):
    await coordinator.run("total", "hub-a", SUM, "total")
    await watch.state("total", text="listening")
    await hub_a.stop()
    assert door.ask(hub_a.config.folder) is None
    before = {path: path.stat().st_mtime_ns for path in hub_a.config.spool.rglob("*")}
    (row,) = kept(hub_a.config.spool)
    assert (row.instance, row.function, row.state, row.line) == ("total", "total", "restarting", "main.py:9")
    assert "goes on from here when this hub runs" in row.reason
    assert row.waiting == "in"
    assert {path: path.stat().st_mtime_ns for path in hub_a.config.spool.rglob("*")} == before
    await hub_a.start()


async def test_a_hub_that_hangs_is_told_from_one_that_does_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(door, "_WAIT", 0.2)
    async with door.opened(tmp_path, lambda: b"{}"):
        assert await asyncio.to_thread(door.ask, tmp_path) == b"{}"

        def ask_while_it_hangs():
            with pytest.raises(UnreachableError, match="does not answer"):
                door.ask(tmp_path)

        ask_while_it_hangs()  # in the loop itself, which cannot answer meanwhile
    assert await asyncio.to_thread(door.ask, tmp_path) is None

"""A hub asks for what it lacks, takes nothing that nobody asked for, and goes on where a transfer was cut."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from packages import ALLOWED, KEY, made, wishes

from coordinator.deployment.site import Resource
from devices.errors import DamagedError, ProtocolError, RefusedError
from devices.hub.deployment import Deployments, ability
from devices.permissions.package import Package, cut, digest, seal
from devices.protocol import sealing
from devices.protocol.answers import Deployed, Wants
from devices.protocol.commands import Deploy, Survey

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="owners and groups are the superuser's to give")


def on_hub(tmp_path, name: str = "nas") -> Deployments:
    return Deployments(name, tmp_path / "target", ALLOWED, lambda: sealing.public_bytes(KEY))


def command(sealed: bytes) -> tuple[Deploy, dict[str, bytes]]:
    parts = {digest(part).hex(): part for part in cut(sealed)}
    return Deploy(id="d", instance="", parts=list(parts)), parts


async def given(hub: Deployments, sealed: bytes, contents: dict[str, bytes]) -> Deployed:
    deploy, parts = command(sealed)
    while isinstance(answer := await hub.deploy(deploy), Wants):
        for name in answer.parts:
            hub.take_part(name, {**parts, **contents}[name])
    return answer


@pytest.fixture
def package(tmp_path) -> tuple[Package, dict[str, bytes]]:
    resources = {f"r{number}": Resource("text", f"text {number}") for number in range(5)}
    it, packed = made(tmp_path, resources, wishes(a="r0 r"))
    return it, {part.hex(): packed.part(part) for part in packed.parts}


@as_root
async def test_a_transfer_that_was_cut_goes_on_where_it_was_also_for_a_hub_that_was_started_again(tmp_path, package):
    it, contents = package
    deploy, parts = command(seal(it, KEY))
    hub = on_hub(tmp_path)
    wants = await hub.deploy(deploy)
    assert isinstance(wants, Wants)
    for name in wants.parts:
        hub.take_part(name, parts[name])
    wants = await hub.deploy(deploy)
    assert sorted(wants.parts) == sorted(contents)
    for name in wants.parts[:3]:
        hub.take_part(name, contents[name])
    hub.close()
    hub = on_hub(tmp_path)
    await hub.begin()
    again = await hub.deploy(deploy)
    assert again.parts == wants.parts[3:]
    done = await given(hub, seal(it, KEY), contents)
    assert (done.version, done.drifted) == (1, 0)
    assert (await given(hub, seal(it, KEY), contents)).version == 1  # a repeat changes nothing
    hub.close()


@as_root
async def test_parts_that_nobody_asked_for_or_that_are_something_else_are_not_kept(tmp_path, package):
    it, _ = package
    hub = on_hub(tmp_path)
    with pytest.raises(ProtocolError, match="nobody has asked"):
        hub.take_part("0" * 64, b"x")
    deploy, _ = command(seal(it, KEY))
    with pytest.raises(ProtocolError, match="no part's name"):
        await hub.deploy(Deploy(id="d", instance="", parts=["../../etc/passwd"]))
    with pytest.raises(ProtocolError, match="in 0 parts"):
        await hub.deploy(Deploy(id="d", instance="", parts=[]))
    wants = await hub.deploy(deploy)
    with pytest.raises(DamagedError, match="not what its name says"):
        hub.take_part(wants.parts[0], b"something else")
    assert (await hub.deploy(deploy)).parts == wants.parts
    hub.close()


@as_root
async def test_a_package_of_somebody_else_or_for_another_hub_is_refused_and_nothing_of_it_stays(tmp_path, package):
    it, contents = package
    hub = on_hub(tmp_path)
    with pytest.raises(DamagedError, match="does not fit"):
        await given(hub, seal(it, Ed25519PrivateKey.generate()), contents)
    hub.close()
    hub = on_hub(tmp_path, "other")
    with pytest.raises(ProtocolError, match="for hub nas, not for other"):
        await given(hub, seal(it, KEY), contents)
    assert list((tmp_path / "target/parts").iterdir()) == []
    assert (await hub.survey(Survey(id="s", instance=""))).version == 0
    hub.close()


async def test_a_hub_that_is_not_the_superusers_says_so_and_takes_none(tmp_path, package, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert ability().startswith("reduced: ")
    hub = on_hub(tmp_path)
    with pytest.raises(RefusedError, match="does not run as the superuser"):
        await hub.deploy(command(seal(package[0], KEY))[0])
    assert (await hub.survey(Survey(id="s", instance=""))).version == 0
    assert not (tmp_path / "target").exists()

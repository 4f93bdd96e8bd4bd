"""What is kept of permission packages."""

from __future__ import annotations

import pytest

from coordinator.placement import tenants
from coordinator.store import deployments
from coordinator.store.database import Store
from coordinator.store.schema import Deployment, Function, Instance
from devices.errors import RefusedError


def row(hub: str, version: int, *names: str, state: str = deployments.DEPLOYED, bundle: bytes = b"x") -> Deployment:
    return Deployment(
        hub=hub, version=version, bundle=bundle, names=list(names), tasks=len(names), resources=0, size=0,
        created="2026-01-01", state=state,
    )  # fmt: skip


@pytest.fixture
async def store(tmp_path):
    it = Store.open(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield it
    it.close()


async def test_one_goes_back_to_what_was_in_force_before_or_to_a_version_that_was(store):
    for it in (row("a", 1), row("a", 2, state=deployments.FAILED), row("a", 3), row("b", 1), row("a", 4, bundle=b"")):
        await store.write(deployments.begin, it)
    assert (await store.read(deployments.to_go_back_to, "a", 0)).version == 3
    assert (await store.read(deployments.to_go_back_to, "a", 1)).version == 1
    for version, words in ((2, "was never in force"), (9, "was never in force"), (4, "is not kept any more")):
        with pytest.raises(RefusedError, match=words):
            await store.read(deployments.to_go_back_to, "a", version)
    with pytest.raises(RefusedError, match="has had no other package"):
        await store.read(deployments.to_go_back_to, "b", 0)
    assert await store.read(deployments.newest, "a") == 4
    assert (await store.read(deployments.in_force, "b")).version == 1


async def test_parts_are_kept_once_and_as_long_as_somebody_names_them(store):
    names = [f"{number:064x}" for number in range(1200)]
    for name in (*names[:3], names[0]):
        await store.write(deployments.keep_part, name, b"data")
    assert await store.read(deployments.missing, [*names, names[5]]) == names[3:]
    await store.write(deployments.keep_only, names[1:])
    with pytest.raises(RefusedError, match="not kept any more"):
        await store.read(deployments.part, names[0])
    assert await store.read(deployments.part, names[1]) == b"data"


async def test_a_function_that_runs_under_a_package_asks_for_hubs_whose_package_in_force_names_it(store):
    def begin(session):
        function = Function(
            name="camera", digest="d", module="m", doc="", parameters={}, settings={}, created="2026-01-01"
        )
        session.add(function)
        session.flush()
        for name, hub in (("here", "a"), ("elsewhere", "c")):
            instance = Instance(id=name, function=function.number, trunk=name, state="running", hub=hub)
            instance.since = instance.created = "2026-01-01"
            session.add(instance)

    await store.write(begin)
    for it in (row("a", 1, "camera"), row("b", 1, "camera"), row("b", 2, "other"), row("d", 1, "camera")):
        await store.write(deployments.begin, it)
    await store.write(deployments.begin, row("d", 2, "other", state=deployments.FAILED))
    wanted = await store.read(tenants.wishes, "here")
    assert wanted.granted == {"a", "d"}
    assert (await store.read(tenants.wishes, "elsewhere")).granted is None
    assert await store.read(tenants.granted, "camera") == {"a", "d"}, "where it may begin"
    assert await store.read(tenants.granted, "washer") is None, "nobody's task"

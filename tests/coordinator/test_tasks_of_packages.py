"""A function that some hub's permission package names as a task begins under such a package, or not at all."""

from __future__ import annotations

import pytest
from coordinator_house import WASHER, hubs_online

from coordinator.store import deployments
from coordinator.store.schema import Deployment
from devices.errors import RefusedError


async def test_a_function_that_is_a_task_begins_only_where_a_package_in_force_names_it(house, asker):
    for name in ("hub-a", "hub-b"):
        await house.hub(name)
    await hubs_online(asker, 2)
    row = Deployment(
        hub="hub-b", version=1, bundle=b"x", names=["washer"], tasks=1, resources=0, size=0, created="2026-01-01",
        state=deployments.DEPLOYED,
    )  # fmt: skip
    await house.store.write(deployments.begin, row)
    with pytest.raises(RefusedError, match="hub-a has no permission package that names it as a task"):
        await asker.ask("run", files={"washer.py": WASHER}, hub="hub-a")
    for branch in ("", "one-more"):
        started = await asker.ask("run", files={"washer.py": WASHER}, name=branch)
        assert started.hub == "hub-b"
    other = await asker.ask("run", files={"other.py": WASHER.replace("def washer", "def other")}, hub="hub-a")
    assert other.hub == "hub-a"

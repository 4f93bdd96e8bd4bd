"""A site file on one machine becomes a tree on another: the real command line, coordinator, broker and hub."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator.app import main
from coordinator.cli.options import Target
from coordinator.cli.requests import asked
from coordinator.config import CoordinatorConfig
from coordinator.retention import Retention
from coordinator.views.answers import RunAsk
from coordinator.views.deployed import DeploymentsAsk, RollbackAsk
from devices.errors import RefusedError, UnreachableError
from devices.hub.agent import Agent
from devices.hub.config import read_config
from devices.protocol.topics import Topics
from devices.runtime.settings import Settings
from devices.testing.broker import running_broker

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners and groups are the superuser's to give")

SITE = """\
[resources]
config = { text = "low = 10" }
pages = { folder = "pages" }
snapshots = { volume = "1KB" }
[tasks.camera]
write = ["snapshots"]
[tasks.counter]
read = ["snapshots", "config", "pages"]
"""


CAMERA = """\
import os
from midstream import ctx, function

@function
def camera():
    (ctx.resource("snapshots") / "who").write_text(f"{os.getuid()} {os.path.exists('/etc/passwd')}")
    while True:
        ctx.sleep("1h")
"""


async def midstream(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "coordinator.cli", "deploy", *arguments,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def of_this_machine() -> dict[str, str]:
    """What must be the same before and after: users, groups, ranges of ids, mounts, what stands in system folders."""
    files = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/subuid", "/etc/subgid", "/proc/self/mounts")
    found = {name: Path(name).read_text() for name in files if Path(name).exists()}
    folders = ("/", "/etc", "/var/lib", "/usr/local", "/home", "/run")
    return found | {name: " ".join(sorted(os.listdir(name))) for name in folders if Path(name).exists()}  # noqa: PTH208


async def appears(path: Path) -> None:
    async with asyncio.timeout(60):
        for pause in itertools.repeat(0.05):
            if path.exists() and path.read_text():
                return
            await asyncio.sleep(pause)


async def is_there(whom: Target) -> None:
    """Returns when the coordinator knows the hub."""
    async with asyncio.timeout(60):
        for pause in itertools.repeat(0.1):
            with contextlib.suppress(UnreachableError):
                if [row.able for row in await asked(whom, "deploy-status", DeploymentsAsk())] == [True]:
                    return
            await asyncio.sleep(pause)


async def test_push_status_history_and_rollback(tmp_path):
    (tmp_path / "pages").mkdir()
    for number in range(230):  # more than are asked for at a time
        (tmp_path / "pages" / f"{number}.txt").write_text(f"page {number}")
    (tmp_path / "site.toml").write_text(SITE)
    before = of_this_machine()
    target = tmp_path / "target"
    with running_broker("mosquitto", tmp_path / "broker") as broker:
        config = CoordinatorConfig(
            site="test",
            timezone="UTC",
            topics=Topics(),
            broker=broker.address,
            folder=tmp_path / "coordinator",
            store=f"sqlite:///{tmp_path / 'store.sqlite'}",
            rules=None,
            retention=Retention(last=20, days=30, size=10**9),
            defaults=Settings(),
        )
        given = {"name": "nas", "broker.url": broker.address.url, "folder": str(tmp_path / "hub")}
        hub = Agent(read_config(None, {}, given | {"permissions.target": str(target)}))
        stop = asyncio.Event()
        work = [asyncio.create_task(main(config)), asyncio.create_task(hub.serve(stop, asyncio.Event()))]
        whom = Target(address=broker.address, prefix="midstream", as_json=False)
        to = ("--hub", "nas", "--broker", broker.address.url)
        try:
            await is_there(whom)
            assert not target.exists()
            status, out, err = await midstream(tmp_path, "push", "site.toml", *to, "--json")
            assert (status, err) == (0, ""), err
            assert json.loads(out)["version"] == 1
            (page,) = (target / "current").resolve().glob("*/*/pages/17.txt")
            assert page.read_text() == "page 17"
            assert [row.drifted for row in await asked(whom, "deploy-status", DeploymentsAsk())] == [0]

            await asked(whom, "run", RunAsk(files={"camera.py": CAMERA}))
            (volume,) = (target / "current").resolve().glob("*/*/snapshots")
            await appears(volume / "who")
            uid = volume.joinpath("who").stat().st_uid
            assert volume.joinpath("who").read_text() == f"{uid} False"
            assert uid >= 1_900_000_000

            (tmp_path / "pages/17.txt").write_text("another")
            _, out, _ = await midstream(tmp_path, "plan", "site.toml", *to, "--json")
            assert [change["what"] for change in json.loads(out)["changes"]] == ["resource pages"]
            assert (await midstream(tmp_path, "push", "site.toml", *to))[:2] == (0, "nas: version 2 is in force\n")
            (page,) = (target / "current").resolve().glob("*/*/pages/17.txt")
            assert page.read_text() == "another"

            (row,) = await asked(whom, "deploy-status", DeploymentsAsk(hub="nas"))
            assert (row.older, row.trees) == (["camera still works in version 1"], [1, 2])

            _, out, err = await midstream(tmp_path, "push", "site.toml", *to, "--restart")
            assert out == "nas: version 3 is in force\ncamera goes on under it\n", err
            (row,) = await asked(whom, "deploy-status", DeploymentsAsk(hub="nas"))
            assert row.older == []
            (page,) = (target / "current").resolve().glob("*/*/pages/17.txt")

            page.write_text("tampered with")
            (volume,) = (target / "current").resolve().glob("*/*/snapshots")
            (volume / "one.jpg").write_bytes(bytes(5000))
            status, out, _ = await midstream(tmp_path, "status", *to, "--json")
            (row,) = json.loads(out)
            assert (status, row["drifted"], row["over_quota"]) == (1, 1, ["snapshots"])
            assert row["drift"][0]["path"].endswith("pages/17.txt")

            status, out, err = await midstream(tmp_path, "rollback", *to, "--to", "1")
            assert (status, out) == (0, "nas: version 4 is in force (version 1 again)\n"), err
            (page,) = (target / "current").resolve().glob("*/*/pages/17.txt")
            assert page.read_text() == "page 17"
            assert [path.name for path in (target / "current").resolve().glob("*/*/snapshots/*.jpg")] == ["one.jpg"]
            rows = await asked(whom, "deploy-history", DeploymentsAsk(hub="nas"))
            assert [(row.version, row.state, row.note) for row in rows] == [
                (4, "deployed", "version 1 again"),
                (3, "deployed", ""),
                (2, "deployed", ""),
                (1, "deployed", ""),
            ]

            (tmp_path / "site.toml").write_text(
                '[resources]\nx = { device = "/dev/no/such" }\n[tasks.t]\nread = ["x"]\n'
            )
            status, out, err = await midstream(tmp_path, "push", "site.toml", *to)
            assert (status, out) == (4, "")
            assert "this hub has no device /dev/no/such" in err
            assert [row.drifted for row in await asked(whom, "deploy-status", DeploymentsAsk())] == [0]
            with pytest.raises(RefusedError, match="there are: nas"):
                await asked(whom, "deploy-rollback", RollbackAsk(hub="none"))
            with pytest.raises(RefusedError, match="never in force"):
                await asked(whom, "deploy-rollback", RollbackAsk(hub="nas", version=5))
        finally:
            stop.set()
            await asyncio.wait([work[1]], timeout=20)
            work[0].cancel()
            await asyncio.gather(*work, return_exceptions=True)
    assert of_this_machine() == before
